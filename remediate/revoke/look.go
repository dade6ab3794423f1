package revoke

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Look is a second read-only question about a credential that works: whether
// something at its issuer makes the leak worse.
type Look struct {
	Request
	About string   `toml:"about"` // as in "whether this Vault has an audit device"
	Worse []Answer `toml:"worse"`
	Fine  []Answer `toml:"fine"`
}

// Look asks what makes the leak of a live credential worse, and says it in a
// sentence; "" when nothing does. That nobody can tell is said too.
func (c *Client) Look(ctx context.Context, p *Provider, in Input, report Report) string {
	if p.Look == nil || report.Status != Live {
		return ""
	}
	open := "nobody can tell " + p.Look.About
	v, err := p.vars(in)
	if err != nil {
		return open
	}
	r, err := c.ask(ctx, p, p.Look.Request, v.with(report.own))
	if err != nil {
		return open
	}
	switch group, a := which(r, p.Look.Worse, p.Look.Fine); group {
	case 0:
		return a.Means
	case 1:
		return ""
	}
	return open
}

// Critical reports whether what a credential may do makes it critical, whatever
// its rule says.
func (p *Provider) Critical(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool {
		return slices.ContainsFunc(p.Crown, func(crown string) bool { return strings.EqualFold(crown, scope) })
	})
}

func (p *Provider) validateLook() error {
	switch l := p.Look; {
	case len(p.Crown) > 0 && (p.Check == nil || p.Check.Own["scopes"] == nil):
		return errors.New("critical names scopes, which the check does not tell")
	case l != nil && (p.Check == nil || l.About == "" || len(l.Worse) == 0 || len(l.Fine) == 0):
		return errors.New("look belongs to a check, and says about what, what is worse and what is fine")
	}
	return nil
}
