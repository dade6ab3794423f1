// Package due says which credentials are older than the policy allows: static ones by
// when they were minted, rotated or first committed, dynamic ones by the longest time
// that their manifests let them live. What nobody knows is "cannot tell", never young.
package due

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Status is the judgement of one credential.
type Status string

// The zero Status is that nobody can tell.
const (
	CannotTell Status = ""
	OK         Status = "ok"
	Due        Status = "due"       // a static credential is too old
	Violation  Status = "violation" // a dynamic credential lives too long
)

// String is the word for people.
func (s Status) String() string {
	if s == CannotTell {
		return "cannot tell"
	}
	return string(s)
}

// MarshalText writes that word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Item is a credential, and how old it is or may become.
type Item struct {
	Kind   string        `json:"kind"` // static or dynamic
	Name   string        `json:"name"`
	Where  string        `json:"where"` // a repository, or a file and line
	Since  time.Time     `json:"since,omitzero"`
	Age    time.Duration `json:"-"` // since then; of a dynamic one how long it lives at most
	Days   float64       `json:"age_days,omitempty"`
	Status Status        `json:"status"`
	Why    string        `json:"why"`
}

// The policy's limits, when the operator says nothing.
const (
	MaxAge = 90 * 24 * time.Hour // of a static credential
	MaxTTL = 24 * time.Hour      // of a dynamic one
)

// credential is what events tell of one.
type credential struct {
	id, rule, repository string
	committed, seen      time.Time
	state                string
}

// Static judges the credentials of an audit trail: those that leaked and are not
// proven dead, and what took the place of those that were rotated or rolled out,
// whether they leaked or not.
func Static(events []store.Event, now time.Time, limit time.Duration) (all []Item) {
	leaked, renewed := credentials(events)
	for _, c := range leaked {
		if c.state == "detected" || c.state == "triaged" {
			all = append(all, c.judge(now, limit))
		}
	}
	for _, r := range renewed {
		if r.counts() {
			all = append(all, r.judge(now, limit))
		}
	}
	sortItems(all)
	return all
}

func (c credential) item() Item {
	return Item{Kind: "static", Name: strings.TrimSpace(c.id + " " + c.rule), Where: c.repository}
}

func (c credential) judge(now time.Time, limit time.Duration) Item {
	i := c.item()
	switch {
	case !c.committed.IsZero():
		i.age(now.Sub(c.committed), limit, "first committed "+date(c.committed))
		i.Since = c.committed
	case now.Sub(c.seen) > limit:
		i.age(now.Sub(c.seen), limit, "seen since "+date(c.seen)+", and may be older")
		i.Since = c.seen
	default:
		i.Why = "nobody knows when it was made; it was first seen " + date(c.seen)
	}
	return i
}

func (i *Item) age(age, limit time.Duration, why string) {
	i.Age, i.Days = age, float64(age.Round(time.Minute))/float64(24*time.Hour)
	i.Status, i.Why = OK, why
	if age > limit {
		i.Status = Due
	}
}

func date(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// credentials gathers what events tell of those that leaked, and of what replaced
// any.
func credentials(events []store.Event) (order []*credential, renewed []*renewal) {
	byID := map[string]*credential{}
	var all renewals
	for _, e := range events {
		id := "LG-" + strings.TrimPrefix(strings.TrimPrefix(e.Subject, "INC-"), "LG-")
		c := byID[id]
		if c == nil && e.Action == "detected" {
			c = &credential{id: id, seen: e.At}
			byID[id], order = c, append(order, c)
		}
		if c != nil {
			c.take(e)
		}
		if c != nil && e.Action == "detected" {
			all.forget(c)
		}
		all.take(e, c)
	}
	return order, all.order
}

func (c *credential) take(e store.Event) {
	var body struct {
		Rule, Repository string
		Place            struct{ Date string }
	}
	_ = json.Unmarshal(e.Body, &body) // what it lacks is not known
	if e.Action == "detected" || e.Action == "seen" {
		if at, err := time.Parse(time.RFC3339, body.Place.Date); err == nil && !at.After(e.At) && (c.committed.IsZero() || at.Before(c.committed)) { // one of the future is a wrong clock
			c.committed = at
		}
		c.rule, c.repository = cmp.Or(c.rule, body.Rule), cmp.Or(c.repository, body.Repository)
	}
	if slices.Contains([]string{"detected", "triaged", "revoked", "rotated", "purged", "closed", "dismissed"}, e.Action) {
		c.state = e.Action
	}
}

// sortItems puts what has to be done first, and the oldest of that.
func sortItems(all []Item) {
	rank := map[Status]int{Violation: 0, Due: 1, CannotTell: 2, OK: 3}
	slices.SortStableFunc(all, func(a, b Item) int {
		return cmp.Or(rank[a.Status]-rank[b.Status], cmp.Compare(b.Age, a.Age), strings.Compare(a.Name, b.Name))
	})
}

// Counts are the numbers of an examination, for the audit trail.
type Counts struct {
	Static         int `json:"static"`
	Overdue        int `json:"overdue"`
	Dynamic        int `json:"dynamic"`
	Violation      int `json:"violation"`
	Unknown        int `json:"unknown"` // of both
	UnknownDynamic int `json:"unknown_dynamic"`
}

// Count counts items.
func Count(all []Item) (c Counts) {
	for _, i := range all {
		switch {
		case i.Kind == "dynamic":
			c.Dynamic++
		default:
			c.Static++
		}
		switch {
		case i.Status == Due:
			c.Overdue++
		case i.Status == Violation:
			c.Violation++
		case i.Status == CannotTell:
			c.Unknown++
			if i.Kind == "dynamic" {
				c.UnknownDynamic++
			}
		}
	}
	return c
}

// Summary is the outcome in one line.
func (c Counts) Summary() string {
	return fmt.Sprintf("%d static credentials, %d of them due; %d dynamic, %d of them living too long; of %d nobody can tell",
		c.Static, c.Overdue, c.Dynamic, c.Violation, c.Unknown)
}
