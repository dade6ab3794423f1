package serve

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/admission/seen"
)

// book is a Ledger in memory.
type book struct {
	mu        sync.Mutex
	text      string
	version   int
	conflicts int // that come first
	down      bool
}

func (b *book) Load(context.Context) (string, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return "", "", errors.New("connection refused")
	}
	return b.text, string(rune('a' + b.version)), nil
}

func (b *book) Save(_ context.Context, text, version string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conflicts--; b.conflicts >= 0 || version != string(rune('a'+b.version)) {
		b.version++
		return ErrConflict
	}
	b.text, b.version = text, b.version+1
	return nil
}

func (b *book) days(t *testing.T, now time.Time) int {
	t.Helper()
	spans, err := seen.Parse(b.text)
	if err != nil {
		t.Fatal(err)
	}
	return spans.Days(now)
}

// live has replicas answer every ten minutes and write that down, for so long.
func live(t *testing.T, now *time.Time, long time.Duration, replicas ...*Recorder) {
	t.Helper()
	for end := now.Add(long); now.Before(end); *now = now.Add(RecordEvery) {
		for _, r := range replicas {
			if err := r.Record(context.Background()); err != nil {
				t.Fatal(err)
			}
			r.Answered() // the review of what was written
		}
	}
}

func TestOnlyTimeInWhichSomebodyAnsweredIsSeen(t *testing.T) {
	b, now := &book{conflicts: 2}, start
	clock := func() time.Time { return now }
	one := NewRecorder(b, clock)
	live(t, &now, 48*time.Hour, one)
	now = now.Add(10 * 24 * time.Hour) // down, or not asked: what was written passed unseen
	live(t, &now, 24*time.Hour+RecordEvery, one)
	if err := one.Record(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.days(t, now); got != 2 { // 47:50 and 24:00
		t.Errorf("%d days of 13\n%s", got, b.text)
	}
	live(t, &now, 2*time.Hour, one)
	if got := b.days(t, now); got != 3 {
		t.Errorf("%d days\n%s", got, b.text)
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
	}
	if got := b.days(t, now); got != 3 || strings.Count(b.text, "\n") != 4 { // between them nobody ran for ten minutes
		t.Errorf("%d days\n%s", got, b.text)
	}
}

func TestWhatIsNotWrittenIsNotLostWhileTheReplicaLives(t *testing.T) {
	b, now := &book{}, start
	r := NewRecorder(b, func() time.Time { return now })
	b.down = true
	for range 200 {
		r.Answered()
		now = now.Add(RecordEvery)
	}
	if err := r.Record(context.Background()); err == nil {
		t.Error("an outage is not told")
	}
	b.down, b.text = false, "somebody wrote into it"
	if err := r.Record(context.Background()); err != nil || b.days(t, now) != 1 {
		t.Errorf("%v\n%s", err, b.text)
	}
}
