package remediate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
)

// Line says in one line what a step is about.
func (s Step) Line() string {
	deed := string(s.Deed)
	switch {
	case deed == "":
		deed = "nothing"
	case s.Credential == "":
		return fmt.Sprintf("%s: %s %s in %s", deed, s.Rule, s.Preview, s.Repository)
	}
	return fmt.Sprintf("%s: %s %s (%s) in %s", deed, s.Rule, s.Preview, s.Credential, s.Repository)
}

// Blocks reports whether a step leaves a credential alone that may work.
func (s Step) Blocks() bool { return s.Deed == "" && s.Status != revoke.Dead }

// Details say the rest in plain words, a line each.
func (s Step) Details() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if s.Why != "" {
		add("%s: %s", s.Status, s.Why)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Identity)) {
		add("%s: %s", name, s.Identity[name])
	}
	if len(s.Scopes) > 0 {
		add("may: %s", strings.Join(s.Scopes, ", "))
	}
	if s.Severity == rules.Critical.String() {
		add("it is critical")
	}
	if s.Warning != "" {
		add("%s", s.Warning)
	}
	if s.Note != "" {
		add("%s", s.Note)
	}
	if s.Deed == "" {
		return lines
	}
	add("asked: %s, by %s (how it answers is known from: %s)", s.Provider, s.Target.Proof, s.Evidence)
	if !s.Deadline.IsZero() {
		add("it is private: where rotate or rollout is giving a new value, it is disabled when its consumers follow, at the latest at %s; else at once", s.Deadline.Format(time.RFC3339))
	}
	if s.Outage != "" {
		add("what stops: %s", s.Outage)
	}
	switch {
	case s.Disabled != "":
		add("disabled since %s; it is deleted now, and cannot be taken back: %s", s.Since.Format(time.RFC3339), s.Forever)
	case s.Undo:
		add("can be taken back: leakgate remediate undo")
	default:
		add("cannot be taken back: %s", s.Forever)
	}
	return lines
}
