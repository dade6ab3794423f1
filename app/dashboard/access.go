package dashboard

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// accessAge is how old what we know of somebody's access may be: so long does he see what
// was taken from him at GitHub.
const accessAge = 2 * time.Minute

// maxAccesses is of how many sessions that is remembered.
const maxAccesses = 2000

// access is what somebody may read, as GitHub said.
type access struct {
	Repositories []hub.Readable // by name
	At           time.Time
}

func (a access) reader() store.Reader {
	out := make(store.Reader, 0, len(a.Repositories))
	for _, r := range a.Repositories {
		out = append(out, r.ID)
	}
	return out
}

// repository is one that may be read.
func (a access) repository(id int64) (hub.Readable, bool) {
	i := slices.IndexFunc(a.Repositories, func(r hub.Readable) bool { return r.ID == id })
	if i < 0 {
		return hub.Readable{}, false
	}
	return a.Repositories[i], true
}

func (a access) name(id int64) string { r, _ := a.repository(id); return r.Name }

// settled is an access without the repositories that are known as another account's than
// GitHub says: what is kept of those is of the account before until they are taken over, and
// of the next one from then on, whatever is remembered here.
func (s *server) settled(ctx context.Context, a access) (access, error) {
	var known []store.Repository
	err := s.Store.View(ctx, func(t *store.Tx) (err error) { known, err = t.Among(ctx, a.reader()); return err })
	if err != nil {
		return access{}, err
	}
	strange := map[int64]bool{}
	for _, was := range known {
		now, _ := a.repository(was.ID)
		strange[was.ID] = !was.OfSameAccount(store.Repository{Installation: now.Installation, Account: now.Account, Name: now.Name})
	}
	left := make([]hub.Readable, 0, len(a.Repositories)) // the list is remembered, and not ours to change
	for _, r := range a.Repositories {
		if !strange[r.ID] {
			left = append(left, r)
		}
	}
	return access{left, a.At}, nil
}

// accesses remembers them for a moment, by session.
type accesses struct {
	now    func() time.Time
	flight singleflight.Group
	mu     sync.Mutex
	known  map[string]access
}

// of is that of a session. What cannot be read anew is not known, whatever it was before.
func (a *accesses) of(ctx context.Context, session string, read func(context.Context) ([]hub.Readable, error)) (access, error) {
	if known, ok := a.fresh(session); ok {
		return known, nil
	}
	got, err, _ := a.flight.Do(session, func() (any, error) {
		at := a.now() // before it is asked
		all, err := read(context.WithoutCancel(ctx))
		if err != nil {
			return access{}, err
		}
		slices.SortFunc(all, func(x, y hub.Readable) int {
			return cmp.Or(strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.ID, y.ID))
		})
		all = slices.CompactFunc(all, func(x, y hub.Readable) bool { return x.ID == y.ID })
		known := access{all, at}
		a.keep(session, known)
		return known, nil
	})
	if err != nil {
		return access{}, err
	}
	return got.(access), nil
}

func (a *accesses) fresh(session string) (access, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.known[session]
	return known, ok && a.now().Sub(known.At) < accessAge
}

func (a *accesses) keep(session string, known access) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxAccesses {
		a.known = map[string]access{}
	}
	a.known[session] = known
}

func (a *accesses) forget(session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, session)
}
