package remediate

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

func TestACredentialDiesOnceAndProvenly(t *testing.T) {
	w := newWorld(t, t.TempDir())
	soft, hard := w.leak(t, "soft-value", "soft"), w.leak(t, "hard-value", "hard")
	plan, digest := w.plan(t, soft, hard)
	if got := fmt.Sprintf("%s %t %s %t", plan.Steps[0].Deed, plan.Steps[0].Undo, plan.Steps[1].Deed, plan.Steps[1].Undo); got != "disable true revoke false" {
		t.Errorf("the plan: %s", got)
	}
	if deeds, _ := w.fake.effects("soft-value"); len(deeds) > 0 {
		t.Fatalf("planning did %v", deeds)
	}
	for range 2 {
		for _, o := range w.apply(t, digest, soft, hard) {
			if o.Effect != Proven {
				t.Errorf("%s: %s: %s", o.Step.Provider, o.Effect, o.Why)
			}
		}
	}
	for value, want := range map[string]string{"soft-value": "[disable]", "hard-value": "[revoke]"} {
		if deeds, _ := w.fake.effects(value); fmt.Sprint(deeds) != want {
			t.Errorf("%s: %v, want %s", value, deeds, want)
		}
	}
	if w.state(t, soft) != store.Revoked || w.state(t, hard) != store.Revoked {
		t.Error("the incidents are not revoked")
	}
	_, err := w.Store.VerifyTrail(t.Context())
	must(t, err)
}

func TestPublicAndLiveOnesComeFirst(t *testing.T) {
	w := newWorld(t, t.TempDir())
	private, dead, public := w.leak(t, "private-value", "hard"), w.leak(t, "dead-value", "hard"), w.leak(t, "public-value", "hard")
	private.Exposure = Private
	w.fake.status = map[string]revoke.Status{"dead-value": revoke.Dead}
	plan, _ := w.plan(t, private, dead, public)
	var order []string
	for _, s := range plan.Steps {
		order = append(order, map[string]string{private.Credential: "private", dead.Credential: "dead", public.Credential: "public"}[s.Credential])
	}
	if got := strings.Join(order, " "); got != "public private dead" {
		t.Errorf("order: %s", got)
	}
}

