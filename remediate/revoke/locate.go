package revoke

import (
	"context"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
)

// Locate says which record of the provider is the value, by the provider's
// [Proof]. It changes nothing. The report is that of a check of the same
// value; its own facts are part of some proofs. Without exactly one record the
// error is [ErrAmbiguous].
func (c *Client) Locate(ctx context.Context, p *Provider, in Input, report Report) (Target, error) {
	v, err := p.vars(in)
	if err != nil {
		return Target{}, err
	}
	v = v.with(report.own)
	switch p.Proof {
	case ProofListValue, ProofListEdges:
		matches, _, err := c.find(ctx, p, in, v)
		if err != nil {
			return Target{}, fmt.Errorf("%w: %s", ErrAmbiguous, p.hide(err.Error(), v))
		}
		if len(matches) != 1 {
			return Target{}, fmt.Errorf("%w: %d records of %s fit the value", ErrAmbiguous, len(matches), p.ID)
		}
		v["found.id"] = secret.New(matches[0])
	}
	return p.aim(v, report)
}

// aim fills the template of the record's id.
func (p *Provider) aim(v vars, report Report) (Target, error) {
	t := Target{Provider: p.ID, Proof: p.Proof, Facts: map[string]string{}, own: report.own, proved: true}
	id, err := v.expand(p.Target, asIs)
	if err != nil {
		return Target{}, fmt.Errorf("%w: %s, so nothing says which record of %s the value is", ErrAmbiguous, p.hide(err.Error(), v), p.ID)
	}
	if own := v["own.id"]; p.Proof == ProofInValue && !own.IsZero() && own.Reveal() != id { // an id is no secret
		return Target{}, fmt.Errorf("%w: %s tells another id than the one in the value", ErrAmbiguous, p.ID)
	}
	t.ID = id
	for name, value := range report.own {
		if p.public(name) {
			t.Facts[name] = p.hide(value.Reveal(), v) // public by the provider's data
		}
	}
	return t, nil
}
