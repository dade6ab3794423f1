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

// readOperator reads the operator's file.
func readOperator(file string) (policy remediate.Policy, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return policy, badFlag("--operator: %w", err)
	}
	policy, err = remediate.ParsePolicy(text)
	if err != nil {
		return policy, badFlag("--operator %s: %w", file, err)
	}
	return policy, nil
}

// Fix implements [work.Fixer]: it plans, and says how the plan is looked at and applied.
func (p *planner) Fix(ctx context.Context, o work.Order, found work.Found) (t work.Taken, err error) {
	key, err := p.key.For(o.Account)
	if err != nil {
		return t, err
	}
	if len(p.policy.Requesters) > 0 { // what is not signed is never applied
		return work.Taken{Said: fmt.Sprintf("Whoever operates leakgate lists who may ask for plans, and has them prove it with a key: one of them does it in a clone, with leakgate remediate plan --account %d --key FILE.", o.Account)}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &remediate.Engine{Store: p.store, Issuer: p.issuer, Catalogue: p.catalogue, Policy: p.policy, Key: key, Clock: remediate.WallClock{Time: p.now},
		Actor: remediate.Ordered(o.By, o.ByAccount, o.ID), Given: p.given}
	plan, digest, err := e.Made(ctx) // before this process, or its answer, was cut off
	if err != nil {
		return t, fmt.Errorf("plan: %w", err)
	}
	if plan == nil {
		cases := p.cases(o, found)
		if len(cases) == 0 {
			return work.Taken{Said: "None of these has a value that could be revoked: take it out of the files."}, nil
		}
		if plan, digest, err = e.Plan(ctx, cases); err != nil {
			return t, fmt.Errorf("plan: %w", err)
		}
	}
	return work.Taken{Said: sayPlan(plan, digest, p.policy.Needs(plan), o), Until: plan.Until()}, nil
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
func sayPlan(plan *remediate.Plan, digest string, approvals int, o work.Order) string {
	acts, undo := plan.Acts(), 0
	for _, s := range plan.Steps {
		if s.Deed != "" && s.Undo {
			undo++
		}
	}
	if acts == 0 {
		return fmt.Sprintf("Plan %.12s was made for %d credentials, and none of them is anything that it may act on: an operator sees why with leakgate remediate status %s --account %d.",
			digest, len(plan.Steps), digest, o.Account)
	}
	said := fmt.Sprintf("Plan %.12s would act on %d of %d credentials; %d of these steps can be taken back. Nothing is changed yet.", digest, acts, len(plan.Steps), undo)
	if approvals > 0 {
		said += fmt.Sprintf(" It needs %d approvals (leakgate remediate approve %s --account %d).", approvals, digest, o.Account)
	}
	return said + fmt.Sprintf(" An operator does it until %s, in a clone that has this pull request (git fetch origin pull/%d/head:leakgate), with leakgate remediate apply %s --account %d.",
		plan.Expires.UTC().Format("2006-01-02 15:04 UTC"), o.Pull, digest, o.Account)
}
