package due

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// renewal is the last time that a value was replaced: one in a store, the password
// of a database's user, or one of which only the incident tells.
type renewal struct {
	of        *credential // that was replaced, when it leaked
	place     string      // by which it is known
	name, at  string      // of the value, and where it is
	since     time.Time
	withdrawn bool // the old one is in use again
}

// renewals keeps, by place, the last one.
type renewals struct {
	by    map[string]*renewal
	order []*renewal
}

// take takes in an event; c is the credential that it is about, if that leaked.
func (all *renewals) take(e store.Event, c *credential) {
	var body struct {
		Where, Minted, Rollout, Host, User string

		Renewed []Kept
	}
	_ = json.Unmarshal(e.Body, &body) // what it lacks is not known
	r := &renewal{of: c, name: "value", at: body.Where, since: e.At}
	switch e.Action {
	case "pruned":
		all.restore(body.Renewed)
		return
	case "rollout ended":
		r.name, r.at = "password of "+body.User, "rollout "+body.Rollout+" at "+body.Host
	case "rotate ended", "rotated":
	case "rotate restored":
		r.withdrawn = true
	default:
		return
	}
	if c != nil {
		r.name, r.at = strings.TrimSpace("successor of "+c.id+" "+c.rule), cmp.Or(r.at, c.repository)
		if e.Action == "rotated" && all.has(c) { // the place tells more
			return
		}
	}
	if at, err := time.Parse(time.RFC3339, body.Minted); err == nil && !at.After(e.At) {
		r.since = at
	}
	all.put(cmp.Or(body.Where, r.at, e.Subject), r)
}

// restore takes in what was known before events were pruned. Whatever else tells of
// a place is younger, though it comes before.
func (all *renewals) restore(kept []Kept) {
	for _, k := range kept {
		if all.by[k.Place] == nil {
			all.put(k.Place, &renewal{name: k.Name, at: k.Where, since: k.Since})
		}
	}
}

func (all *renewals) put(place string, r *renewal) {
	r.place = place
	if all.by == nil {
		all.by = map[string]*renewal{}
	}
	if old := all.by[place]; old != nil {
		*old = *r
		return
	}
	all.by[place], all.order = r, append(all.order, r)
}

func (all *renewals) has(c *credential) bool {
	for _, r := range all.order {
		if r.of == c && !r.withdrawn {
			return true
		}
	}
	return false
}

// forget leaves out what replaced a credential that works again.
func (all *renewals) forget(c *credential) {
	for _, r := range all.order {
		r.withdrawn = r.withdrawn || r.of == c
	}
}

func (r *renewal) judge(now time.Time, limit time.Duration) Item {
	i := Item{Kind: "static", Name: r.name, Where: r.at, Since: r.since}
	i.age(now.Sub(r.since), limit, "rotated "+date(r.since))
	return i
}

// Kept is when a value was replaced the last time, for who prunes the events that
// tell of it: what is old is due, and not forgotten.
type Kept struct {
	Place string    `json:"place"`
	Name  string    `json:"name"`
	Where string    `json:"where"`
	Since time.Time `json:"since"`
}

// Keep is what [Static] has to know of events that are pruned: the event "pruned" tells it.
func Keep(events []store.Event) (all []Kept) {
	_, renewed := credentials(events)
	for _, r := range renewed {
		if r.counts() {
			all = append(all, Kept{r.place, r.name, r.at, r.since})
		}
	}
	return all
}

// counts reports whether what took the place of a value is in use.
func (r *renewal) counts() bool { return !r.withdrawn && (r.of == nil || r.of.state != "dismissed") }
