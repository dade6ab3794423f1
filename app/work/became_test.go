package work

import (
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

func TestWhatBecameOfAnOrder(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const a, b, ended = "\n- `LG-A` is revoked: its issuer says that it is dead.", "\n- `LG-B` was dismissed.", " credentials may still work: nothing more is done by it. `/leakgate fix LG-…` makes another plan."
	for name, c := range map[string]struct {
		states []store.State
		left   time.Duration // of the plan
		told   string
		over   bool
	}{
		"nothing yet":       {[]store.State{store.Detected, ""}, time.Hour, "", false},
		"one of two":        {[]store.State{store.Rotated, store.Triaged}, time.Hour, a + "\n", false},
		"all":               {[]store.State{store.Closed, store.Dismissed}, time.Hour, a + b + "\n", true},
		"all, late":         {[]store.State{store.Purged, store.Dismissed}, -time.Hour, a + b + "\n", true},
		"it ended":          {[]store.State{store.Detected, store.Detected}, 0, "\n- The plan has ended, and 2 of 2" + ended + "\n", false},
		"it ended half way": {[]store.State{store.Revoked, store.Detected}, -time.Hour, a + "\n- The plan has ended, and 1 of 2" + ended + "\n", false},
		"long ago":          {[]store.State{store.Detected, store.Dismissed}, -24 * time.Hour, b + "\n- The plan has ended, and 1 of 2" + ended + "\n", true},
	} {
		told, over := became(c.states, errand{Credentials: []string{"LG-A", "LG-B"}, Until: now.Add(c.left)}, now)
		if told != c.told || over != c.over {
			t.Errorf("%s: %q %v", name, told, over)
		}
	}
}
