package remediate

import (
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Public ones die at once. A private one that can be taken back waits for consumers
// that are on their way to a new value, until they follow or the deadline is there.
func TestAPrivateCredentialWaitsForItsConsumersUntilADeadline(t *testing.T) {
	type told [2]string // action and body
	writing, written, followed := told{"rotate writing", `{"plan":"p","place":"a"}`}, told{"rotate written", `{"plan":"p","place":"a"}`}, told{"rotate followed", `{"plan":"p","place":"a"}`}
	elsewhere := told{"rotate written", `{"plan":"p","place":"b"}`}
	minted, ten, all, failed := told{"rollout minted", `{"plan":"q"}`}, told{"rollout passed", `{"plan":"q","place":"ten"}`}, told{"rollout passed", `{"plan":"q","place":"all","follows":true}`}, told{"rollout failed", `{"plan":"q"}`}
	for name, c := range map[string]struct {
		exposure Exposure
		kind     string
		events   []told
		waits    bool
	}{
		"consumers nobody knows":       {Private, "soft", nil, false},
		"a value is on its way":        {Private, "soft", []told{writing}, true},
		"a value is there":             {Private, "soft", []told{writing, written}, true},
		"they follow":                  {Private, "soft", []told{writing, written, followed}, false},
		"some follow":                  {Private, "soft", []told{written, elsewhere, followed}, true},
		"it was taken back":            {Private, "soft", []told{written, {"rotate restored", written[1]}}, false},
		"a rollout":                    {Private, "soft", []told{minted, ten}, true},
		"a rollout whose last is well": {Private, "soft", []told{minted, ten, all}, false},
		"a rollout that went back":     {Private, "soft", []told{minted, ten, failed}, false},
		"public":                       {Public, "soft", []told{written}, false},
		"nobody said who reads it":     {"", "soft", []told{written}, false},
		"what cannot be taken back":    {Private, "hard", []told{written}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			leak := w.leak(t, "the-value", c.kind)
			leak.Exposure = c.exposure
			for _, e := range c.events {
				must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Audit(t.Context(), "ann", e[0], leak.Credential, rawJSON(e[1]))
					return err
				}))
			}
			plan, digest := w.plan(t, leak)
			if said := strings.Contains(strings.Join(plan.Steps[0].Details(), "\n"), "when its consumers follow"); said != (c.exposure == Private && c.kind == "soft") {
				t.Errorf("the plan says %q", plan.Steps[0].Details())
			}
			o := w.apply(t, digest, leak)[0]
			deeds, _ := w.fake.effects("the-value")
			if waits := o.Effect == Open && len(deeds) == 0 && strings.Contains(o.Why, "apply again when they do"); waits != c.waits {
				t.Errorf("%+v, done: %v", o, deeds)
			}
			w.later(59 * time.Minute)
			if o := w.apply(t, digest, leak)[0]; (o.Effect == Proven) == c.waits {
				t.Errorf("before the deadline: %+v", o)
			}
			w.later(time.Minute)
			if o := w.apply(t, digest, leak)[0]; o.Effect != Proven {
				t.Errorf("at the deadline: %+v", o)
			}
		})
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }
