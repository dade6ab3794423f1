package rollout

import (
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

func TestARolloutNeedsItsEventsUntilItIsOver(t *testing.T) {
	for _, back := range []bool{false, true} {
		w := newWorld(t, t.TempDir())
		if back {
			w.failAtTen("move ten to blue")
		}
		digest, other := w.plan(t), w.plan(t)
		needed := func(digest string) bool {
			t.Helper()
			all, err := w.Needed(t.Context(), digest, map[revoke.Deed]remediate.Over{remediate.Rollout: Over})
			must(t, err)
			return len(all) > 0
		}
		if !needed(digest) {
			t.Error("a plan that may be begun")
		}
		w.apply(t, digest, Waiting)
		must(t, w.clock.Sleep(t.Context(), 48*time.Hour))
		if !needed(digest) || needed(other) {
			t.Errorf("one that is under way: %t, one that was not begun: %t", needed(digest), needed(other))
		}
		_, err := w.Follow(t.Context(), digest, func(Standing) {
			if !needed(digest) {
				t.Error("one that waits")
			}
		})
		must(t, err)
		if needed(digest) {
			t.Errorf("one that is over (back %t)", back)
		}
		must(t, w.GoBack(t.Context(), other, "nobody began it"))
		if needed(other) {
			t.Error("one that went back before it was begun")
		}
	}
}
