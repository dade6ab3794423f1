package work

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
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
	return w.e.settle(ctx, "alert", untilLetIn(w.e.alert(ctx, job.Args)))
}

func (w *resolver) Work(ctx context.Context, _ *river.Job[resolveArgs]) error {
	return w.e.settle(ctx, "resolve", w.e.resolve(ctx))
}

// alert takes over what GitHub knows of an alert: the first time its value, which becomes
// an incident with GitHub's places, and later only what became of it. What somebody says of
// an alert there closes no incident: only an issuer proves that a credential is dead. But who
// resolved an alert before it was heard of has looked at it: see [heed].
func (e *Engine) alert(ctx context.Context, a alertArgs) error {
	s, err := e.Hub.Open(ctx, a.Installation, a.Repository, hub.ToAlerts())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	old, err := e.oldAlert(ctx, a)
	if err != nil {
		return err
	}
	kept := store.Alert{Repository: a.Repository, Number: a.Number, Installation: a.Installation, Credential: old.Credential}
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
		_, err := t.Incident(ctx, kept.Credential)
		opened := errors.Is(err, store.ErrNotFound)
		if err != nil && !opened {
			return err
		}
		if err := found.record(ctx, t); err != nil {
			return err
		}
		if err := heed(ctx, t, kept, now, opened); err != nil {
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

// oldAlert is what is kept of an alert; zero for nothing.
func (e *Engine) oldAlert(ctx context.Context, a alertArgs) (old store.Alert, err error) {
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		if old, err = t.Alert(ctx, a.Repository, a.Number); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return old, err
}

// heed takes the state of an alert into account. An incident that was opened by an alert
// which somebody had resolved before is triaged, with what was said: it stays open, as that
// proves nothing, but nobody is called to it anew. Where GitHub says that the credential is
// active it is detected, whatever was said. Who opens the alert again takes that back.
func heed(ctx context.Context, t *store.Tx, a store.Alert, now hub.Alert, opened bool) error {
	said := fmt.Sprintf("GitHub's alert %d was resolved before it was heard of", a.Number)
	if opened && now.State == "resolved" && now.Validity != "active" {
		why := said
		if resolutions.MatchString(now.Resolution) {
			why += ": " + now.Resolution
		}
		return t.Advance(ctx, a.Credential, store.Move{To: store.Triaged, By: actor, Why: why})
	}
	in, err := t.Incident(ctx, a.Credential)
	if err != nil || in.State != store.Triaged || !strings.HasPrefix(in.Reason, said) || now.State == "resolved" && now.Validity != "active" {
		return err
	}
	why := "GitHub says that it is active"
	if now.State != "resolved" {
		why = fmt.Sprintf("GitHub's alert %d is open again", a.Number)
	}
	return t.Advance(ctx, a.Credential, store.Move{To: store.Detected, By: actor, Why: why})
}

// resolutions are words like those of GitHub; another text is not repeated.
// https://docs.github.com/rest/secret-scanning/secret-scanning#get-a-secret-scanning-alert
var resolutions = regexp.MustCompile(`^[a-z_]{1,30}$`)

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
