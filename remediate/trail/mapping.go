package trail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Mapping is what the events of a bundle show of a control.
type Mapping struct {
	Framework string   `json:"framework"`
	Control   string   `json:"control"`
	Asks      string   `json:"asks"`
	Status    string   `json:"status"` // shown, partly or missing
	Shown     []Shown  `json:"shown,omitempty"`
	Missing   []string `json:"missing,omitempty"`
	Beyond    string   `json:"not_shown_by_any_event,omitempty"`
}

// Shown is a proof, and the events that are it.
type Shown struct {
	Proof  string  `json:"proof"`
	Events []int64 `json:"events,omitempty"` // their numbers; the first hundred
	Count  int     `json:"count"`
}

const maxListed = 100

// Map holds the events of a bundle against all controls.
func Map(events []store.Event, base store.Head, made time.Time) (all []Mapping) {
	for _, c := range Controls() {
		m := Mapping{Framework: c.Framework, Control: c.ID, Asks: c.Asks, Beyond: c.Beyond}
		for _, p := range c.Proofs {
			s, missing := p.in(events, base, made)
			if s.Count > 0 || len(missing) == 0 {
				m.Shown = append(m.Shown, s)
			}
			m.Missing = append(m.Missing, missing...)
		}
		m.Status = "shown"
		if len(m.Missing) > 0 {
			m.Status = "partly"
			if len(m.Shown) == 0 {
				m.Status = "missing"
			}
		}
		all = append(all, m)
	}
	return all
}

// in looks for a proof in the events, and says what is missing.
func (p Proof) in(events []store.Event, base store.Head, made time.Time) (s Shown, missing []string) {
	s.Proof = p.Name
	switch {
	case p.Chain && len(events) > 0:
		s.Count = len(events)
		return s, nil
	case p.Year:
		return p.year(events, base, made)
	}
	incidents, have := []string{}, map[string]bool{}
	for _, e := range events {
		if e.Action == "detected" && !slices.Contains(incidents, e.Subject) {
			incidents = append(incidents, e.Subject)
		}
		if !p.is(e.Action) {
			continue
		}
		have[incident(e.Subject)] = true
		if s.Count++; len(s.Events) < maxListed {
			s.Events = append(s.Events, e.Seq)
		}
	}
	if !p.PerIncident && s.Count == 0 {
		return s, []string{fmt.Sprintf("%s: no event of %s", p.Name, strings.Join(p.Actions, ", "))}
	}
	for _, id := range incidents {
		if p.PerIncident && !have[id] {
			missing = append(missing, fmt.Sprintf("%s: %s has no event of %s", p.Name, id, strings.Join(p.Actions, ", ")))
		}
	}
	if p.PerIncident && len(incidents) == 0 {
		missing = append(missing, p.Name+": no leak was detected, so nothing shows it")
	}
	return s, missing
}

func (p Proof) is(action string) bool {
	return slices.ContainsFunc(p.Actions, func(a string) bool {
		begin, any := strings.CutSuffix(a, "*")
		return action == a || any && strings.HasPrefix(action, begin)
	})
}

// incident is the id of the incident of a subject that may be its credential.
func incident(subject string) string {
	if rest, ok := strings.CutPrefix(subject, "LG-"); ok {
		return "INC-" + rest
	}
	return subject
}

// year looks whether the events reach back far enough.
func (p Proof) year(events []store.Event, base store.Head, made time.Time) (Shown, []string) {
	s := Shown{Proof: p.Name, Count: len(events)}
	if len(events) > 0 && (base.Seq == 0 || !events[0].At.After(made.AddDate(-1, 0, 0))) {
		return s, nil
	}
	return Shown{Proof: p.Name}, []string{fmt.Sprintf("%s: what is older than event %d was pruned; add the archive", p.Name, base.Seq+1)}
}

// Markdown is the mapping as a table for people.
func Markdown(all []Mapping) string {
	var b strings.Builder
	fmt.Fprint(&b, "# Controls\n\nWhat the events of this bundle show. The mapping is leakgate's own and no opinion of an auditor; the numbers are those of audit events.\n")
	framework := ""
	for _, m := range all {
		if m.Framework != framework {
			framework = m.Framework
			fmt.Fprintf(&b, "\n## %s\n\n| control | asks that | status | shown by | missing | beyond any event |\n|---|---|---|---|---|---|\n", framework)
		}
		var shown []string
		for _, s := range m.Shown {
			shown = append(shown, fmt.Sprintf("%s (%d events%s)", s.Proof, s.Count, some(s.Events)))
		}
		fmt.Fprintf(&b, "| %s | %s | **%s** | %s | %s | %s |\n", m.Control, m.Asks, m.Status, strings.Join(shown, "; "), strings.Join(m.Missing, "; "), m.Beyond)
	}
	return b.String()
}

func some(events []int64) string {
	if len(events) == 0 {
		return ""
	}
	text := fmt.Sprint(events[0])
	for _, n := range events[1:min(3, len(events))] {
		text += fmt.Sprintf(", %d", n)
	}
	if len(events) > 3 {
		text += ", …"
	}
	return ": " + text
}