// What must keep a plan, or a step of it, from being done.
func TestWhatIsNotDone(t *testing.T) {
	cases := map[string]struct {
		before func(*world)                                   // planning
		after  func(t *testing.T, w *world, c *Case) []string // SQL on the store
		want   string                                         // in the note, the outcome or the error
	}{
		"not owned":               {before: func(w *world) { w.Policy.Owned = []string{"other/*"} }, want: "REFUSED_NOT_OWNED"},
		"nothing is owned":        {before: func(w *world) { w.Policy.Owned = nil }, want: "REFUSED_NOT_OWNED"},
		"ambiguous":               {before: func(w *world) { w.fake.locate = ambiguous }, want: "REFUSED_AMBIGUOUS"},
		"nobody can tell":         {before: func(w *world) { w.fake.status = map[string]revoke.Status{"the-value": revoke.Unknown} }, want: "nobody can tell"},
		"dead already":            {before: func(w *world) { w.fake.status = map[string]revoke.Status{"the-value": revoke.Dead} }, want: "dead already"},
		"answers nobody verified": {before: func(w *world) { w.Catalogue.Providers[1].Evidence = revoke.Unverified }, want: "allow_unverified"},
		"no provider":             {before: func(w *world) { w.Catalogue.Providers = nil }, want: "no provider"},
		"a need is missing": {before: func(w *world) {
			p := w.Catalogue.Providers[1]
			p.Needs = []revoke.Need{{Name: "admin", From: "admin", Help: "An administrator's token."}}
			p.Check = &revoke.Check{Request: revoke.Request{URL: "https://x/{{admin}}"}}
		}, want: "An administrator's token."},

		"expired": {after: func(_ *testing.T, w *world, _ *Case) []string {
			w.clock.now = w.clock.now.Add(25 * time.Hour)
			return nil
		}, want: "expired"},
		"the clock went back": {after: func(_ *testing.T, w *world, _ *Case) []string {
			w.clock.now = w.clock.now.Add(-time.Hour)
			return nil
		}, want: "set the clock"},
		"another policy":     {after: func(_ *testing.T, w *world, _ *Case) []string { w.Policy.Budget = 99; return nil }, want: "policy changed"},
		"another value":      {after: func(_ *testing.T, _ *world, c *Case) []string { c.Value = secret.New("other-value"); return nil }, want: "not the one of the plan"},
		"another repository": {after: func(_ *testing.T, _ *world, c *Case) []string { c.Repository = "stranger/app"; return nil }, want: "REFUSED_NOT_OWNED"},
		"value not found":    {after: func(_ *testing.T, _ *world, c *Case) []string { c.Credential = "LG-other"; return nil }, want: "not found again"},
		"another record": {after: func(_ *testing.T, w *world, _ *Case) []string {
			w.fake.locate = func(_ revoke.Input, t revoke.Target) (revoke.Target, error) { t.ID = "decoy"; return t, nil }
			return nil
		}, want: "REFUSED_AMBIGUOUS"},
		"ambiguous by now": {after: func(_ *testing.T, w *world, _ *Case) []string { w.fake.locate = ambiguous; return nil }, want: "REFUSED_AMBIGUOUS"},
		"unknown by now": {after: func(_ *testing.T, w *world, _ *Case) []string {
			w.fake.status = map[string]revoke.Status{"the-value": revoke.Unknown}
			return nil
		}, want: "nobody can tell"},
		"changed provider": {after: func(_ *testing.T, w *world, _ *Case) []string { w.Catalogue.Providers[1].Outage = "none"; return nil }, want: "provider changed"},
		"changed plan": {after: func(*testing.T, *world, *Case) []string {
			return []string{`UPDATE plans SET body = replace(body, '"high"', '"low"')`}
		}, want: "was changed in the store"},
		"kill switch": {after: func(t *testing.T, w *world, _ *Case) []string {
			must(t, os.WriteFile(w.Policy.KillSwitch, nil, 0o600))
			return nil
		}, want: "kill switch"},
		"the provider refuses": {after: func(_ *testing.T, w *world, _ *Case) []string {
			w.fake.act = func(string, revoke.Deed) *revoke.Outcome {
				return &revoke.Outcome{Result: revoke.Refused, Why: "it may not"}
			}
			return nil
		}, want: "it may not"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := newWorld(t, dir, func(w *world) {
				w.Policy.KillSwitch = filepath.Join(dir, "stop")
				if c.before != nil {
					c.before(w)
				}
			})
			leak := w.leak(t, "the-value", "hard")
			plan, digest := w.plan(t, leak)
			if c.after != nil {
				for _, statement := range c.after(t, w, &leak) {
					change(t, dir, statement)
				}
			}
			out, err := w.Apply(t.Context(), digest, byID(leak))
			said := fmt.Sprint(plan.Steps[0].Note, out, err)
			if !strings.Contains(said, c.want) {
				t.Errorf("said %s, want %q", said, c.want)
			}
			if deeds, _ := w.fake.effects("the-value"); len(deeds) > 0 {
				t.Errorf("%v was done", deeds)
			}
			if strings.Contains(said, "the-value") {
				t.Error("the value is shown")
			}
		})
	}
}

func ambiguous(revoke.Input, revoke.Target) (revoke.Target, error) {
	return revoke.Target{}, fmt.Errorf("%w: 2 records fit", revoke.ErrAmbiguous)
}

func change(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "state", "leakgate.db"))
	must(t, err)
	defer db.Close()
	_, err = db.Exec(statement)
	must(t, err)
}

func TestTheBudgetEndsDeedsThatCannotBeTakenBack(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) { w.Policy.Budget = 2 })
	var leaks []Case
	for n := range 4 {
		leaks = append(leaks, w.leak(t, fmt.Sprintf("hard%d-value", n), "hard"))
	}
	leaks = append(leaks, w.leak(t, "soft-value", "soft"))
	_, digest := w.plan(t, leaks...)
	count := func() (done int) {
		for _, o := range w.apply(t, digest, leaks...) {
			if o.Effect == Proven {
				done++
			}
		}
		return done
	}
	if first, second := count(), count(); first != 3 || second != 5 {
		t.Errorf("%d and then %d of 5 were done, want 2 irreversible ones a run", first, second)
	}
}

func TestAnEffectThatTakesItsTimeIsWaitedFor(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) { w.fake.delay = 5 * time.Minute })
	c := w.leak(t, "slow-value", "hard")
	_, digest := w.plan(t, c)
	if out := w.apply(t, digest, c); out[0].Effect != Proven {
		t.Errorf("%+v", out[0])
	}
	if deeds, _ := w.fake.effects("slow-value"); len(deeds) != 1 {
		t.Errorf("done: %v", deeds)
	}
}

