package roles

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/dbrole"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rollout"
)

// clock goes on when somebody sleeps.
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

// consumers are applications of a stage each, with an open session of the user
// that they were told to use. The value comes from where it was delivered.
type consumers struct {
	t        *testing.T
	l        *leak
	values   map[string]secret.Secret // by user, what was delivered
	at       map[string]string        // by stage
	sessions map[string]*dbrole.Session
	moves    []string
}

// run is what the commands of the plan do.
func (c *consumers) run(_ context.Context, command []string, stdin string) (string, error) {
	switch command[0] {
	case "write":
		c.values[command[1]] = secret.New(stdin)
	case "check":
		if !c.values[command[1]].Equal(secret.New(stdin)) {
			return "", rollout.Exit(1)
		}
	case "at":
		return c.at[command[1]] + "\n", nil
	case "move":
		return "", c.move(command[1], command[2])
	}
	return "", nil
}

func (c *consumers) move(stage, user string) error {
	c.moves = append(c.moves, stage+" "+user)
	session, err := c.l.server.SignIn(c.l.ctx, user, c.values[user], "")
	if err != nil {
		return err
	}
	if before := c.sessions[stage]; before != nil {
		before.Close()
	}
	c.sessions[stage], c.at[stage] = session, user
	return nil
}

// work does what an application does: the table belongs to the group.
func (c *consumers) work() {
	c.t.Helper()
	for stage, session := range c.sessions {
		if err := session.Run(c.l.ctx, []string{"INSERT INTO orders_of_shop VALUES (1)"}, nil); err != nil {
			c.t.Errorf("%s cannot work as %s: %v", stage, c.at[stage], err)
		}
	}
}

const stages = `
name = "shop"
[database]
kind = "postgresql"
host = "HOST"
group = "GROUP"
users = ["BLUE", "GREEN"]
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
gate = {unused = true}
`

// shop is an application of four stages that uses the blue user.
func newShop(t *testing.T, l *leak) (*rollout.Engine, *consumers, *clock) {
	blue := "blue " + word(t)[:6]
	password := secret.New(word(t))
	must(t, l.group.Mint(l.ctx, blue, password))
	l.admin(t, "table", map[string][]string{dbrole.PostgreSQL: {"DROP TABLE IF EXISTS orders_of_shop", "CREATE TABLE orders_of_shop (n int)", "ALTER TABLE orders_of_shop OWNER TO {{group|name}}"}})
	c := &consumers{t: t, l: l, values: map[string]secret.Secret{blue: password}, at: map[string]string{}, sessions: map[string]*dbrole.Session{}}
	for _, stage := range []string{"staging", "ten", "half", "all"} {
		must(t, c.move(stage, blue))
	}
	c.moves = nil
	l.user = blue
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	must(t, err)
	ticks := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s, err := store.Open(l.ctx, filepath.Join(t.TempDir(), "leakgate.db"), store.Options{Key: key, Now: ticks.Now})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return &rollout.Engine{Engine: &remediate.Engine{Store: s, Key: key, Clock: ticks, Actor: "ann", Policy: remediate.Policy{Lifetime: revoke.Duration(1000 * time.Hour)}}}, c, ticks
}

func plan(t *testing.T, e *rollout.Engine, l *leak) (*rollout.Plan, string) {
	t.Helper()
	green := strings.Replace(l.user, "blue", "green", 1)
	text := strings.NewReplacer("HOST", l.server.Host, `"GROUP"`, quoted(l.group.Name), `"BLUE"`, quoted(l.user), `"GREEN"`, quoted(green)).Replace(stages)
	spec, err := rollout.ParseSpec([]byte(text))
	must(t, err)
	old, idle, err := rollout.Idle(l.ctx, spec.Database.Users, l.group.Retired)
	must(t, err)
	_, digest, err := e.Plan(l.ctx, rollout.Wish{Spec: spec, Old: old, New: idle})
	must(t, err)
	_, p, err := e.Read(l.ctx, digest)
	must(t, err)
	return p, digest
}

// quoted is a literal string of TOML that may hold anything but line ends.
func quoted(text string) string { return "'''" + text + "'''" }

