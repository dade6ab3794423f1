package work

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/riverqueue/river"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// reverifyArgs ask about credentials again about which nobody was asked for a while.
type reverifyArgs struct{}

func (reverifyArgs) Kind() string { return "reverify" }

func (reverifyArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueReverify} }

type reverifier struct {
	river.WorkerDefaults[reverifyArgs]
	e *Engine
}

func (*reverifier) Timeout(*river.Job[reverifyArgs]) time.Duration { return 40 * time.Minute }

func (w *reverifier) Work(ctx context.Context, _ *river.Job[reverifyArgs]) error {
	return w.e.settle(ctx, "reverify", w.e.reverify(ctx))
}

// reverifyLook is how often it is looked whether anything is due, at most.
const reverifyLook = 5 * time.Minute

// maxOutages is how often in one go GitHub may fail before it is left alone.
const maxOutages = 3

// maxReverified is how many credentials are asked about in one go.
const maxReverified = 100

// reverify asks about the credentials that wait longest. One that cannot be asked about,
// or not now, holds no other up.
func (e *Engine) reverify(ctx context.Context) error {
	var due []store.Incident
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		due, err = t.Due(ctx, e.World.Now().Add(-e.ReverifyEvery), maxReverified)
		return err
	})
	if err != nil {
		return err
	}
	outages := 0
	for _, in := range due {
		v, why, err := e.askAgain(ctx, in)
		later, limited := hub.AsLater(err)
		if limited && later.Outage {
			outages++
		}
		if ctx.Err() != nil || outages == maxOutages {
			return errors.Join(err, ctx.Err())
		}
		if there, is := errors.AsType[*elsewhere](err); is {
			if err := e.transfer(ctx, there.installation, there.repository); err != nil && !errors.Is(err, hub.ErrGone) && !errors.Is(err, store.ErrBusy) {
				e.Log.Info("whose a repository is cannot be asked now", "repository", there.repository, "error", inspect.Clean(err.Error()))
			}
			continue
		}
		if limited || errors.Is(err, mirror.ErrInUse) { // its turn comes with the next look
			continue
		}
		if err != nil {
			v, why = report.NotChecked, "nobody was asked: its value could not be read again"
			if errors.Is(err, hub.ErrGone) {
				why = "nobody was asked: the App does not reach its repository any more"
			}
			e.Log.Info("a credential is not asked about", "incident", in.ID, "error", inspect.Clean(err.Error()))
		}
		err = e.Store.Tx(ctx, func(t *store.Tx) error {
			to, err := t.Answered(ctx, in.ID, actor, answerOf(v), why)
			if err == nil && to == store.Revoked {
				_, err = e.enqueue(ctx, t, resolveArgs{})
			}
			if err == nil && to != "" {
				_, err = e.enqueue(ctx, t, followArgs{})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func answerOf(v report.Validity) store.Answer {
	switch v {
	case report.Active:
		return store.Live
	case report.Inactive:
		return store.Dead
	case report.NotChecked:
		return store.NotAsked
	}
	return store.Unknown
}

// askAgain reads a value again where it was found, and asks its issuer. Where no place has
// it any more nobody can tell, and that is not dead.
func (e *Engine) askAgain(ctx context.Context, in store.Incident) (v report.Validity, why string, err error) {
	var where []store.StoredSighting
	err = e.Store.Tx(ctx, func(t *store.Tx) (err error) { where, err = t.Sightings(ctx, in.Credential.ID); return err })
	for _, p := range where[:min(len(where), maxPlaces)] {
		value, readErr := e.valueAt(ctx, in.Credential.ID, p)
		_, later := hub.AsLater(readErr)
		if _, moved := errors.AsType[*elsewhere](readErr); later || moved {
			return report.Unknown, "", readErr
		}
		if readErr != nil || value.IsZero() {
			err = errors.Join(err, readErr)
			continue
		}
		v = e.askIssuer(ctx, in.Credential.Rule, in.Credential.ID, value)
		return v, asking(v), nil
	}
	if len(where) > maxPlaces {
		return report.NotChecked, fmt.Sprintf("nobody was asked: the first %d of its places have its value no more", maxPlaces), err
	}
	return report.NotChecked, "nobody was asked: no place has its value any more", err
}

// asking says what became of asking about a value that was read.
func asking(v report.Validity) string {
	switch v {
	case report.NotChecked:
		return "nobody was asked: no issuer of its kind can be asked by its value alone"
	case report.Unknown:
		return "no answer: its issuer does not say, or was not reached"
	}
	return "its issuer was asked: " + v.String()
}

// maxPlaces is how many places of a credential are looked at for its value.
const maxPlaces = 5

// valueAt reads a value from the blob in which it was found, as its repository has it now.
// Zero: it is not there.
func (e *Engine) valueAt(ctx context.Context, credential string, p store.StoredSighting) (value secret.Secret, err error) {
	var at store.Place
	if err := json.Unmarshal(p.Body, &at); err != nil {
		return value, err
	}
	number, err := strconv.ParseInt(p.Repository, 10, 64)
	if err != nil {
		return value, fmt.Errorf("%q is no repository of GitHub", p.Repository) // another door recorded it
	}
	blob, err := gitrepo.ParseID(at.Blob)
	if err != nil {
		return value, err
	}
	var known store.Repository
	if err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { known, err = t.Repository(ctx, number); return err }); err != nil {
		return value, err
	}
	s, err := e.Hub.Open(ctx, known.Installation, number, hub.ToRead())
	if err != nil {
		return value, err
	}
	defer e.close(ctx, s)
	if !known.OfSameAccount(seen(s)) { // the id is of another account's key
		return value, &elsewhere{known.Installation, number}
	}
	key, err := e.World.Key.For(s.Account)
	if err != nil {
		return value, err
	}
	text, err := e.contents(ctx, s, blob)
	if err != nil {
		return value, err
	}
	return e.valueIn(ctx, key, credential, at, text)
}

// contents are those of a blob, from the mirror of a session's repository.
func (e *Engine) contents(ctx context.Context, s *hub.Session, blob gitrepo.ID) (text []byte, err error) {
	url, err := s.CloneURL()
	if err != nil {
		return nil, err
	}
	err = e.Mirrors.Use(ctx, mirror.Origin{ID: s.Repository, URL: url, Token: s.Token()}, func(m *mirror.Mirror) error {
		if err := m.Need(ctx, blob); err != nil {
			return err
		}
		read, done, err := e.blobs(s.Repository)
		if err != nil {
			return err
		}
		defer done()
		text = read(blob.String())
		return nil
	})
	return text, err
}

// valueIn finds the value of a credential in a text: at its place, or where a scan of the
// text finds it, decoded or unpacked. Only what has the credential's own id is it, also
// where that was made by a key that was replaced since.
func (e *Engine) valueIn(ctx context.Context, key secret.Key, credential string, at store.Place, text []byte) (secret.Secret, error) {
	if from, to := at.Span[0], at.Span[1]; from >= 0 && from < to && to <= len(text) {
		if v := secret.New(string(text[from:to])); isOf(key, v, credential) {
			return v, nil
		}
	}
	if len(text) == 0 {
		return secret.Secret{}, nil
	}
	world := e.World
	world.Key = key
	r, err := inspect.Run(ctx, inspect.Question{What: inspect.Stream, Stream: bytes.NewReader(text), Name: at.Path, NoCache: true}, world)
	if err != nil {
		return secret.Secret{}, err
	}
	for _, c := range r.Result.Credentials {
		if c.ID == credential || isOf(key, c.Secret, credential) {
			return c.Secret, nil
		}
	}
	return secret.Secret{}, nil
}

func isOf(key secret.Key, v secret.Secret, credential string) bool {
	return key.ID(v) == credential || slices.Contains(key.FormerIDs(v), credential)
}
