package revoke

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Act does one deed to the record that Locate proved to be the value. It makes
// one call and never repeats it: after an unclear outcome the caller checks.
func (c *Client) Act(ctx context.Context, p *Provider, in Input, t Target, d Deed) Outcome {
	refuse := func(err error) Outcome { return Outcome{Result: Refused, Why: err.Error()} }
	action := p.action(d)
	if action == nil {
		return refuse(fmt.Errorf("%s has no way to %s", p.ID, d))
	}
	if t.Provider != p.ID || !t.proved && d != Undo {
		return refuse(fmt.Errorf("%w: no proof which record of %s the value is", ErrAmbiguous, p.ID))
	}
	v, err := p.vars(in)
	if err != nil {
		return refuse(err)
	}
	v = v.with(t.vars())
	if p.Speaks != "" {
		return c.statements(ctx, p, action, v)
	}
	req, err := p.prepare(ctx, action.Request, v)
	if err != nil {
		return Outcome{Result: Refused, Why: p.hide(err.Error(), v)}
	}
	r, err := c.make(ctx, p, action, req, v)
	if err != nil {
		return Outcome{Why: p.hide(err.Error(), v), RetryAfter: r.waits()}
	}
	return p.judge(action, r)
}

// make makes the call of a deed, by itself or by a library.
func (c *Client) make(ctx context.Context, p *Provider, action *Action, req *http.Request, v vars) (*reply, error) {
	if action.Via == "acme" {
		return c.revokeByKey(ctx, p, action, v)
	}
	return c.exchange(p, req, action.Format)
}

func (p *Provider) judge(action *Action, r *reply) Outcome {
	switch group, a := which(r, action.Done, action.Gone, action.Refused); group {
	case 0:
		return Outcome{Result: Done, Why: a.Means, Settle: time.Duration(p.Settle)}
	case 1:
		return Outcome{Result: Gone, Why: a.Means}
	case 2:
		return Outcome{Result: Refused, Why: a.Means, RetryAfter: r.wait}
	}
	return Outcome{Why: undocumented(p, r), RetryAfter: r.wait}
}

// vars are the names that a target brings. One that was read back has its
// public facts only.
func (t Target) vars() vars {
	v := vars{"target": secret.New(t.ID)}
	for name, text := range t.Facts {
		v[name] = secret.New(text)
	}
	return v.with(t.own)
}
