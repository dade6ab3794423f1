package work

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/store"
)

// organisationAge is how old what we know of an organisation's policy may be.
const organisationAge = time.Minute

// organisations remembers the policies of organisations for a moment, by installation.
type organisations struct {
	mu    sync.Mutex
	known map[int64]organisation
}

type organisation struct {
	policy gate.Organisation // the last that could be read
	good   bool              // there was one
	broken error             // why the newest cannot be read; nil: it is policy
	at     time.Time
}

// organisation is the policy under which the repositories of an installation stand. broken
// says why the newest one cannot be read; then policy is the last that could, if any.
func (e *Engine) organisation(ctx context.Context, installation int64, owner string) (organisation, error) {
	e.policies.mu.Lock()
	known := e.policies.known[installation]
	e.policies.mu.Unlock()
	now := e.World.Now()
	if !known.at.IsZero() && now.Sub(known.at) < organisationAge {
		return known, nil
	}
	policy, _, err := e.Hub.Organisation(ctx, installation, owner)
	switch {
	case errors.Is(err, hub.ErrBrokenPolicy):
		known.broken = err
	case err != nil:
		return known, err
	default:
		known = organisation{policy: policy, good: true}
	}
	known.at = now
	e.policies.mu.Lock()
	defer e.policies.mu.Unlock()
	if e.policies.known == nil {
		e.policies.known = map[int64]organisation{}
	}
	e.policies.known[installation] = known
	return known, nil
}

// stage is how strictly a repository is looked at, and the repository as it is now. Where
// the organisation's policy was never readable everything is enforced, so that people see
// what is wrong with it; the repository is zero then.
func (e *Engine) stage(ctx context.Context, f facts) (gate.Stage, store.Repository, error) {
	owner, _, _ := strings.Cut(f.Name, "/")
	o, err := e.organisation(ctx, f.Installation, owner)
	if err != nil {
		return gate.NotEnrolled, store.Repository{}, err
	}
	if o.broken != nil && !o.good {
		return gate.Enforced, store.Repository{}, nil
	}
	s, err := e.Hub.Open(ctx, f.Installation, f.Repository, hub.ToEnrol(o.policy))
	if err != nil {
		return gate.NotEnrolled, store.Repository{}, err
	}
	defer e.close(ctx, s)
	stage, err := e.stageOf(ctx, s, o.policy)
	return stage, seen(s), err
}

// seen is the repository of a session, for the store.
func seen(s *hub.Session) store.Repository {
	return store.Repository{ID: s.Repository, Installation: s.Installation, Account: s.Account, Name: s.FullName(), Private: s.Private}
}

func (e *Engine) stageOf(ctx context.Context, s *hub.Session, o gate.Organisation) (gate.Stage, error) {
	traits, err := s.Traits(ctx, o)
	if err != nil {
		return gate.NotEnrolled, err
	}
	if stage := o.StageOf(traits); stage != gate.NotEnrolled {
		return stage, nil
	}
	if e.Default == gate.Enforced { // as a policy of its own would have it
		return gate.Enforced, nil
	}
	for _, name := range []string{gate.PolicyFile, gate.GitHubPolicyFile} {
		text, err := s.File(ctx, name, "")
		if err != nil {
			return gate.NotEnrolled, fmt.Errorf("look for a policy: %w", err)
		}
		if text != nil {
			traits.Own = true
			return o.StageOf(traits), nil
		}
	}
	return e.Default, nil
}
