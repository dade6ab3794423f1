package remediate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/evidence"
)

// story is what the audit trail tells of an incident.
type story struct {
	id           string
	now          time.Time
	events       []store.Event
	first        sighted
	places       []string
	repositories []string
	exposure     string
	dates        map[string]time.Time // by action, the first; that of "revoked" is gone when it holds no longer
	actors       map[string]string    // by action
	proof        string
	state        string
	evidence     []evidence.Record // the last of each source
	asked        []time.Time       // when, for each
	cause        string
	prevention   string
}

func newStory() *story {
	return &story{dates: map[string]time.Time{}, actors: map[string]string{}}
}

// sighted is the body of the events that say where a credential was seen.
type sighted struct {
	Credential string      `json:"credential"`
	Rule       string      `json:"rule"`
	Preview    string      `json:"preview"`
	Severity   string      `json:"severity"`
	Repository string      `json:"repository"`
	Place      store.Place `json:"place"`
}

// tellOf gathers the events of an incident.
func (e *Engine) tellOf(ctx context.Context, s *story, id string) error {
	all, err := e.events(ctx)
	if err != nil {
		return err
	}
	s.now = e.Clock.Now().UTC()
	return s.tell(bySubject(all), id)
}

func (e *Engine) events(ctx context.Context) (all []store.Event, err error) {
	err = e.Store.Trail(ctx, "", func(ev store.Event) error { all = append(all, ev); return nil })
	return all, err
}

func bySubject(all []store.Event) map[string][]store.Event {
	by := map[string][]store.Event{}
	for _, ev := range all {
		by[ev.Subject] = append(by[ev.Subject], ev)
	}
	return by
}

// tell takes in the events of an incident: its own, those of its credential, and
// those of the plans that acted on it.
func (s *story) tell(by map[string][]store.Event, id string) error {
	bare := strings.TrimPrefix(strings.TrimPrefix(id, "LG-"), "INC-")
	s.id = "INC-" + bare
	var mine []store.Event
	plans := map[string]bool{}
	for _, subject := range []string{s.id, "LG-" + bare} {
		for _, ev := range by[subject] {
			var body struct {
				Plan string `json:"plan"`
			}
			if json.Unmarshal(ev.Body, &body) == nil && body.Plan != "" && !plans[body.Plan] {
				plans[body.Plan] = true
				mine = append(mine, by[body.Plan]...)
			}
		}
		mine = append(mine, by[subject]...)
	}
	slices.SortFunc(mine, func(a, b store.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, ev := range mine {
		s.take(ev)
	}
	if len(s.events) == 0 {
		return fmt.Errorf("incident %s: %w", s.id, store.ErrNotFound)
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
		s.sight(ev)
	case "checked":
		var check struct{ Status, Why string }
		if json.Unmarshal(ev.Body, &check) == nil && check.Status == "dead" {
			s.proof = check.Why
		}
	case "exposure":
		var body struct{ Exposure string }
		if json.Unmarshal(ev.Body, &body) == nil {
			s.exposure = body.Exposure
		}
	case "rotate restored": // the value that leaked is in its place again
		delete(s.dates, "rotate ended")
		delete(s.dates, "rotated")
	case "revoked", "rotated":
		var body struct{ Back bool }
		if json.Unmarshal(ev.Body, &body) == nil && body.Back { // the value is in history again
			delete(s.dates, "purged")
			delete(s.dates, "closed")
		}
	case collected:
		s.learn(ev)
	case noted:
		var n Note
		if json.Unmarshal(ev.Body, &n) == nil {
			s.cause, s.prevention = orElse(n.Cause, s.cause), orElse(n.Prevention, s.prevention)
		}
	}
	if slices.Contains([]string{"detected", "triaged", "revoked", "rotated", "purged", "closed", "dismissed"}, ev.Action) {
		s.state = ev.Action
	}
}

// sight takes in a place, or that the credential was detected again.
func (s *story) sight(ev store.Event) {
	var seen sighted
	_ = json.Unmarshal(ev.Body, &seen) // a place of another form is no place, and the rest counts
	if seen.Credential == "" {         // detected again: what was proven holds no longer
		delete(s.dates, "revoked")
		s.proof = ""
		return
	}
	s.places = append(s.places, where(seen))
	if seen.Repository != "" && !slices.Contains(s.repositories, seen.Repository) {
		s.repositories = append(s.repositories, seen.Repository)
	}
	if s.first.Credential == "" || seen.Place.Date != "" && (s.first.Place.Date == "" || seen.Place.Date < s.first.Place.Date) {
		s.first = seen
	}
}

// learn takes in an answer of a source. A later one takes the place of an earlier,
// unless it can tell nothing where that could: what was seen once stays known.
func (s *story) learn(ev store.Event) {
	var r evidence.Record
	if json.Unmarshal(ev.Body, &r) != nil {
		return
	}
	i := slices.IndexFunc(s.evidence, func(o evidence.Record) bool { return o.Source == r.Source && o.About == r.About })
	switch {
	case i < 0:
		s.evidence, s.asked = append(s.evidence, r), append(s.asked, ev.At)
	case r.Answer == evidence.Seen || s.evidence[i].Answer != evidence.Seen && r.Answer != evidence.CannotTell || s.evidence[i].Answer == evidence.CannotTell:
		s.evidence[i], s.asked[i] = r, ev.At
	}
}

// committed is when the credential was first committed, as far as it is known: whose
// commit is dated after it was found has a clock that nobody can go by.
func (s *story) committed() time.Time {
	at, err := time.Parse(time.RFC3339, s.first.Place.Date)
	if found, ok := s.dates["detected"]; err != nil || ok && at.After(found) {
		return time.Time{}
	}
	return at
}

// pushed is the first push that a source told of.
func (s *story) pushed() string {
	for _, r := range s.evidence {
		if r.Source == evidence.FirstPush && len(r.Uses) > 0 {
			u := r.Uses[0]
			return strings.TrimSpace(u.At.Format(time.RFC3339) + " by " + u.Who)
		}
	}
	return ""
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

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// Trail is a verified trail, and where it begins.
func (e *Engine) Trail(ctx context.Context) (all []store.Event, base store.Head, err error) {
	if _, err = e.Store.VerifyTrail(ctx); err != nil {
		return nil, base, err
	}
	if base, err = e.Store.Base(ctx); err != nil {
		return nil, base, err
	}
	all, err = e.events(ctx)
	return all, base, err
}
