package remediate

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// clock stands still until somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

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

// issuers is every provider at once. What was done to a credential is kept in a
// file per credential, a line for each effect, as it outlives whoever did it.
type issuers struct {
	dir      string
	clock    Clock
	delay    time.Duration // until an effect shows
	answered bool          // an unknown status is a documented one
	status   map[string]revoke.Status
	act      func(value string, d revoke.Deed) *revoke.Outcome // nil: it works
	locate   func(in revoke.Input, t revoke.Target) (revoke.Target, error)
	calls    map[string][]time.Time // by provider
	volleys  []int                  // how many values each call of several carried
	paced    map[string][]time.Time // by what has a rate of its own
	rates    map[string]revoke.Rate // of these
}

func (f *issuers) note(p *revoke.Provider, d revoke.Deed) {
	if f.calls == nil {
		f.calls, f.paced, f.rates = map[string][]time.Time{}, map[string][]time.Time{}, map[string]revoke.Rate{}
	}
	name, rate := p.Pace(d)
	f.calls[p.ID], f.paced[name], f.rates[name] = append(f.calls[p.ID], f.clock.Now()), append(f.paced[name], f.clock.Now()), rate
}

func (f *issuers) file(value string) string { return filepath.Join(f.dir, url.PathEscape(value)) }

// effects are the deeds that were done to a value, with their times.
func (f *issuers) effects(value string) (deeds []string, last time.Time) {
	text, err := os.ReadFile(f.file(value))
	if err != nil {
		return nil, last
	}
	for line := range strings.Lines(string(text)) {
		deed, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		last, _ = time.Parse(time.RFC3339Nano, at)
		deeds = append(deeds, deed)
	}
	return deeds, last
}

func (f *issuers) Check(_ context.Context, p *revoke.Provider, in revoke.Input) revoke.Report {
	f.note(p, asking)
	value := in.Secret.Reveal()
	if s, ok := f.status[value]; ok && s == revoke.Dead && p.Place != "" && !p.Placed(in) {
		return revoke.Report{Why: "the fake does not know it"}
	} else if ok {
		return revoke.Report{Status: s, Why: "the fake says " + s.String(), Answered: f.answered}
	}
	deeds, last := f.effects(value)
	dead := len(deeds) > 0 && deeds[len(deeds)-1] != string(revoke.Undo) && !f.clock.Now().Before(last.Add(f.delay))
	if dead && p.Place != "" && !p.Placed(in) {
		return revoke.Report{Why: "the fake does not know it"}
	}
	if dead {
		return revoke.Report{Status: revoke.Dead, Why: "the fake knows that it is dead"}
	}
	return revoke.Report{Status: revoke.Live, Why: "the fake knows that it works", Scopes: []string{"admin:all"}}
}

func (f *issuers) Look(context.Context, *revoke.Provider, revoke.Input, revoke.Report) string {
	return "nothing is logged"
}

func (f *issuers) Locate(_ context.Context, p *revoke.Provider, in revoke.Input, _ revoke.Report) (revoke.Target, error) {
	t := revoke.Target{Provider: p.ID, ID: "id-of-" + in.Secret.Reveal()[:4], Proof: revoke.ProofOwnID}
	if f.locate != nil {
		return f.locate(in, t)
	}
	return t, nil
}

func (f *issuers) Act(_ context.Context, p *revoke.Provider, in revoke.Input, _ revoke.Target, d revoke.Deed) revoke.Outcome {
	f.note(p, d)
	value := in.Secret.Reveal()
	if f.act != nil {
		if o := f.act(value, d); o != nil {
			return *o
		}
	}
	if deeds, _ := f.effects(value); d == revoke.Revoke && slices.Contains(deeds, string(d)) {
		return revoke.Outcome{Result: revoke.Gone, Why: "the fake has no such credential"}
	}
	f.do(value, d)
	return revoke.Outcome{Result: revoke.Done, Why: "the fake did it", Settle: f.delay}
}

