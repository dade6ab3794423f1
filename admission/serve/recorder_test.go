package serve

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/seen"
)

// book is a Ledger in memory.
type book struct {
	mu        sync.Mutex
	e         Entries
	deaf      bool // no API server asks
	version   int
	conflicts int // that come first
	down      bool
	full      bool // nothing can be written
}

func (b *book) Asked(context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return false, errors.New("connection refused")
	}
	return !b.deaf, nil
}

func (b *book) Load(context.Context) (Entries, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return Entries{}, "", errors.New("connection refused")
	}
	return b.e, string(rune('a' + b.version)), nil
}

func (b *book) Save(_ context.Context, e Entries, version string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return errors.New("no space left")
	}
	if b.conflicts--; b.conflicts >= 0 || version != string(rune('a'+b.version)) {
		b.version++
		return ErrConflict
	}
	b.e, b.version = e, b.version+1
	return nil
}

func (b *book) days(t *testing.T, now time.Time) int {
	t.Helper()
	spans, err := seen.Parse(b.e.Spans)
	if err != nil {
		t.Fatal(err)
	}
	return spans.Days(now)
}

// live has replicas be asked every ten minutes and write that down, for so long.
func live(t *testing.T, now *time.Time, long time.Duration, replicas ...*Recorder) {
	t.Helper()
	for end := now.Add(long); now.Before(end); *now = now.Add(RecordEvery) {
		for _, r := range replicas {
			if err := r.Record(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOnlyTimeInWhichTheAPIServerAsksIsSeen(t *testing.T) {
	b, now := &book{conflicts: 2}, start
	clock := func() time.Time { return now }
	one := NewRecorder(b, clock)
	live(t, &now, 48*time.Hour, one)
	now = now.Add(10 * 24 * time.Hour) // down, or not asked: what was written passed unseen
	live(t, &now, 24*time.Hour, one)
	if err := one.Record(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.days(t, now); got != 2 { // 47:50 and 24:00
		t.Errorf("%d days of 13\n%s", got, b.e.Spans)
	}
	live(t, &now, 2*time.Hour, one)
	if got := b.days(t, now); got != 3 {
		t.Errorf("%d days\n%s", got, b.e.Spans)
	}
}

func TestReplicasThatFollowEachOtherSeeOneTime(t *testing.T) {
	b, now := &book{}, start
	clock := func() time.Time { return now }
	for range 4 { // a day each, with an hour in which both run
		old, next := NewRecorder(b, clock), NewRecorder(b, clock)
		live(t, &now, 23*time.Hour, old)
		live(t, &now, time.Hour, old, next)
		if err := next.Record(context.Background()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(RecordEvery)
	}
	if got := b.days(t, now); got != 4 || strings.Count(b.e.Spans, "\n") != 4 { // between them nobody ran for ten minutes
		t.Errorf("%d days\n%s", got, b.e.Spans)
	}
}

func TestWhatIsNotWrittenIsNotLostWhileTheReplicaLives(t *testing.T) {
	b, now := &book{}, start
	r := NewRecorder(b, func() time.Time { return now })
	r.Answered(admission.Review{Namespace: "shop"}, admission.Answer{Rule: "untrusted-writer", Refused: true})
	b.full = true
	for range 200 {
		if err := r.Record(context.Background()); err == nil {
			t.Fatal("an outage is not told")
		}
		now = now.Add(RecordEvery)
	}
	b.full, b.e = false, Entries{"somebody wrote into it", "and here"}
	if err := r.Record(context.Background()); err != nil || b.days(t, now) != 1 {
		t.Errorf("%v\n%s", err, b.e.Spans)
	}
	if want := "shop untrusted-writer 1 " + start.UTC().Format(time.RFC3339) + "\n"; b.e.Refusals != want {
		t.Errorf("%q", b.e.Refusals)
	}
}

// Reviews show nothing: whoever reaches the port can send them.
func TestForgedReviewsAddNoTime(t *testing.T) {
	b, now := &book{deaf: true}, start
	r := NewRecorder(b, func() time.Time { return now })
	for range 7 * 24 * 6 {
		r.Answered(admission.Review{Namespace: "shop"}, admission.Answer{Rule: "sound"})
		now = now.Add(RecordEvery)
		if err := r.Record(context.Background()); err == nil {
			t.Fatal("nobody is told that the API server does not ask")
		}
	}
	if got := b.days(t, now); got != 0 || b.e.Spans != "" {
		t.Errorf("%d days\n%s", got, b.e.Spans)
	}
}

func TestRefusalsOfAllReplicasAreOneSum(t *testing.T) {
	b, now := &book{conflicts: 3}, start
	clock := func() time.Time { return now }
	one, two := NewRecorder(b, clock), NewRecorder(b, clock)
	for _, r := range []*Recorder{one, two, one} {
		for _, a := range []admission.Answer{{Rule: "untrusted-writer", Refused: true}, {Rule: "trusted-writer"}} {
			r.Answered(admission.Review{Namespace: "shop"}, a)
			r.Answered(admission.Review{Namespace: "shop", DryRun: true}, a)
		}
		if err := r.Record(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(b.e.Refusals, "shop untrusted-writer 3 ") || strings.Count(b.e.Refusals, "\n") != 1 {
		t.Errorf("%q", b.e.Refusals)
	}
}
