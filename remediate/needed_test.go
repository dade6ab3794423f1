package remediate

import (
	"slices"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// needs reports whether the events about a plan and its credential are needed.
func (w *world) needs(t *testing.T, digest string, c Case) bool {
	t.Helper()
	all, err := w.Needed(t.Context(), digest, nil)
	must(t, err)
	if len(all) > 0 && (!slices.Contains(all, digest) || !slices.Contains(all, c.Credential)) {
		t.Errorf("needed: %v", all)
	}
	return len(all) > 0
}

// What may be begun, taken up or taken back needs its events, and nothing else does.
func TestWhatIsNotOverNeedsItsEvents(t *testing.T) {
	w := newWorld(t, t.TempDir())
	check := func(what, digest string, c Case, want bool) {
		t.Helper()
		if got := w.needs(t, digest, c); got != want {
			t.Errorf("%s: needed %t", what, got)
		}
	}
	unbegun, cut, hard, soft := w.leak(t, "none-value", "hard"), w.leak(t, "left-value", "hard"), w.leak(t, "hard-value", "hard"), w.leak(t, "soft-value", "soft")
	plan := func(c Case) string { _, digest := w.plan(t, c); return digest }
	never, left, over, disabled := plan(unbegun), plan(cut), plan(hard), plan(soft)
	check("not begun", never, unbegun, true)
	w.cutOff(t, "behind call", left, cut)
	w.apply(t, over, hard)
	w.apply(t, disabled, soft)
	check("done, within its time", over, hard, true)
	w.later(48 * time.Hour)
	check("not begun in time", never, unbegun, false)
	check("cut off", left, cut, true)
	check("dead", over, hard, false)
	check("disabled", disabled, soft, true)
	w.later(defaultGrace)
	check("disabled, and the grace is over", disabled, soft, true)
	_, second := w.plan(t, soft)
	w.cutOff(t, "before call", second, soft)
	w.later(48 * time.Hour)
	check("about to be deleted", disabled, soft, true)
	check("a deletion that was cut off", second, soft, true)
	_, third := w.plan(t, soft)
	w.apply(t, third, soft)
	w.later(48 * time.Hour)
	check("deleted", third, soft, false)
	check("disabled, and then deleted by another", disabled, soft, false)

	again := w.leak(t, "back-value", "soft")
	taken := plan(again)
	w.apply(t, taken, again)
	_, err := w.Undo(t.Context(), taken, "", byID(again))
	must(t, err)
	w.later(48 * time.Hour)
	check("taken back", taken, again, false)
	if all, err := w.Needed(t.Context(), left, map[revoke.Deed]Over{}); err != nil || len(all) == 0 {
		t.Errorf("%v: %v", all, err)
	}
}
