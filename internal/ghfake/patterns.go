package ghfake

import (
	"net/http"
	"strconv"
	"strings"
)

// customPattern is one of an organisation's secret scanning.
type customPattern struct {
	id                        int64
	version                   int
	name, pattern, start, end string
	created                   string
}

// Patterns are the expressions of an organisation's custom patterns by name.
func (g *GitHub) Patterns(org string) map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string]string{}
	for _, p := range g.find(org).patterns {
		all[p.name] = p.pattern
	}
	return all
}

// SetPattern has somebody change one on its page.
func (g *GitHub) SetPattern(org, name, pattern string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.find(org).patterns {
		if p.name == name {
			p.pattern, p.version = pattern, p.version+1
		}
	}
}

func (p *customPattern) view() doc {
	return doc{
		"id": p.id, "name": p.name, "pattern": p.pattern, "slug": strings.ReplaceAll(strings.ToLower(p.name), " ", "_"), "state": "unpublished", "push_protection_enabled": false,
		"start_delimiter": null(p.start), "end_delimiter": null(p.end), "must_match": nil, "must_not_match": nil, "custom_pattern_version": strconv.Itoa(p.version),
		"created_at": p.created, "updated_at": p.created,
	}
}

// ofOrg finds the organisation, for tokens that may administer it.
func ofOrg(handle func(*call, *Account) answer) func(*call) answer {
	return func(c *call) answer {
		org := c.find(c.params["org"])
		if org == nil || org.Kind != "Organization" || c.who.installation == nil || c.who.installation.account != org {
			return notFound()
		}
		if rank(c.who.permissions["organization_administration"]) < rank("write") {
			return c.denied(c.who)
		}
		return handle(c, org)
	}
}

func listPatterns(c *call, org *Account) answer {
	return list(c, org.patterns, (*customPattern).view)
}

// createPatterns makes all of them, or none where a name is taken.
func createPatterns(c *call, org *Account) answer {
	asked, _ := c.body["patterns"].([]any)
	var made []*customPattern
	for _, item := range asked {
		in, _ := item.(doc)
		p := &customPattern{id: c.id(), version: 1, created: c.now()}
		p.name, _ = in["name"].(string)
		p.pattern, _ = in["pattern"].(string)
		p.start, _ = in["start_delimiter"].(string)
		p.end, _ = in["end_delimiter"].(string)
		for _, other := range append(org.patterns, made...) {
			if other.name == p.name {
				return answer{status: http.StatusUnprocessableEntity, body: doc{"message": "Validation failed"}} // described without more
			}
		}
		made = append(made, p)
	}
	org.patterns = append(org.patterns, made...)
	return created(doc{"created_patterns": views(made, (*customPattern).view)})
}

// updatePattern refuses a version that is not the newest.
func updatePattern(c *call, org *Account) answer {
	for _, p := range org.patterns {
		if p.id != c.path("pattern_id") {
			continue
		}
		if c.text("custom_pattern_version") != strconv.Itoa(p.version) {
			return fail(http.StatusPreconditionFailed, "The pattern was changed since")
		}
		if text := c.text("pattern"); text != "" {
			p.pattern = text
		}
		p.version++
		return ok(p.view())
	}
	return notFound()
}
