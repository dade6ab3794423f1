package rollout

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
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

// world is a rollout whose effects are lines of a file, which outlives whoever made them.
type world struct {
	*Engine
	clock *clock
	dir   string
	gate  func(stage string) (Verdict, string)
	used  func() (int, error)
	tell  error // of every question whether something is done
}

func newWorld(t testing.TB, dir string, change ...func(*store.Options)) *world {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	must(t, err)
	w := &world{dir: dir, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	w.gate = func(string) (Verdict, string) { return Pass, "all is well" }
	w.used = func() (int, error) { return 0, nil }
	w.Engine = &Engine{Engine: &remediate.Engine{Key: key, Clock: w.clock, Actor: "ann"}, Effects: func(*Plan) (Effects, error) { return w.effects(), nil }}
	o := store.Options{Key: key, Now: w.clock.Now}
	for _, f := range change {
		f(&o)
	}
	w.Store, err = store.Open(t.Context(), filepath.Join(dir, "state", "leakgate.db"), o)
	must(t, err)
	t.Cleanup(func() { w.Store.Close() })
	return w
}

// log are the effects in their order.
func (w *world) log() []string {
	text, err := os.ReadFile(filepath.Join(w.dir, "effects"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// effect is a step that adds a line. It is done while the line is the last of its subject.
func (w *world) effect(subject, value string) Step {
	return step{
		func(context.Context) (bool, error) {
			last := ""
			for _, line := range w.log() {
				if s, v, _ := strings.Cut(line, "="); s == subject {
					last = v
				}
			}
			if last == "" && value == "blue" { // where all stages are before
				last = "blue"
			}
			return last == value, w.tell
		},
		func(context.Context) error {
			f, err := os.OpenFile(filepath.Join(w.dir, "effects"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString(subject + "=" + value + "\n")
			return err
		},
	}
}

func (w *world) effects() Effects {
	return Effects{
		Mint: w.effect("green", "made"), Deliver: w.effect("store", "green"),
		Move:   func(stage, version string) Step { return w.effect(stage, version) },
		Retire: func(version string) Step { return w.effect(version, "retired") },
		Judge:  func(_ context.Context, g Gate) (Verdict, string) { return w.gate(g.Command[0]) },
		Used:   func(context.Context, string) (int, error) { return w.used() },
	}
}

const specText = `
name = "shop"
grace = "168h"
poll = "10m"
[database]
kind = "postgresql"
host = "db.acme.test"
group = "shop"
users = ["blue", "green"]
[deliver]
write = ["write", "{version}"]
check = ["check", "{version}"]
[move]
do = ["move", "{stage}", "{version}"]
at = ["at", "{stage}"]
[[stages]]
name = "staging"
dwell = "10m"
gate = {command = ["staging"]}
[[stages]]
name = "ten"
share = 10
dwell = "30m"
gate = {command = ["ten"]}
[[stages]]
name = "half"
share = 50
dwell = "30m"
gate = {command = ["half"]}
[[stages]]
name = "all"
share = 100
dwell = "1h"
gate = {command = ["all"]}
`

func (w *world) plan(t testing.TB) string {
	t.Helper()
	return w.planned(t, specText, "")
}

func (w *world) planned(t testing.TB, text, credential string) string {
	t.Helper()
	spec, err := ParseSpec([]byte(text))
	must(t, err)
	_, digest, err := w.Plan(t.Context(), Wish{spec, "blue", "green", credential})
	must(t, err)
	return digest
}

func (w *world) apply(t testing.TB, digest string, want State) Standing {
	t.Helper()
	s, err := w.Apply(t.Context(), digest)
	must(t, err)
	if s.State != want {
		t.Fatalf("%s, want %s: %s", s.State, want, s.Why)
	}
	return s
}

func (w *world) did(t testing.TB, want ...string) {
	t.Helper()
	if got := w.log(); !slices.Equal(got, want) {
		t.Errorf("the effects: %q\nwant %q", got, want)
	}
}

var (
	forward  = []string{"green=made", "store=green", "staging=green", "ten=green", "half=green", "all=green", "blue=retired"}
	backward = []string{"green=made", "store=green", "staging=green", "ten=green", "ten=blue", "staging=blue", "green=retired"}
)

var errBlind = errors.New("nobody answers")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
