package stores

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// TestARunThatDiesBehindTheWriteReadsAgain has a run end between the write and
// the journal, for every store. The run that takes it up reads, at first perhaps
// what was before, and sends no second write: the fake would not take one.
func TestARunThatDiesBehindTheWriteReadsAgain(t *testing.T) {
	for _, s := range scripts(t) {
		for name, shows := range map[string][][]string{"at once": {s.Flow.After}, "stale": {s.Flow.Read, s.Flow.Read, s.Flow.After}} {
			t.Run(s.kind+" "+name, func(t *testing.T) {
				b := newBench(t, s)
				e := b.engine()
				b.expect(s.Flow.Read)
				_, digest, err := e.Plan(t.Context(), []rotate.Wish{{Place: "app", Reason: "it leaked"}})
				b.came("plan", err)
				if err != nil {
					t.Fatal(err)
				}
				b.expect(s.Flow.Read, s.Flow.Write)
				b.dies(e, digest)
				b.expect(append(shows, s.Flow.After)...)
				if b.Flow.Annotate != nil { // what it holds of the plan and the time is the conformance test's
					b.values["plan"], b.values["at"] = digest, start.Add(time.Duration(len(shows)-1)*2*time.Second).Format(time.RFC3339)
					b.expect(append(shows, s.Flow.After, s.Flow.Annotate)...)
				}
				e.World = s.world(b.fake)
				out, err := e.Apply(t.Context(), digest)
				b.came("apply", err)
				if err != nil || out[0].Effect != rotate.Waiting {
					t.Errorf("%v, %v", out, err)
				}
			})
		}
	}
}

// engine is an operator with the place of the script.
func (b *bench) engine() *rotate.Engine {
	b.t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	if err != nil {
		b.t.Fatal(err)
	}
	c := &clock{now: start}
	state, err := store.Open(b.t.Context(), filepath.Join(b.t.TempDir(), "leakgate.db"), store.Options{Key: key, Now: c.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { state.Close() })
	return &rotate.Engine{World: dying{b.world(b.fake)}, Engine: &remediate.Engine{Store: state, Key: key, Clock: c, Actor: "ann",
		Policy: remediate.Policy{Stores: []remediate.Place{b.place()}}}}
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(max(0, d))
	return ctx.Err()
}

// dying is a world in which whoever writes does not live to hear the answer.
type dying struct{ World }

func (d dying) Store(p remediate.Place) (rotate.Store, error) {
	s, err := d.World.Store(p)
	if prepares, ok := s.(rotate.Preparer); ok {
		return struct {
			mortal
			rotate.Preparer
		}{mortal{s}, prepares}, err
	}
	return mortal{s}, err
}

type mortal struct{ rotate.Store }

const death = "killed behind the write"

func (m mortal) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	version, err := m.Store.Write(ctx, from, values)
	if err != nil {
		return version, err
	}
	panic(death)
}

func (b *bench) dies(e *rotate.Engine, digest string) {
	b.t.Helper()
	defer func() {
		b.t.Helper()
		if p := recover(); p != death {
			b.t.Fatalf("the run did not come to the write: %v", p)
		}
		b.came("the write", nil)
	}()
	out, err := e.Apply(b.t.Context(), digest)
	b.t.Errorf("%v, %v, %v", out, err, b.fake.Fault())
}
