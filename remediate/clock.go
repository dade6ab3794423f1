package remediate

import (
	"context"
	"time"
)

// WallClock is a [Clock] that really waits. Time is what it takes the time from, such as
// [time.Now].
type WallClock struct{ Time func() time.Time }

// Now implements [Clock].
func (c WallClock) Now() time.Time { return c.Time() }

// Sleep implements [Clock].
func (c WallClock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
