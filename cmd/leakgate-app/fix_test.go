package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// alive calls every value alive, and counts what it is told to change.
type alive struct{ deeds int }

func (a *alive) Check(context.Context, *revoke.Provider, revoke.Input) revoke.Report {
	return revoke.Report{Status: revoke.Live, Why: "it signed in"}
}

func (a *alive) Locate(context.Context, *revoke.Provider, revoke.Input, revoke.Report) (t revoke.Target, err error) {
	return t, nil
}

func (a *alive) Act(context.Context, *revoke.Provider, revoke.Input, revoke.Target, revoke.Deed) (o revoke.Outcome) {
	a.deeds++
	return o
}

func (a *alive) ActAll(context.Context, *revoke.Provider, []revoke.Shot, revoke.Deed) (o revoke.Outcome) {
	a.deeds++
	return o
}

func TestAnOrderIsPlannedAndNothingIsDone(t *testing.T) {
	ctx, key := t.Context(), mustParse(t)
	own, err := key.For(42)
	must(t, err)
	token := "gh" + "p_" + gittest.Letters(36)
	repo := gittest.New(t)
	repo.File("a.txt", "token: "+token+"\n")
	r, err := inspect.Run(ctx, inspect.Question{Path: repo.Dir}, inspect.World{Key: own, Now: time.Now, Version: "test"})
	must(t, err)
	if len(r.Result.Credentials) != 1 {
		t.Fatalf("%d credentials", len(r.Result.Credentials))
	}
	s, err := store.Open(ctx, t.TempDir()+"/state/leakgate.db", store.Options{Key: key, Connections: 1})
	must(t, err)
	defer s.Close()
	catalogue, err := revoke.Default()
	must(t, err)
	issuer := &alive{}
	policy := remediate.Policy{Owned: []string{"github.com/acme/*"}}
	p := &planner{store: s, key: key, issuer: issuer, catalogue: catalogue, policy: policy, now: time.Now}
	o := work.Order{ID: "guid", Account: 42, Name: "github.com/acme/app", Credentials: []string{own.ID(secret.New(token))}, By: "ada", ByAccount: 7, Pull: 3}
	found := work.Found{Result: r.Result, Blob: func(string) []byte { return nil }}
	taken, err := p.Fix(ctx, o, found)
	must(t, err)
	said := taken.Said
	if again, err := p.Fix(ctx, o, found); err != nil || again != taken || taken.Until.IsZero() {
		t.Errorf("the same order comes to something else: %+v %+v %v", taken, again, err)
	}
	if strings.Contains(said, token) || strings.Contains(said, "\n") || !strings.Contains(said, "--account 42") || !strings.Contains(said, "Nothing is changed") {
		t.Error(said)
	}
	var digests []string
	must(t, s.Tx(ctx, func(tx *store.Tx) (err error) { digests, err = tx.Plans(ctx); return err }))
	if len(digests) != 1 || !strings.Contains(said, "apply "+digests[0]) || issuer.deeds != 0 {
		t.Errorf("%d plans, %d deeds: %s", len(digests), issuer.deeds, said)
	}
	var body []byte
	must(t, s.Tx(ctx, func(tx *store.Tx) (err error) { body, _, err = tx.Plan(ctx, digests[0]); return err }))
	for _, form := range secret.Forms(secret.New(token)) {
		if strings.Contains(string(body), form) {
			t.Errorf("the plan holds %q", form)
		}
	}
	o.ID, o.Credentials = "another", []string{"LG-ANOTHER"}
	if taken, err := p.Fix(ctx, o, found); err != nil || !strings.Contains(taken.Said, "None of these") || !taken.Until.IsZero() {
		t.Errorf("%+v %v", taken, err)
	}
	p.policy.Requesters = []remediate.Approver{{Name: "ann"}}
	if taken, err := p.Fix(ctx, o, found); err != nil || !strings.Contains(taken.Said, "prove it with a key") || !taken.Until.IsZero() {
		t.Errorf("where plans are signed: %+v %v", taken, err)
	}
}

func TestOnlySafeIssuersAreAsked(t *testing.T) {
	catalogue, err := revoke.Default()
	must(t, err)
	n, i := 0, &issuers{catalogue: catalogue, client: &revoke.Client{}, now: time.Now}
	for _, p := range catalogue.Providers {
		if !i.askable(p) {
			continue
		}
		n++
		if p.Check == nil || p.Speaks != "" || p.Effects != "none" && p.Effects != "log" || p.Evidence == revoke.Unverified {
			t.Errorf("%s is asked", p.ID)
		}
	}
	if n < 5 {
		t.Errorf("only %d are asked", n)
	}
	if v, err := i.Verify(t.Context(), "no-such-rule", secret.New("x")); v != report.NotChecked || err != nil {
		t.Errorf("%v %v", v, err)
	}
}

func mustParse(t *testing.T) secret.Key {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	must(t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
