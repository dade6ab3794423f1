package revoke

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Shot is one value of a call that carries several, with the proof that it may.
type Shot struct {
	Input  Input
	Target Target
}

// ActAll does one deed to several values in one call, which the provider answers
// as a whole: what comes of it comes of each. A value that may not be acted on
// refuses all, and nothing is called. Like [Client.Act] it repeats nothing.
func (c *Client) ActAll(ctx context.Context, p *Provider, shots []Shot, d Deed) Outcome {
	refuse := func(err error) Outcome { return Outcome{Result: Refused, Why: err.Error()} }
	action := p.action(d)
	switch {
	case len(shots) == 0 || len(shots) > p.Batch:
		return refuse(fmt.Errorf("%s takes 1 to %d values in a call, not %d", p.ID, p.Batch, len(shots)))
	case action == nil:
		return refuse(fmt.Errorf("%s has no way to %s", p.ID, d))
	}
	all := vars{}
	for i, shot := range shots {
		if shot.Target.Provider != p.ID || shot.Target.Proof != ProofValue || !shot.Target.proved {
			return refuse(fmt.Errorf("%w: no proof that a value is of %s", ErrAmbiguous, p.ID))
		}
		v, err := p.vars(shot.Input)
		if err != nil {
			return refuse(err)
		}
		if i == 0 {
			maps.Copy(all, v.with(shot.Target.vars()))
		}
		all[nth(i)] = shot.Input.Secret
	}
	request := action.Request
	request.JSON = repeat(request.JSON, len(shots))
	req, err := p.prepare(ctx, request, all)
	if err != nil {
		return Outcome{Result: Refused, Why: p.hide(err.Error(), all)}
	}
	r, err := c.exchange(p, req, action.Format)
	if err != nil {
		return Outcome{Why: p.hide(err.Error(), all), RetryAfter: r.waits()}
	}
	return p.judge(action, r)
}

// nth is the name of one value of a call that carries several.
func nth(i int) string { return fmt.Sprintf("secret.n%d", i) }

// repeat makes room for several values in the list of a document that is made
// for one.
func repeat(node any, n int) any {
	switch t := node.(type) {
	case []any:
		if len(t) == 1 && t[0] == "{{secret}}" {
			list := make([]any, n)
			for i := range list {
				list[i] = "{{" + nth(i) + "}}"
			}
			return list
		}
	case map[string]any:
		out := map[string]any{}
		for name, child := range t {
			out[name] = repeat(child, n)
		}
		return out
	}
	return node
}

// validateBatch holds calls for several values to a list of them and nothing
// else that is of one value.
func (p *Provider) validateBatch() error {
	if p.Batch == 0 {
		return nil
	}
	if p.Proof != ProofValue || p.Disable != nil || p.Revoke == nil || p.Derive != "" || p.needs("leak") || p.needs("leak-public") {
		return errors.New("batch is for revocations that carry the whole value and nothing else of it")
	}
	request := p.Revoke.Request
	request.JSON = repeat(request.JSON, 0)
	for _, template := range request.templates() {
		for _, name := range names(template) {
			if name == "secret" || slices.Contains(p.parts(), name) {
				return errors.New("batch: the values stand in one list of the document and nowhere else")
			}
		}
	}
	if len(leaves(repeat(p.Revoke.JSON, 2))) != len(leaves(p.Revoke.JSON))+1 {
		return errors.New("batch: the document has one list of one value, [\"{{secret}}\"]")
	}
	return nil
}
