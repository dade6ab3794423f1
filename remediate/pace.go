package remediate

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// pace keeps the calls to each provider within its rate, and leaves one alone
// that is out of order.
type pace struct {
	limits map[string]*rate.Limiter
	faults map[string]int
	until  map[string]time.Time // when one that was left alone is asked again
}

// maxFaults is how many calls in a row may go without a documented answer
// before a provider is left alone, for a rest.
const (
	maxFaults = 3
	rest      = 15 * time.Minute
)

// gentle is the rate for providers that document none.
var gentle = revoke.Rate{Calls: 60, Per: revoke.Duration(time.Minute)}

// wait returns when the provider may be asked again, or called for a deed.
func (p *pace) wait(ctx context.Context, clock Clock, of *revoke.Provider, d revoke.Deed) error {
	if p.limits == nil {
		p.limits = map[string]*rate.Limiter{}
	}
	name, r := of.Pace(d)
	limit := p.limits[name]
	if limit == nil {
		if r.Calls == 0 {
			r = gentle
		}
		limit = rate.NewLimiter(rate.Every(time.Duration(r.Per)/time.Duration(r.Calls)), 1)
		p.limits[name] = limit
	}
	now := clock.Now()
	return clock.Sleep(ctx, limit.ReserveN(now, 1).DelayFrom(now))
}

// asking is the pace of what changes nothing.
const asking revoke.Deed = ""

// documented reports whether a provider answered a check as it documents.
func documented(p *revoke.Provider, r revoke.Report) bool {
	return r.Status != revoke.Unknown || r.Answered || p.Unchecked != ""
}

// note takes in whether a call was answered as documented.
func (p *pace) note(clock Clock, of *revoke.Provider, documented bool) {
	if p.faults == nil {
		p.faults, p.until = map[string]int{}, map[string]time.Time{}
	}
	if documented {
		p.faults[of.ID] = 0
	} else {
		p.faults[of.ID]++
		p.until[of.ID] = clock.Now().Add(rest)
	}
}

// broken reports whether a provider is left alone. Behind the rest one call shows
// whether it answers again.
func (p *pace) broken(clock Clock, of *revoke.Provider) bool {
	return p.faults[of.ID] >= maxFaults && clock.Now().Before(p.until[of.ID])
}
