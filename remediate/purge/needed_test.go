package purge

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

func TestARewriteNeedsItsEventsWhileOneCanGoBack(t *testing.T) {
	s := newScene(t)
	needed := func(digest string, want bool) {
		t.Helper()
		all, err := Needed(t.Context(), s.Store, digest, s.clock)
		if err != nil || slices.Contains(all, digest) != want || slices.Contains(all, s.credential) != want {
			t.Errorf("needed: %v (%v), want %t", all, err, want)
		}
	}
	_, never := s.plan()
	needed(never, true)
	s.clock = s.clock.Add(lifetime)
	needed(never, false)
	digest := s.applied()
	s.clock = s.clock.Add(lifetime + 24*time.Hour)
	needed(digest, true)
	a := remediate.Approval{Plan: digest, Destroy: true, Approver: "approver", Expires: s.clock.Add(time.Hour)}
	if err := errors.Join(a.Sign(s.approver), s.Approve(t.Context(), a), s.Destroy(t.Context(), digest, true)); err != nil {
		t.Fatal(err)
	}
	needed(digest, false)
}
