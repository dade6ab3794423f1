package work

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// alertArgs are an alert of GitHub's own secret scanning of which something is new.
type alertArgs struct {
	Installation int64 `json:"installation"`
	Repository   int64 `json:"repository"`
	Number       int64 `json:"number"`
}

// resolveArgs tell GitHub of what is revoked.
type resolveArgs struct{}

func (alertArgs) Kind() string   { return "alert" }
func (resolveArgs) Kind() string { return "resolve" }

func (alertArgs) InsertOpts() river.InsertOpts   { return river.InsertOpts{Queue: queueReport} }
func (resolveArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueUpkeep} }

type (
	alerter struct {
		river.WorkerDefaults[alertArgs]
		e *Engine
	}
	resolver struct {
		river.WorkerDefaults[resolveArgs]
		e *Engine
	}
)

func (w *alerter) Work(ctx context.Context, job *river.Job[alertArgs]) error {
	return w.e.settle(ctx, "alert", w.e.alert(ctx, job.Args))
}

func (w *resolver) Work(ctx context.Context, _ *river.Job[resolveArgs]) error {
	return w.e.settle(ctx, "resolve", w.e.resolve(ctx))
}

// alert takes over what GitHub knows of an alert: the first time its value, which becomes
// an incident with GitHub's places, and later only what became of it. What somebody says of
// an alert there moves no incident: only an issuer proves that a credential is dead.
func (e *Engine) alert(ctx context.Context, a alertArgs) error {
	s, err := e.Hub.Open(ctx, a.Installation, a.Repository, hub.ToAlerts())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	kept := store.Alert{Repository: a.Repository, Number: a.Number, Installation: a.Installation}
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		old, err := t.Alert(ctx, a.Repository, a.Number)
		kept.Credential = old.Credential
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return err
	}
	now, err := s.Alert(ctx, a.Number, kept.Credential == "")
	if errors.Is(err, hub.ErrNoAlerts) {
		return fmt.Errorf("%w: %w", errGiveUp, err)
	}
	if err != nil {
		return err
	}
	found := places{in: seen(s)}
	if kept.Credential == "" {
		if found, err = e.alerted(ctx, s, now); err != nil {
			return err
		}
		kept.Credential = found.found[0].Credential.ID
	}
	kept.State = now.State
	return e.Store.Tx(ctx, func(t *store.Tx) error {
		if err := found.record(ctx, t); err != nil {
			return err
		}
		if now.Public {
			if err := expose(ctx, t, []string{kept.Credential}, false); err != nil {
				return err
			}
		}
		return t.KeepAlert(ctx, kept)
	})
}

// alerted are the places of an alert, and its credential as one of our rules knows it; by
// GitHub's name for it where none does.
func (e *Engine) alerted(ctx context.Context, s *hub.Session, a hub.Alert) (places, error) {
	all := places{in: seen(s)}
	if a.Secret.IsZero() {
		return all, fmt.Errorf("%w: GitHub does not tell the value of alert %d", errGiveUp, a.Number)
	}
	key, err := e.World.Key.For(s.Account)
	if err != nil {
		return all, err
	}
	where, err := s.AlertPlaces(ctx, a.Number)
	if err != nil {
		return all, err
	}
	var values secret.Redactor
	values.Add(a.Secret)
	c := e.known(ctx, key, values.Redact(a.Kind), a.Secret)
	if len(where) == 0 { // in an issue or a discussion, say
		where = []hub.AlertPlace{{}}
	}
	for i, l := range where {
		all.found = append(all.found, store.Sighting{
			Credential: c, Repository: strconv.FormatInt(s.Repository, 10), Fingerprint: fmt.Sprintf("github:alert:%d:%d", a.Number, i),
			Body: store.Place{Commit: l.Commit, Path: values.Redact(l.Path), Line: l.Line, Blob: l.Blob},
		})
	}
	return all, nil
}

// known is a credential by the rule of ours that finds its value alone.
func (e *Engine) known(ctx context.Context, key secret.Key, kind string, value secret.Secret) store.Credential {
	c := store.Credential{ID: key.ID(value), Former: key.FormerIDs(value), Rule: "github:" + kind, Preview: value.Preview(""), Severity: "high"}
	world := e.World
	world.Key = key
	text := bytes.NewReader([]byte("token: " + value.Reveal() + "\n")) // to the scanner alone
	r, err := inspect.Run(ctx, inspect.Question{What: inspect.Stream, Stream: text, Name: "alert", NoCache: true}, world)
	if err != nil {
		return c
	}
	for _, f := range r.Result.Findings {
		if f.Secret.Equal(value) {
			c.Rule, c.Preview, c.Severity = f.Rule.ID, value.Preview(f.Rule.Prefix), f.Severity.String()
			break
		}
	}
	return c
}

// maxResolved is how many alerts are resolved in one go, within the limits of GitHub.
const maxResolved = 20

// resolve tells GitHub of alerts whose credential is revoked, once each time that it is.
// What cannot be told in one repository, or not now, holds no other up.
func (e *Engine) resolve(ctx context.Context) error {
	var last store.Alert
	left := map[int64]bool{} // the repositories that are left alone this time
	for told, outages := 0, 0; told < maxResolved; {
		var open []store.Alert
		if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { open, err = t.Resolvable(ctx, last, maxResolved); return err }); err != nil {
			return err
		}
		if len(open) == 0 {
			return nil
		}
		for _, a := range open {
			if last = a; left[a.Repository] {
				continue
			}
			err := e.resolveOne(ctx, a)
			later, limited := hub.AsLater(err)
			if limited && later.Outage {
				outages++
			}
			if ctx.Err() != nil || outages == maxOutages {
				return errors.Join(err, ctx.Err())
			}
			switch {
			case err == nil:
				told++
			case limited:
				left[a.Repository] = true // the next look comes in a minute
			default:
				left[a.Repository] = true
				e.Log.Warn("an alert could not be resolved", "repository", a.Repository, "alert", a.Number, "error", inspect.Clean(err.Error()))
			}
		}
	}
	return nil
}

func (e *Engine) resolveOne(ctx context.Context, a store.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	s, err := e.Hub.Open(ctx, a.Installation, a.Repository, hub.ToAlerts())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	err = s.ResolveAlert(ctx, a.Number, "Its issuer says that "+a.Credential+" is revoked. leakgate")
	if err != nil && !errors.Is(err, hub.ErrNoAlerts) {
		return err
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.Told(ctx, a) })
}
