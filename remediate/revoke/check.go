package revoke

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Check asks whether the value works, by the provider's read-only check. It
// always answers: what goes wrong makes the status Unknown and says why.
func (c *Client) Check(ctx context.Context, p *Provider, in Input) Report {
	v, err := p.vars(in)
	if err != nil {
		return Report{Why: err.Error()}
	}
	if p.Speaks != "" {
		return c.signIn(ctx, p, v)
	}
	if p.Check == nil {
		return c.checkByList(ctx, p, in, v)
	}
	r, err := c.ask(ctx, p, p.Check.Request, v)
	if err != nil {
		return Report{Why: p.hide(err.Error(), v), RetryAfter: r.waits()}
	}
	group, answer := which(r, p.Check.Live, p.Check.Dead)
	switch {
	case strings.TrimSpace(r.text) == "" && r.status != http.StatusNoContent: // of something in between, as a proxy that asks for a login
	case group == 0:
		report := p.tell(r, v)
		report.Status, report.Why = Live, answer.Means
		return report
	case group == 1 && answer.absent() && !p.Placed(in):
		return p.elsewhere(answer.Means)
	case group == 1:
		return Report{Status: Dead, Why: answer.Means}
	}
	return Report{Why: undocumented(p, r), RetryAfter: r.wait}
}

// checkByList is the check of kinds that cannot sign in: whoever is on the
// provider's list works.
func (c *Client) checkByList(ctx context.Context, p *Provider, in Input, v vars) Report {
	if p.Find == nil || p.Find.Absent != "dead" {
		return Report{Why: p.Unchecked}
	}
	matches, wait, err := c.find(ctx, p, in, v)
	switch {
	case err != nil:
		return Report{Why: p.hide(err.Error(), v), RetryAfter: wait}
	case len(matches) == 0 && !p.Placed(in):
		return p.elsewhere("the account's complete list has no record of it")
	case len(matches) == 0:
		return Report{Status: Dead, Why: "the account's complete list has no record of it"}
	case len(matches) > 1:
		return Report{Why: fmt.Sprintf("the provider's list has %d records that fit", len(matches))}
	}
	return Report{Status: Live, Why: "the provider's list has a record of it", Identity: map[string]string{"id": p.hide(matches[0], v)}}
}

// ask makes one call of a provider and parses the answer.
func (c *Client) ask(ctx context.Context, p *Provider, request Request, v vars) (*reply, error) {
	req, err := p.prepare(ctx, request, v)
	if err != nil {
		return nil, err
	}
	return c.exchange(p, req, request.Format)
}

// prepare makes a request, or says what it lacks. Nothing is sent.
func (p *Provider) prepare(ctx context.Context, request Request, v vars) (*http.Request, error) {
	if err := p.missing(request, v); err != nil {
		return nil, err
	}
	return p.build(ctx, request, v)
}

// exchange sends a request and parses the answer. That the provider asks for
// patience or is broken is never a documented answer.
func (c *Client) exchange(p *Provider, req *http.Request, format string) (*reply, error) {
	r, err := c.send(req)
	if err != nil {
		return r, err
	}
	switch {
	case r.status == 429:
		return r, fmt.Errorf("%s asks for fewer calls (status 429)", p.ID)
	case r.status >= 500:
		return r, fmt.Errorf("%s is out of order (status %d)", p.ID, r.status)
	case r.status >= 300 && r.status < 400:
		return r, fmt.Errorf("%s redirects (status %d), which is not followed", p.ID, r.status)
	}
	return r, r.parse(format)
}

// tell takes out of an answer what the provider says of the value itself.
func (p *Provider) tell(r *reply, v vars) Report {
	report := Report{Identity: map[string]string{}, own: vars{}}
	if r.status >= 300 { // a refusal that means live describes the refusal, not the value
		return report
	}
	for _, name := range sortedKeys(p.Check.Own) {
		capture := p.Check.Own[name]
		found := capture.take(r)
		if len(found) == 0 {
			continue
		}
		if name == "scopes" {
			for _, text := range found {
				report.Scopes = append(report.Scopes, strings.FieldsFunc(p.hide(text, v), func(c rune) bool { return c == ',' || c == ' ' })...)
			}
			continue
		}
		report.own["own."+name] = secret.New(found[0])
		if !capture.Secret {
			report.Identity[name] = p.hide(found[0], v)
		}
	}
	return report
}

func (r *reply) waits() (wait time.Duration) {
	if r != nil {
		wait = r.wait
	}
	return wait
}

func undocumented(p *Provider, r *reply) string {
	return fmt.Sprintf("%s answered with status %d, which is no answer that it documents", p.ID, r.status)
}
