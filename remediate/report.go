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

// Report writes the document of an incident, in Markdown, from the audit trail
// alone. A trail that was tampered with gives none.
func (e *Engine) Report(ctx context.Context, id string) (string, error) {
	head, err := e.Store.VerifyTrail(ctx)
	if err != nil {
		return "", err
	}
	s := newStory()
	if err := e.tellOf(ctx, s, id); err != nil {
		return "", err
	}
	return s.document(head), nil
}

// Documents are the reports of all incidents that some events tell of, by their ids.
func Documents(events []store.Event, head store.Head, now time.Time) (map[string]string, error) {
	all, by := map[string]string{}, bySubject(events)
	for _, ev := range events {
		if ev.Action != "detected" || all[ev.Subject] != "" {
			continue
		}
		s := newStory()
		s.now = now.UTC()
		if err := s.tell(by, ev.Subject); err != nil {
			return nil, err
		}
		all[s.id] = s.document(head)
	}
	return all, nil
}

func (s *story) document(head store.Head) string {
	return s.write() + fmt.Sprintf("\n---\n\nWritten at %s from the audit trail alone, whose head was `%s`.\n", clock3339(s.now), head)
}

func clock3339(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func (s *story) write() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Incident %s\n\n%s\n\n| | |\n|---|---|\n", s.id, s.summary())
	s.facts(func(name, value string) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, orElse(value, unknown))
	})
	fmt.Fprintf(&b, "\n## Places\n\n")
	for _, p := range s.places {
		fmt.Fprintf(&b, "- %s\n", escape(p))
	}
	s.access(&b)
	fmt.Fprintf(&b, "\n## Root cause\n\n%s\n\n## Prevention\n\n%s\n", escape(orElse(s.cause, unknown)), escape(orElse(s.prevention, unknown)))
	s.remains(&b)
	s.timeline(&b)
	return b.String()
}

// timeline is every event, with equal ones behind each other in one line.
func (s *story) timeline(b *strings.Builder) {
	fmt.Fprint(b, "\n## Timeline\n\n| when | who | what | about |\n|---|---|---|---|\n")
	for i := 0; i < len(s.events); {
		line, times := lineOf(s.events[i]), 1
		for ; i+times < len(s.events) && lineOf(s.events[i+times]) == line; times++ {
		}
		if i += times; times > 1 {
			line[2] += fmt.Sprintf(" (%d times)", times)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(line[:], " | "))
	}
}

func lineOf(ev store.Event) [4]string {
	return [4]string{clock3339(ev.At), escape(ev.Actor), escape(what(ev)), escape(brief(ev.Subject))}
}

// what is an action, with what a check found.
func what(ev store.Event) string {
	var check struct{ Status string }
	if ev.Action == "checked" && json.Unmarshal(ev.Body, &check) == nil && check.Status != "" {
		return "checked: " + check.Status
	}
	return ev.Action
}

// summary is the incident in two sentences.
func (s *story) summary() string {
	where := "an unknown place"
	if s.first.Repository != "" {
		where = s.first.Repository
	}
	text := fmt.Sprintf("A credential (%s) leaked in %s. ", escape(orElse(s.first.Rule, "of an unknown kind")), escape(where))
	if at, over := s.dates["revoked"]; over {
		return text + fmt.Sprintf("It is dead: its issuer said so at %s.", clock3339(at))
	}
	return text + "**Nobody has proven that it is dead.**"
}

// facts are the rows of the table.
func (s *story) facts(row func(name, value string)) {
	row("Credential", fmt.Sprintf("%s, `%s` (%s)", escape(s.first.Rule), code(s.first.Preview), "LG-"+strings.TrimPrefix(s.id, "INC-")))
	row("Severity", escape(s.first.Severity))
	row("State", s.state)
	row("Found by", escape(s.actors["detected"]))
	row("Who could read it", escape(s.exposure))
	row("First committed", escape(by(s.first.Place.Date, s.first.Place.Author)))
	row("First pushed", escape(s.pushed()))
	row("Detected", s.when("detected"))
	row("Planned", s.when("planned"))
	row("Approved", escape(s.approvals()))
	row("Revoked", s.when("revoked"))
	row("Proof", escape(s.proof))
	row("Time to revoke", s.between(s.dates["detected"], "from detection to the proof"))
	row("Exposure window", s.between(s.committed(), "from the first commit to the proof"))
	row("Rotated", s.rotated())
}

func by(when, who string) string {
	if when == "" || who == "" {
		return when + who
	}
	return when + " by " + who
}

func (s *story) when(action string) string {
	at, ok := s.dates[action]
	if !ok {
		return ""
	}
	return clock3339(at) + " by " + escape(s.actors[action])
}

func (s *story) rotated() string {
	for _, action := range []string{"rotate ended", "rollout ended", "rotated"} {
		if text := s.when(action); text != "" {
			return text
		}
	}
	return ""
}

func (s *story) approvals() string {
	var who []string
	for _, ev := range s.events {
		if ev.Action == "approved" && !slices.Contains(who, ev.Actor) {
			who = append(who, ev.Actor)
		}
	}
	if _, planned := s.dates["planned"]; len(who) == 0 && planned {
		return "by nobody: the policy asked for no approval"
	}
	if len(who) == 0 {
		return ""
	}
	return "by " + strings.Join(who, ", ")
}

// between is how long something lasted until the proof, or lasts.
func (s *story) between(from time.Time, words string) string {
	to, over := s.dates["revoked"]
	switch {
	case from.IsZero():
		return ""
	case !over:
		return fmt.Sprintf("open since %s: %s so far", clock3339(from), span(s.now.Sub(from)))
	}
	return span(to.Sub(from)) + ", " + words
}

// span is a duration for people.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
	return d.String()
}

// brief keeps a digest from filling a table.
func brief(subject string) string {
	if len(subject) == 64 {
		return "plan " + subject[:12] + "…"
	}
	return subject
}
