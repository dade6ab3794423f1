package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

// Idle says which of two users is the new version: the one that cannot sign in and
// has no session, which is one that does not exist too.
func Idle(ctx context.Context, users [2]string, retired func(context.Context, string) (bool, error)) (old, idle string, err error) {
	var free [2]bool
	for i, user := range users {
		if free[i], err = retired(ctx, user); err != nil {
			return "", "", fmt.Errorf("nobody can tell whether %s is in use: %w", user, err)
		}
	}
	switch free {
	case [2]bool{false, true}:
		return users[0], users[1], nil
	case [2]bool{true, false}:
		return users[1], users[0], nil
	case [2]bool{true, true}:
		return "", "", fmt.Errorf("neither %s nor %s can sign in: one of them is in use before a rollout", users[0], users[1])
	}
	return "", "", fmt.Errorf("both %s and %s can sign in: end the rollout before, or disable the one that is not used", users[0], users[1])
}

// Wish is what somebody wants rolled out.
type Wish struct {
	Spec
	Old, New   string // users: which is in use, and which takes its place
	Credential string // that leaked and is the password of the old one; "" when none did
}

// Plan makes a plan and keeps it under the law of package remediate. It does
// nothing else.
func (e *Engine) Plan(ctx context.Context, w Wish) (*remediate.Plan, string, error) {
	n, err := nonce()
	if err != nil {
		return nil, "", err
	}
	body, err := json.Marshal(&Plan{Spec: w.Spec, Old: w.Old, New: w.New, Nonce: n})
	if err != nil {
		return nil, "", fmt.Errorf("encode plan: %w", err)
	}
	s := remediate.Step{Deed: remediate.Rollout, Rollout: body, Repository: w.Name + " at " + w.Database.Host, Rule: "value", Preview: w.Old + " to " + w.New,
		Outage:  "none, while consumers find the user that they are moved to",
		Forever: fmt.Sprintf("the password of %s, once it is retired; what fails before that is moved back", w.Old)}
	if s, err = e.leaked(ctx, s, w); err != nil {
		return nil, "", err
	}
	plan, err := e.Blank()
	if err != nil {
		return nil, "", err
	}
	plan.Steps = append(plan.Steps, s)
	digest, err := e.Keep(ctx, plan)
	return plan, digest, err
}

// leaked names the credential that a rollout replaces. Nobody reads the password of
// a user from its server.
func (e *Engine) leaked(ctx context.Context, s remediate.Step, w Wish) (remediate.Step, error) {
	if w.Credential == "" {
		return s, nil
	}
	in, known, err := e.Known(ctx, w.Credential)
	if err == nil && !known {
		err = fmt.Errorf("no incident is known for %s", w.Credential)
	}
	s.Credential, s.Rule, s.Severity = in.Credential.ID, in.Credential.Rule, in.Credential.Severity
	s.Identity = map[string]string{"incident": in.ID + ", " + string(in.State)}
	s.Why = fmt.Sprintf("nobody can read the password of %s: that it is this credential is your word", w.Old)
	return s, err
}

// Read reads a plan and the rollout that it is of.
func (e *Engine) Read(ctx context.Context, digest string) (*remediate.Plan, *Plan, error) {
	plan, err := e.Engine.Read(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	p, err := of(plan)
	return plan, p, err
}

// of is the rollout of a plan.
func of(plan *remediate.Plan) (*Plan, error) {
	p := &Plan{}
	if len(plan.Steps) == 1 && plan.Steps[0].Deed == remediate.Rollout {
		decoder := json.NewDecoder(bytes.NewReader(plan.Steps[0].Rollout))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(p); err == nil && p.Nonce != "" {
			return p, nil
		}
	}
	return nil, errors.New("it is no plan of a rollout: see leakgate remediate status")
}

// Done is a line of a rollout's journal, for people.
type Done struct {
	At    time.Time
	Step  string
	Event string
	Why   string
}

// History is what a rollout did so far.
func (e *Engine) History(ctx context.Context, digest string) (all []Done, err error) {
	plan, p, err := e.Read(ctx, digest)
	if err != nil {
		return nil, err
	}
	entries, err := e.Journal(ctx, plan, digest)
	for _, entry := range entries {
		d := Done{At: entry.At, Step: p.word(entry.Step), Event: entry.Event}
		if err := json.Unmarshal(entry.Body, &d.Why); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		all = append(all, d)
	}
	return all, err
}
