package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// unknown is what a document says of what the trail does not hold. Nothing is
// made up.
const unknown = "unknown"

// story is what the audit trail tells of an incident.
type story struct {
	id     string
	events []store.Event
	first  sighted
	places []string
	dates  map[string]time.Time // by action, the first
	proof  string
	state  string
	actors map[string]string // by action
}

// sighted is the body of the events that say where a credential was seen.
type sighted struct {
	Credential string `json:"credential"`
	Rule       string `json:"rule"`
	Preview    string `json:"preview"`
	Severity   string `json:"severity"`
	Repository string `json:"repository"`
	Place      place  `json:"place"`
}

// Report writes the document of an incident, in Markdown, from the audit trail
// alone. A trail that was tampered with gives none.
func (e *Engine) Report(ctx context.Context, id string) (string, error) {
	if _, err := e.Store.VerifyTrail(ctx); err != nil {
		return "", err
	}
	s := &story{dates: map[string]time.Time{}, actors: map[string]string{}}
	if err := e.tellOf(ctx, s, id); err != nil {
		return "", err
	}
	return s.write(), nil
}

// tellOf gathers the events of an incident: its own, those of its credential,
// and those of the plans that acted on it.
func (e *Engine) tellOf(ctx context.Context, s *story, id string) error {
	subjects := map[string]bool{id: true}
	if rest, ok := strings.CutPrefix(id, "LG-"); ok {
		id = "INC-" + rest
	}
	s.id = id
	subjects[id] = true
	subjects["LG-"+strings.TrimPrefix(id, "INC-")] = true
	var all []store.Event
	err := e.Store.Trail(ctx, "", func(ev store.Event) error {
		if subjects[ev.Subject] {
			var body struct {
				Plan string `json:"plan"`
			}
			if json.Unmarshal(ev.Body, &body) == nil && body.Plan != "" {
				subjects[body.Plan] = true
			}
		}
		all = append(all, ev)
		return nil
	})
	if err != nil {
		return err
	}
	for _, ev := range all {
		if subjects[ev.Subject] {
			s.take(ev)
		}
	}
	if len(s.events) == 0 {
		return fmt.Errorf("incident %s: %w", id, store.ErrNotFound)
	}
	return nil
}

func (s *story) take(ev store.Event) {
	s.events = append(s.events, ev)
	if _, ok := s.dates[ev.Action]; !ok {
		s.dates[ev.Action], s.actors[ev.Action] = ev.At, ev.Actor
	}
	switch ev.Action {
	case "detected", "seen":
		var seen sighted
		if json.Unmarshal(ev.Body, &seen) != nil || seen.Credential == "" { // detected again: what was proven holds no longer
			delete(s.dates, "revoked")
			s.proof = ""
			break
		}
		s.places = append(s.places, where(seen))
		if s.first.Credential == "" || seen.Place.Date != "" && (s.first.Place.Date == "" || seen.Place.Date < s.first.Place.Date) {
			s.first = seen
		}
	case "checked":
		var check struct{ Status, Why string }
		if json.Unmarshal(ev.Body, &check) == nil && check.Status == "dead" {
			s.proof = check.Why
		}
	}
	if slices.Contains([]string{"detected", "triaged", "revoked", "rotated", "purged", "closed", "dismissed"}, ev.Action) {
		s.state = ev.Action
	}
}

func where(seen sighted) string {
	at := seen.Place.Path
	if seen.Place.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, seen.Place.Line)
	}
	if seen.Place.Commit != "" {
		at += " in commit " + seen.Place.Commit
	}
	return seen.Repository + ", " + at
}

func (s *story) write() string {
	var b strings.Builder
	row := func(name, value string) {
		if value == "" {
			value = unknown
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, escape(value))
	}
	fmt.Fprintf(&b, "# Incident %s\n\n| | |\n|---|---|\n", s.id)
	row("Credential", fmt.Sprintf("%s, `%s` (%s)", s.first.Rule, s.first.Preview, s.first.Credential))
	row("Severity", s.first.Severity)
	row("State", s.state)
	row("First committed", strings.TrimSpace(s.first.Place.Date+" by "+s.first.Place.Author))
	row("First pushed", "")
	row("Detected", s.when("detected"))
	row("Planned", s.when("planned"))
	row("Approved", s.approvals())
	row("Revoked", s.when("revoked"))
	row("Proof", s.proof)
	row("Exposure window", s.window())
	s.sections(&b)
	return b.String()
}

// sections are the lists, and what a person has to add.
func (s *story) sections(b *strings.Builder) {
	fmt.Fprint(b, "\n## Places\n\n")
	for _, p := range s.places {
		fmt.Fprintf(b, "- %s\n", escape(p))
	}
	fmt.Fprint(b, "\n## Timeline\n\n| when | who | what | about |\n|---|---|---|---|\n")
	for _, ev := range s.events {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", ev.At.Format(time.RFC3339), escape(ev.Actor), escape(ev.Action), escape(ev.Subject))
	}
	for _, title := range []string{"Who used it", "Root cause", "Prevention"} {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", title, unknown)
	}
}

func (s *story) when(action string) string {
	at, ok := s.dates[action]
	if !ok {
		return ""
	}
	return at.Format(time.RFC3339) + " by " + s.actors[action]
}

func (s *story) approvals() string {
	var who []string
	for _, ev := range s.events {
		if ev.Action == "approved" && !slices.Contains(who, ev.Actor) {
			who = append(who, ev.Actor)
		}
	}
	if len(who) == 0 {
		return "by nobody: the policy asked for no approval"
	}
	return "by " + strings.Join(who, ", ")
}

// window is how long the credential could be used by whoever read it.
func (s *story) window() string {
	from, err := time.Parse(time.RFC3339, s.first.Place.Date)
	to, over := s.dates["revoked"]
	if err != nil {
		return ""
	}
	if !over {
		return "open since " + from.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s, from the first commit to the proof", to.Sub(from).Round(time.Second))
}

// escape keeps what repositories name from becoming markup.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "[", `\[`, "*", `\*`, "@", "&#64;").Replace(text)
}