func postgresOnly(t *testing.T, run func(*testing.T, *leak)) {
	each(t, func(t *testing.T, l *leak) {
		if l.server.Kind == dbrole.PostgreSQL {
			l.group.Name = "shop " + word(t)[:6]
			l.admin(t, "group", map[string][]string{dbrole.PostgreSQL: {"CREATE ROLE {{group|name}}"}})
			run(t, l)
		}
	})
}

func TestAPasswordIsReplacedUnderRunningApplications(t *testing.T) {
	postgresOnly(t, func(t *testing.T, l *leak) {
		e, c, ticks := newShop(t, l)
		p, digest := plan(t, e, l)
		_, other := plan(t, e, l) // two of the same, as by two people
		gate := func(context.Context, rollout.Gate) (rollout.Verdict, string) {
			c.work()
			return rollout.Pass, "orders go on"
		}
		e.Effects = func(p *rollout.Plan) (rollout.Effects, error) {
			return rollout.DatabaseEffects(p, l.group, p.Value(e.Key), c.run, gate), nil
		}
		begin := ticks.Now()
		s, err := e.Follow(l.ctx, digest, func(rollout.Standing) {
			if _, err := e.Apply(l.ctx, other); err == nil || !strings.Contains(err.Error(), "can sign in") {
				t.Errorf("a second rollout of the same users begins: %v", err)
			}
			c.work()
		})
		must(t, err)
		if s.State != rollout.Finished {
			t.Fatalf("%s: %s", s.State, s.Why)
		}
		c.work()
		if took, want := ticks.Now().Sub(begin), 130*time.Minute+7*24*time.Hour; took < want {
			t.Errorf("it took %s, less than %s", took, want)
		}
		if got, want := strings.Join(c.moves, ", "), strings.ReplaceAll("staging N, ten N, half N, all N", "N", p.New); got != want {
			t.Errorf("moves %s, want %s", got, want)
		}
		if ok, err := l.group.Works(l.ctx, p.Old, c.values[p.Old]); ok || err != nil {
			t.Errorf("the old password works: %v, %v", ok, err)
		}
		if ok, err := l.group.Works(l.ctx, p.New, p.Value(e.Key)); !ok || err != nil {
			t.Errorf("the new password does not work: %v", err)
		}
		if _, err := e.Apply(l.ctx, other); err == nil || !strings.Contains(err.Error(), "is in use now") {
			t.Errorf("a plan that no longer fits is applied: %v", err)
		}
		// The next one goes the other way.
		back, _ := plan(t, e, l)
		if back.Old != p.New || back.New != p.Old {
			t.Errorf("from %s to %s", back.Old, back.New)
		}
	})
}

func TestAStageThatFailsIsMovedBackOnTheServer(t *testing.T) {
	postgresOnly(t, func(t *testing.T, l *leak) {
		e, c, _ := newShop(t, l)
		p, digest := plan(t, e, l)
		broken := errors.New("the run was cut off")
		moved := 0
		run := func(ctx context.Context, command []string, stdin string) (string, error) {
			out, err := c.run(ctx, command, stdin)
			if command[0] == "move" {
				if moved++; moved == 2 { // it was done, and nobody heard of it
					return "", broken
				}
			}
			return out, err
		}
		gate := func(_ context.Context, g rollout.Gate) (rollout.Verdict, string) {
			if g.Command[0] == "half" {
				return rollout.Fail, "orders fail"
			}
			return rollout.Pass, ""
		}
		e.Effects = func(p *rollout.Plan) (rollout.Effects, error) {
			return rollout.DatabaseEffects(p, l.group, p.Value(e.Key), run, gate), nil
		}
		if _, err := e.Follow(l.ctx, digest, func(rollout.Standing) {}); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		s, err := e.Follow(l.ctx, digest, func(rollout.Standing) { c.work() })
		must(t, err)
		if s.State != rollout.RolledBack || !strings.Contains(s.Why, "orders fail") {
			t.Fatalf("%s: %s", s.State, s.Why)
		}
		c.work()
		want := strings.NewReplacer("N", p.New, "O", p.Old).Replace("staging N, ten N, half N, half O, ten O, staging O")
		if got := strings.Join(c.moves, ", "); got != want {
			t.Errorf("moves %s\nwant  %s", got, want)
		}
		if gone, err := l.group.Retired(l.ctx, p.New); !gone || err != nil {
			t.Errorf("the new user can still sign in: %v", err)
		}
	})
}