// do keeps an effect.
func (f *issuers) do(value string, d revoke.Deed) {
	file, err := os.OpenFile(f.file(value), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fprintf(file, "%s %s\n", d, f.clock.Now().Format(time.RFC3339Nano))
}

// ActAll does all or, when one of them is refused, nothing.
func (f *issuers) ActAll(ctx context.Context, p *revoke.Provider, shots []revoke.Shot, d revoke.Deed) revoke.Outcome {
	f.note(p, d)
	if len(shots) > p.Batch {
		return revoke.Outcome{Result: revoke.Refused, Why: "too many"}
	}
	f.volleys = append(f.volleys, len(shots))
	for _, s := range shots {
		if f.act == nil {
			break
		}
		if o := f.act(s.Input.Secret.Reveal(), d); o != nil {
			return *o
		}
	}
	for _, s := range shots {
		f.do(s.Input.Secret.Reveal(), d)
	}
	return revoke.Outcome{Result: revoke.Done, Why: "the fake did it", Settle: f.delay}
}

// world is a catalogue of one kind that can be disabled and one that cannot, a
// store in a file, and the fake of all issuers.
type world struct {
	*Engine
	fake  *issuers
	clock *clock
	dir   string
	noted string // file of the head of the trail, "" for none
}

func provider(id string, change ...func(*revoke.Provider)) *revoke.Provider {
	p := &revoke.Provider{ID: id, Name: id, Class: revoke.ClassS, Rules: []string{"rule-" + id}, Revoke: &revoke.Action{}, Check: &revoke.Check{},
		Evidence: revoke.Specification, Outage: "all stops", Forever: "it is gone"}
	for _, f := range change {
		f(p)
	}
	return p
}

func reversible(p *revoke.Provider) { p.Disable, p.Undo = &revoke.Action{}, &revoke.Action{} }

func newWorld(t testing.TB, dir string, change ...func(*world)) *world {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	must(t, err)
	w := &world{clock: newClock(), dir: dir}
	w.fake = &issuers{dir: dir, clock: w.clock}
	w.Engine = &Engine{Issuer: w.fake, Key: key, Clock: w.clock, Actor: "ann", Policy: Policy{Owned: []string{"acme/*"}},
		Catalogue: &revoke.Catalogue{Providers: []*revoke.Provider{provider("soft", reversible), provider("hard")}}}
	for _, f := range change {
		f(w)
	}
	w.Store, err = store.Open(t.Context(), filepath.Join(dir, "state", "leakgate.db"), store.Options{Key: key, Now: w.clock.Now, Noted: w.noted})
	must(t, err)
	t.Cleanup(func() { w.Store.Close() })
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leak makes a case and records its incident.
func (w *world) leak(t testing.TB, value, provider string) Case {
	t.Helper()
	v := secret.New(value)
	c := Case{Credential: w.Key.ID(v), Value: v, Rule: "rule-" + provider, Preview: "x…", Severity: "high", Repository: "acme/app"}
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Record(t.Context(), "test", []store.Sighting{{Credential: store.Credential{ID: c.Credential, Rule: c.Rule, Preview: c.Preview}, Repository: c.Repository, Fingerprint: c.Credential, Body: "x"}})
	}))
	return c
}

func byID(cases ...Case) map[string]Case {
	all := map[string]Case{}
	for _, c := range cases {
		all[c.Credential] = c
	}
	return all
}

func (w *world) plan(t testing.TB, cases ...Case) (*Plan, string) {
	t.Helper()
	plan, digest, err := w.Plan(t.Context(), cases)
	must(t, err)
	return plan, digest
}

func (w *world) apply(t testing.TB, digest string, cases ...Case) []Outcome {
	t.Helper()
	out, err := w.Apply(t.Context(), digest, byID(cases...))
	must(t, err)
	return out
}

func (w *world) state(t testing.TB, c Case) (s store.State) {
	t.Helper()
	must(t, w.Store.Tx(t.Context(), func(tx *store.Tx) error {
		in, err := tx.Incident(t.Context(), c.Credential)
		s = in.State
		return err
	}))
	return s
}

// slow lets effects show after a delay, which the providers' data tells.
func slow(delay time.Duration) func(*world) {
	return func(w *world) {
		w.fake.delay = delay
		for _, p := range w.Catalogue.Providers {
			p.Settle = revoke.Duration(delay)
		}
	}
}

// cutOff applies a plan up to a point.
func (w *world) cutOff(t testing.TB, point, digest string, cases ...Case) {
	t.Helper()
	w.crash = func(at string) {
		if at == point {
			panic(at)
		}
	}
	defer func() {
		if w.crash = nil; recover() != point {
			t.Errorf("the run did not come to the point %q", point)
		}
	}()
	w.apply(t, digest, cases...)
}
