package gitlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"github.com/leakgate/leakgate/remediate/revoke"
)

// issuer kills what it is told to.
type issuer struct {
	mu   sync.Mutex
	dead map[string]int
}

func (f *issuer) Check(_ context.Context, _ *revoke.Provider, in revoke.Input) revoke.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead[in.Secret.Reveal()] > 0 {
		return revoke.Report{Status: revoke.Dead, Why: "dead"}
	}
	return revoke.Report{Status: revoke.Live, Why: "live"}
}

func (f *issuer) Locate(_ context.Context, p *revoke.Provider, _ revoke.Input, _ revoke.Report) (revoke.Target, error) {
	return revoke.Target{Provider: p.ID, Proof: revoke.ProofValue}, nil
}

func (f *issuer) ActAll(ctx context.Context, p *revoke.Provider, shots []revoke.Shot, d revoke.Deed) (o revoke.Outcome) {
	for _, s := range shots {
		o = f.Act(ctx, p, s.Input, s.Target, d)
	}
	return o
}

func (f *issuer) Act(_ context.Context, _ *revoke.Provider, in revoke.Input, _ revoke.Target, _ revoke.Deed) revoke.Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[in.Secret.Reveal()]++
	return revoke.Outcome{Result: revoke.Done, Why: "done"}
}

type wall struct{}

func (wall) Now() time.Time                                   { return time.Now() }
func (wall) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func inbox(t *testing.T, log *bytes.Buffer) (*Inbox, *issuer) {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "state", "db"), store.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p := &revoke.Provider{ID: "p", Name: "p", Class: revoke.ClassS, Rules: []string{"auto", "asked", "foreign"}, Check: &revoke.Check{}, Revoke: &revoke.Action{}}
	f := &issuer{dead: map[string]int{}}
	e := &remediate.Engine{Store: s, Issuer: f, Catalogue: &revoke.Catalogue{Providers: []*revoke.Provider{p}}, Key: key, Clock: wall{}, Actor: "gitlab",
		Policy: remediate.Policy{Owned: []string{"gitlab.example.com/acme/*"}}}
	return NewInbox(e, []string{"auto"}, slog.New(slog.NewTextHandler(log, nil))), f
}

func TestOnlyListedKindsAreRevokedAlone(t *testing.T) {
	var log bytes.Buffer
	b, f := inbox(t, &log)
	at := "https://gitlab.example.com/acme/app/-/blob/main/x.txt?private_token=the-query#L1"
	tokens := []Token{{"auto", secret.New("auto-value"), at}, {"asked", secret.New("asked-value"), at}, {"auto", secret.New("foreign-value"), "https://gitlab.example.com/other/app/-/x"}}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { b.Run(ctx) })
	for range 3 {
		if err := b.Take(t.Context(), tokens); err != nil {
			t.Fatal(err)
		}
	}
	for len(b.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b.states(t) == "asked detected, auto detected, auto revoked" {
			break
		}
	}
	cancel()
	wait.Wait()
	if got := b.states(t); got != "asked detected, auto detected, auto revoked" {
		t.Errorf("incidents: %s\n%s", got, &log)
	}
	if f.dead["auto-value"] != 1 || f.dead["asked-value"] != 0 || f.dead["foreign-value"] != 0 {
		t.Errorf("effects: %v", f.dead)
	}
	if said := log.String() + b.places(t); strings.Contains(said, "-value") || strings.Contains(said, "the-query") {
		t.Errorf("a value is shown: %s", said)
	}
}

func (b *Inbox) states(t *testing.T) string {
	t.Helper()
	var all []string
	if err := b.Store.Tx(t.Context(), func(tx *store.Tx) error {
		incidents, err := tx.Incidents(t.Context())
		for _, in := range incidents {
			all = append(all, in.Credential.Rule+" "+string(in.State))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.Sorted(slices.Values(all)), ", ")
}

func (b *Inbox) places(t *testing.T) (text string) {
	t.Helper()
	if err := b.Store.Trail(t.Context(), "", func(e store.Event) error { text += fmt.Sprintf("%s %s\n", e.Action, e.Body); return nil }); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAFullInboxRecordsNothing(t *testing.T) {
	var log bytes.Buffer
	b, _ := inbox(t, &log)
	var many []Token
	for n := range room {
		many = append(many, Token{"auto", secret.New(fmt.Sprintf("value-%d", n)), "https://gitlab.example.com/acme/app"})
	}
	if err := b.Take(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	before := len(b.states(t))
	if err := b.Take(t.Context(), []Token{{"auto", secret.New("one-more"), ""}}); !errors.Is(err, ErrFull) {
		t.Errorf("taken: %v", err)
	}
	if len(b.states(t)) != before {
		t.Error("it was recorded all the same")
	}
}

// While the kill switch is on nothing is revoked, and when it is off what waits is.
func TestTheKillSwitchStopsTheServer(t *testing.T) {
	var log bytes.Buffer
	b, f := inbox(t, &log)
	b.Engine.Policy.KillSwitch = filepath.Join(t.TempDir(), "stop")
	if err := os.WriteFile(b.Engine.Policy.KillSwitch, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Take(t.Context(), []Token{{"auto", secret.New("auto-value"), "https://gitlab.example.com/acme/app/-/x"}}); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if b.awake(short) {
		t.Error("it is awake")
	}
	if len(f.dead) > 0 {
		t.Errorf("effects: %v", f.dead)
	}
	if err := os.Remove(b.Engine.Policy.KillSwitch); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { b.Run(ctx) })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && b.states(t) != "auto revoked"; {
		time.Sleep(5 * time.Millisecond)
	}
	end()
	wait.Wait()
	if b.states(t) != "auto revoked" || f.dead["auto-value"] != 1 {
		t.Errorf("%s, effects %v\n%s", b.states(t), f.dead, &log)
	}
}
