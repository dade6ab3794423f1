package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// aList is how many repositories stand on a page of coverage.
const aList = 50

// trafficSince is how far back the page of health looks.
const trafficSince = 24 * time.Hour

// slow is when what waits is worth somebody's attention.
const slow = 10 * time.Minute

// healthPage is what the page of health shows: of what its reader may read alone.
type healthPage struct {
	store.Traffic
	Median, Tail time.Duration // of what deliveries took
	Total        int           // repositories
	Judged       int
	Open         int // of them with open incidents
	Swept        int
	Named        int // by a sweep
	Covered      []covered
	Next         string
	Sweeping     []sweep
	Limits       []limit
	Now          time.Time
}

// covered is a repository and what is known of it.
type covered struct {
	hub.Readable
	store.Judged
	Open  int
	Sweep *sweep
}

type sweep struct {
	store.History
	Name string
}

// limit is what is left of GitHub's hourly limit for an organisation.
type limit struct {
	Account string
	hub.Budget
	Known bool
}

// Used is the part of the limit that is gone.
func (l limit) Used() float64 {
	if l.Limit == 0 {
		return 0
	}
	return float64(l.Limit-l.Remaining) / float64(l.Limit)
}

// Late reports whether deliveries, or questions, wait for long.
func (p healthPage) Late() bool   { return p.Unhandled > 0 && p.Now.Sub(p.Since) > slow }
func (p healthPage) Behind() bool { return p.Waiting > 0 && p.Now.Sub(p.Asked) > slow }

// Age is how long something was ago.
func (p healthPage) Age(t time.Time) time.Duration { return p.Now.Sub(t) }

func (s *server) health(w http.ResponseWriter, r *http.Request, v viewer) error {
	ctx, reader := r.Context(), v.access.reader()
	p := healthPage{Now: s.Now(), Total: len(reader)}
	var judged map[int64]store.Judged
	var open map[int64]int
	var seen map[int64]store.History
	err := s.Store.View(ctx, func(t *store.Tx) (err error) {
		if p.Traffic, err = t.TrafficOf(ctx, reader, s.Now().Add(-trafficSince)); err != nil {
			return err
		}
		if judged, err = t.JudgedOf(ctx, reader); err != nil {
			return err
		}
		if open, err = t.OpenIn(ctx, reader); err != nil {
			return err
		}
		seen, err = t.HistoriesIn(ctx, reader)
		return err
	})
	if err != nil {
		return err
	}
	p.Judged, p.Open = len(judged), len(open)
	p.Median, p.Tail = share(p.Took, 0.5), share(p.Took, 0.95)
	p.Named = len(seen)
	sweeps := p.sweeps(v.access, seen)
	p.cover(v.access, r.URL.Query().Get("after"), judged, open, sweeps)
	p.Limits = s.limits(v.access)
	text, err := s.show("health", "Health", "/health", v, p)
	if err == nil {
		write(w, http.StatusOK, text)
	}
	return err
}

// share is what that part of sorted times was below.
func share(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(part*float64(len(sorted)-1))]
}

// sweeps sorts repositories by whether their last sweep is over.
func (p *healthPage) sweeps(a access, seen map[int64]store.History) map[int64]sweep {
	all := map[int64]sweep{}
	for id, one := range seen {
		r, ok := a.repository(id)
		if !ok {
			continue
		}
		all[id] = sweep{one, r.Name}
		switch one.State {
		case store.PassDone:
			p.Swept++
		case store.PassWaiting, store.PassRunning:
			p.Sweeping = append(p.Sweeping, all[id])
		}
	}
	slices.SortFunc(p.Sweeping, func(a, b sweep) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Share is how much of what a sweep named is over.
func (p healthPage) Share() float64 { return float64(p.Named-len(p.Sweeping)) / float64(p.Named) }

// cover lists a part of the repositories, by name.
func (p *healthPage) cover(a access, after string, judged map[int64]store.Judged, open map[int64]int, sweeps map[int64]sweep) {
	for _, r := range a.Repositories {
		if after != "" && strings.ToLower(r.Name) <= strings.ToLower(after) {
			continue
		}
		if len(p.Covered) == aList {
			p.Next = "/health?" + url.Values{"after": {p.Covered[aList-1].Name}}.Encode()
			return
		}
		c := covered{Readable: r, Judged: judged[r.ID], Open: open[r.ID]}
		if one, ok := sweeps[r.ID]; ok {
			c.Sweep = &one
		}
		p.Covered = append(p.Covered, c)
	}
}

// limits are those of the installations that reach what may be read.
func (s *server) limits(a access) (all []limit) {
	seen := map[int64]bool{}
	for _, r := range a.Repositories {
		if seen[r.Installation] {
			continue
		}
		seen[r.Installation] = true
		owner, _, _ := strings.Cut(r.Name, "/")
		b := s.Budget(r.Installation)
		all = append(all, limit{owner, b, b.Limit > 0})
	}
	return all
}
