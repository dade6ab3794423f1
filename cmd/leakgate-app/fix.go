package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// planner makes plans of orders, by the operator's file. It applies none: whoever may do
// that names the plan to `leakgate remediate apply`.
type planner struct {
	store     *store.Store
	key       storeKey
	issuer    remediate.Issuer
	catalogue *revoke.Catalogue
	policy    remediate.Policy
	given     map[string]secret.Secret
	now       func() time.Time

	mu sync.Mutex // an engine is not for two at once, nor are two for one trail
}

// newPlanner reads the operator's file.
func (w *world) newPlanner(file string, s *store.Store, key storeKey) (*planner, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, badFlag("--operator: %w", err)
	}
	policy, err := remediate.ParsePolicy(text)
	if err != nil {
		return nil, badFlag("--operator %s: %w", file, err)
	}
	given, err := policy.Given()
	if err != nil {
		return nil, badFlag("--operator %s: %w", file, err)
	}
	catalogue, err := revoke.Default()
	if err != nil {
		return nil, err
	}
	return &planner{store: s, key: key, catalogue: catalogue, policy: policy, given: given, now: w.now, issuer: &revoke.Client{Private: policy.Private, Now: w.now}}, nil
}

// Fix implements [work.Fixer]: it plans, and says how the plan is looked at and applied.
func (p *planner) Fix(ctx context.Context, o work.Order, found work.Found) (string, error) {
	key, err := p.key.For(o.Account)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &remediate.Engine{Store: p.store, Issuer: p.issuer, Catalogue: p.catalogue, Policy: p.policy, Key: key, Clock: remediate.WallClock{Time: p.now},
		Actor: "@" + o.By + " by leakgate-app", Given: p.given}
	cases := p.cases(o, found)
	if len(cases) == 0 {
		return "None of these has a value that could be revoked: take it out of the files.", nil
	}
	plan, digest, err := e.Plan(ctx, cases)
	if err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	return sayPlan(plan, digest, p.policy.Needs(plan), o.Account), nil
}

// cases are the credentials of an order, with what leaked beside them.
func (p *planner) cases(o work.Order, found work.Found) []remediate.Case {
	exposure := remediate.Public
	if o.Private {
		exposure = remediate.Private
	}
	all := remediate.Cases(found.Result, p.catalogue, o.Name, exposure, found.Blob)
	remediate.AddAccounts(all, found.Result, found.Blob)
	return slices.DeleteFunc(all, func(c remediate.Case) bool { return !slices.Contains(o.Credentials, c.Credential) })
}

// sayPlan is a plan in one line, without a value and without what issuers say of it.
func sayPlan(plan *remediate.Plan, digest string, approvals int, account int64) string {
	acts, undo := plan.Acts(), 0
	for _, s := range plan.Steps {
		if s.Deed != "" && s.Undo {
			undo++
		}
	}
	if acts == 0 {
		return fmt.Sprintf("Plan %.12s was made for %d credentials, and none of them is anything that it may act on: an operator sees why with leakgate remediate status %s --account %d.",
			digest, len(plan.Steps), digest, account)
	}
	said := fmt.Sprintf("Plan %.12s would act on %d of %d credentials; %d of these steps can be taken back. Nothing is changed yet.", digest, acts, len(plan.Steps), undo)
	if approvals > 0 {
		said += fmt.Sprintf(" It needs %d approvals (leakgate remediate approve %s --account %d).", approvals, digest, account)
	}
	return said + fmt.Sprintf(" An operator does it in a clone, until %s, with leakgate remediate apply %s --account %d.", plan.Expires.UTC().Format("2006-01-02 15:04 UTC"), digest, account)
}
