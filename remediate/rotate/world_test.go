package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// clock stands still until somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(0, d))
	return ctx.Err()
}

// shelf is a store in a folder: a file for each version, which outlives whoever
// wrote it. It is told what goes wrong.
type shelf struct {
	dir   string
	clock *clock
	kind  Kind
	stale time.Duration // how long a read shows the version before
	fail  map[string]error
	notes []Note
}

type shelved struct {
	At        time.Time
	Values    map[string]string
	Destroyed bool
}

func (f *shelf) file(n int) string { return filepath.Join(f.dir, "version-"+strconv.Itoa(n)) }

func (f *shelf) load(n int) (v shelved, err error) {
	text, err := os.ReadFile(f.file(n))
	if err != nil {
		return v, ErrGone
	}
	return v, json.Unmarshal(text, &v)
}

func (f *shelf) save(n int, v shelved) {
	text, _ := json.Marshal(v)
	if err := os.WriteFile(f.file(n), text, 0o600); err != nil {
		panic(err)
	}
}

// last is the newest version that shows.
func (f *shelf) last(shows bool) (n int) {
	for {
		v, err := f.load(n + 1)
		if err != nil || shows && n > 0 && f.clock.Now().Before(v.At.Add(f.stale)) {
			return n
		}
		n++
	}
}

func (f *shelf) Read(_ context.Context, version string) (Version, error) {
	if err := f.fail["read"]; err != nil {
		return Version{}, err
	}
	n := f.last(true)
	if version != "" {
		n, _ = strconv.Atoi(version)
	}
	v, err := f.load(n)
	if err != nil || v.Destroyed {
		return Version{}, ErrGone
	}
	values := map[string]secret.Secret{}
	for key, value := range v.Values {
		values[key] = secret.New(value)
	}
	return Version{strconv.Itoa(n), values}, nil
}

func (f *shelf) Write(_ context.Context, from string, values map[string]secret.Secret) (string, error) {
	if err := f.fail["write"]; err != nil {
		return "", err
	}
	n := f.last(false)
	if strconv.Itoa(n) != from {
		return "", fmt.Errorf("%w: version %d", ErrConflict, n)
	}
	v, _ := f.load(n)
	for key, value := range values {
		v.Values[key] = value.Reveal()
	}
	v.At = f.clock.Now()
	f.save(n+1, v)
	return strconv.Itoa(n + 1), nil
}

func (f *shelf) Destroy(_ context.Context, version string) error {
	if err := f.fail["destroy"]; err != nil {
		return err
	}
	n, _ := strconv.Atoi(version)
	v, err := f.load(n)
	if err == nil {
		v.Destroyed, v.Values = true, nil
		f.save(n, v)
	}
	return err
}

func (f *shelf) Annotate(_ context.Context, _ string, n Note) error {
	f.notes = append(f.notes, n)
	return f.fail["annotate"]
}

// issuer makes values, a file for each that exists.
type issuer struct {
	dir  string
	fail error
}

func (i issuer) List(context.Context) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(i.dir, "key-*"))
	for n := range all {
		all[n] = filepath.Base(all[n])
	}
	return all, err
}

func (i issuer) Mint(ctx context.Context) (Minted, error) {
	if i.fail != nil {
		return Minted{}, i.fail
	}
	r, err := NewRandom(0, "")
	if err != nil {
		return Minted{}, err
	}
	m, err := r.Mint(ctx)
	for n := 1; m.ID == ""; n++ {
		if id := fmt.Sprintf("key-%d", n); !exists(filepath.Join(i.dir, id)) && !exists(filepath.Join(i.dir, "ended-"+id)) {
			m.ID = id
		}
	}
	return m, errors.Join(err, os.WriteFile(filepath.Join(i.dir, m.ID), nil, 0o600))
}

func (i issuer) Discard(_ context.Context, id string) error {
	return os.Rename(filepath.Join(i.dir, id), filepath.Join(i.dir, "ended-"+id))
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// world is an operator with one place.
type world struct {
	*Engine
	shelf  *shelf
	issuer issuer
	clock  *clock
	hand   secret.Secret
}

func (w *world) Kind(string) (Kind, bool)             { return w.shelf.kind, true }
func (w *world) Store(remediate.Place) (Store, error) { return w.shelf, nil }
func (w *world) Minter(p remediate.Place) (Minter, error) {
	switch p.Mint {
	case "issuer":
		return w.issuer, nil
	case "stdin":
		return Handed{func() (secret.Secret, error) { return w.hand, nil }}, nil
	}
	return NewRandom(p.Length, p.Alphabet)
}

const grace = 7 * 24 * time.Hour

func newWorld(t testing.TB, dir string, change ...func(*world)) *world {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	must(t, err)
	w := &world{clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	w.shelf = &shelf{dir: dir, clock: w.clock, fail: map[string]error{}, kind: Kind{ID: "shelf", Fate: Destroyed, History: true, Settle: time.Minute}}
	w.issuer = issuer{dir: dir}
	w.Engine = &Engine{World: w, Engine: &remediate.Engine{Key: key, Clock: w.clock, Actor: "ann", Catalogue: &revoke.Catalogue{},
		Policy: remediate.Policy{Stores: []remediate.Place{{Name: "app", Kind: "shelf", Path: "app", Key: "password", IDKey: "id"}}}}}
	for _, f := range change {
		f(w)
	}
	w.Engine.Store, err = store.Open(t.Context(), filepath.Join(dir, "state", "leakgate.db"), store.Options{Key: key, Now: w.clock.Now})
	must(t, err)
	t.Cleanup(func() { w.Engine.Store.Close() })
	if !exists(w.shelf.file(1)) {
		w.shelf.save(1, shelved{At: w.clock.now.Add(-time.Hour), Values: map[string]string{"password": "the-old-value", "other": "stays"}})
	}
	return w
}

func mintedBy(by string) func(*world) {
	return func(w *world) { w.Policy.Stores[0].Mint = by }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) plan(t testing.TB) (remediate.Step, string) {
	t.Helper()
	plan, digest, err := w.Plan(t.Context(), []Wish{{Place: "app", Reason: "it leaked"}})
	must(t, err)
	return plan.Steps[0], digest
}

func (w *world) apply(t testing.TB, digest string, want remediate.Effect) remediate.Outcome {
	t.Helper()
	out, err := w.Apply(t.Context(), digest)
	must(t, err)
	if out[0].Effect != want {
		t.Errorf("%s, want %s: %s", out[0].Effect, want, out[0].Why)
	}
	return out[0]
}

// now is what consumers read, and how many versions there are.
func (w *world) now(t testing.TB) (password string, versions int) {
	t.Helper()
	n := w.shelf.last(false)
	v, err := w.shelf.load(n)
	must(t, err)
	return v.Values["password"], n
}
