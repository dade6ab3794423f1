package ghfake

import (
	"net/http"
	"slices"
)

// Ruleset is one of a repository, as it was written.
type Ruleset struct {
	ID               int64
	Body             doc // name, target, enforcement, bypass_actors, conditions, rules
	created, updated string
}

// Rulesets lists those of a repository, as copies of what was written.
func (g *GitHub) Rulesets(r *Repo) []Ruleset {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Ruleset
	for _, s := range r.rulesets {
		out = append(out, *s)
	}
	return out
}

func (g *GitHub) rulesetView(r *Repo, s *Ruleset) doc {
	v := g.rulesetItem(r, s)
	v["bypass_actors"], v["rules"], v["conditions"] = s.list("bypass_actors"), s.list("rules"), s.Body["conditions"]
	return v
}

// rulesetItem is one in a list, without what it says.
func (g *GitHub) rulesetItem(r *Repo, s *Ruleset) doc {
	self := g.repoURL(r, "/rulesets/%d", s.ID)
	return doc{
		"id": s.ID, "node_id": node("RRS", s.ID), "name": s.Body["name"], "target": s.target(), "source_type": "Repository", "source": r.FullName(),
		"enforcement": s.Body["enforcement"], "created_at": s.created, "updated_at": s.updated,
		"_links": doc{"self": doc{"href": self}, "html": doc{"href": g.webURL(r, "/rules/%d", s.ID)}},
	}
}

func (s *Ruleset) target() string {
	if t, said := s.Body["target"].(string); said {
		return t
	}
	return "branch"
}

func (s *Ruleset) list(name string) []any {
	l, _ := s.Body[name].([]any)
	return nonNil(l)
}

// known are the rules that a push or a merge is held against here. Another one would be
// a promise that is not kept, so it fails the test.
var known = []string{"creation", "update", "deletion", "non_fast_forward", "pull_request", "required_signatures", "required_linear_history", "required_status_checks"}

func (c *call) enforceable(body doc) {
	rules, _ := body["rules"].([]any)
	for _, rule := range rules {
		if kind, _ := rule.(doc)["type"].(string); !slices.Contains(known, kind) {
			c.options.Report("ghfake does not enforce the rule " + kind)
		}
		parameters, _ := rule.(doc)["parameters"].(doc)
		for _, name := range []string{"require_last_push_approval", "required_review_thread_resolution"} {
			if parameters[name] == true {
				c.options.Report("ghfake does not enforce " + name)
			}
		}
	}
}

func createRuleset(c *call) answer {
	for _, s := range c.repo.rulesets {
		if s.Body["name"] == c.text("name") {
			return fail(http.StatusUnprocessableEntity, "Validation Failed: Name must be unique")
		}
	}
	c.enforceable(c.body)
	s := &Ruleset{ID: c.id(), Body: c.body, created: c.now(), updated: c.now()}
	c.repo.rulesets = append(c.repo.rulesets, s)
	return created(c.rulesetView(c.repo, s))
}

func withRuleset(handle func(*call, *Ruleset) answer) func(*call) answer {
	return func(c *call) answer {
		for _, s := range c.repo.rulesets {
			if s.ID == c.path("ruleset_id") {
				return handle(c, s)
			}
		}
		return notFound()
	}
}

// getRuleset shows who may bypass only to who may change it.
func getRuleset(c *call, s *Ruleset) answer {
	v := c.rulesetView(c.repo, s)
	v["current_user_can_bypass"] = s.bypass(c.repo, c.who.account)
	if !c.may(c.who, c.repo, "administration", "write") {
		delete(v, "bypass_actors")
	}
	return ok(v)
}

// updateRuleset replaces what the body names.
func updateRuleset(c *call, s *Ruleset) answer {
	c.enforceable(c.body)
	for key, value := range c.body {
		s.Body[key] = value
	}
	s.updated = c.now()
	return ok(c.rulesetView(c.repo, s))
}

func deleteRuleset(c *call, s *Ruleset) answer {
	c.repo.rulesets = slices.DeleteFunc(c.repo.rulesets, func(o *Ruleset) bool { return o == s })
	return empty()
}

func listRulesets(c *call) answer {
	return list(c, c.repo.rulesets, func(s *Ruleset) doc { return c.rulesetItem(c.repo, s) })
}

func branchRules(c *call) answer {
	out := []doc{}
	for _, s := range c.repo.active("refs/heads/" + c.params["branch"]) {
		for _, rule := range s.list("rules") {
			v := doc{"ruleset_source_type": "Repository", "ruleset_source": c.repo.FullName(), "ruleset_id": s.ID}
			for key, value := range rule.(doc) {
				v[key] = value
			}
			out = append(out, v)
		}
	}
	return ok(out)
}