func TestWhatStillWorksStaysOpen(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "stubborn-value", "hard")
	w.fake.act = func(string, revoke.Deed) *revoke.Outcome {
		return &revoke.Outcome{Result: revoke.Done, Why: "said to be done"}
	}
	_, digest := w.plan(t, c)
	for range 2 {
		if out := w.apply(t, digest, c); out[0].Effect != Open || w.state(t, c) != store.Detected {
			t.Errorf("%+v, %s", out[0], w.state(t, c))
		}
	}
}

func TestAProviderOutOfOrderIsLeftAlone(t *testing.T) {
	w := newWorld(t, t.TempDir())
	var leaks []Case
	for n := range 8 {
		leaks = append(leaks, w.leak(t, fmt.Sprintf("down%d-value", n), "hard"))
	}
	_, digest := w.plan(t, leaks...)
	w.fake.status = map[string]revoke.Status{}
	for _, c := range leaks {
		w.fake.status[c.Value.Reveal()] = revoke.Unknown
	}
	w.fake.calls = nil
	w.apply(t, digest, leaks...)
	if n := len(w.fake.calls["hard"]); n != maxFaults {
		t.Errorf("it was asked %d times, want %d", n, maxFaults)
	}
}

func TestTwoCannotApplyAtOnce(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "one-value", "hard")
	_, digest := w.plan(t, c)
	release, err := w.Store.Exclusive(t.Context(), "apply")
	must(t, err)
	if _, err := w.Apply(t.Context(), digest, byID(c)); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second one: %v", err)
	}
	release()
	w.apply(t, digest, c)
}

func TestWhatWasDisabledCanBeTakenBack(t *testing.T) {
	w := newWorld(t, t.TempDir())
	soft, hard := w.leak(t, "soft-value", "soft"), w.leak(t, "hard-value", "hard")
	_, digest := w.plan(t, soft, hard)
	w.apply(t, digest, soft, hard)
	for _, want := range []string{"[disable undo]", "[disable undo]"} {
		out, err := w.Undo(t.Context(), digest, soft.Credential, byID(soft))
		must(t, err)
		if deeds, _ := w.fake.effects("soft-value"); fmt.Sprint(deeds) != want || out[0].Effect != Nothing {
			t.Errorf("%v: %+v", deeds, out)
		}
	}
	if w.state(t, soft) != store.Detected {
		t.Errorf("the incident is %s", w.state(t, soft))
	}
	out, err := w.Undo(t.Context(), digest, hard.Credential, byID(hard))
	must(t, err)
	if deeds, _ := w.fake.effects("hard-value"); len(deeds) != 1 || out[0].Effect != Refused {
		t.Errorf("%v: %+v", deeds, out)
	}
	if out := w.apply(t, digest, soft, hard); out[0].Effect != Refused {
		t.Errorf("a plan that was taken back was done again: %+v", out[0])
	}
}

func TestCallsKeepWithinTheRates(t *testing.T) {
	rates := []revoke.Rate{{Calls: 60, Per: revoke.Duration(time.Hour)}, {Calls: 10, Per: revoke.Duration(time.Second)}, {}}
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.Policy.Budget, w.Policy.Lifetime = 60, revoke.Duration(1000*time.Hour)
		w.Catalogue.Providers = nil
		for n := range 3 {
			p := provider(fmt.Sprintf("p%d", n))
			p.Rate = rates[n%len(rates)]
			w.Catalogue.Providers = append(w.Catalogue.Providers, p)
		}
	})
	var leaks []Case
	for n := range 60 {
		leaks = append(leaks, w.leak(t, fmt.Sprintf("%04d-value", n), fmt.Sprintf("p%d", n%3)))
	}
	told := 0
	w.Progress = func(done, total int) {
		if told++; done > total || total != 60 {
			t.Errorf("%d of %d", done, total)
		}
	}
	_, digest := w.plan(t, leaks...)
	for _, o := range w.apply(t, digest, leaks...) {
		if o.Effect != Proven {
			t.Fatalf("%+v", o)
		}
	}
	if told != 120 {
		t.Errorf("progress was told %d times", told)
	}
	for _, p := range w.Catalogue.Providers {
		r := p.Rate
		if r.Calls == 0 {
			r = gentle
		}
		times := w.fake.calls[p.ID]
		if len(times) != 4*20 {
			t.Errorf("%s was called %d times", p.ID, len(times))
		}
		for i := r.Calls; i < len(times); i++ {
			if times[i].Sub(times[i-r.Calls]) < time.Duration(r.Per)-time.Millisecond {
				t.Fatalf("%s: more than %d calls in %s", p.ID, r.Calls, time.Duration(r.Per))
			}
		}
	}
}
