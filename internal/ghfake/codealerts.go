package ghfake

import (
	"net/http"
	"strings"
)

// CodeAlert is one of code scanning: a rule at a fingerprint, of one tool and category.
type CodeAlert struct {
	number                                  int64
	rule, path, message, fingerprint        string
	tool, category, ref, sha, state, reason string
	comment                                 string
	line                                    int
	created                                 string
	by                                      *Account
}

// alertsOf opens alerts for what a run holds, and closes those of the same tool,
// category and ref that it does not hold any more.
func (c *call) alertsOf(s *Sarif, tool, category string, log sarif) {
	s.Category = category
	found := map[string]bool{}
	for _, run := range log.Runs {
		for _, result := range run.Results {
			at := result.Locations[0].PhysicalLocation
			a := &CodeAlert{
				rule: result.RuleID, path: at.ArtifactLocation.URI, message: result.Message.Text, line: at.Region.StartLine, fingerprint: result.PartialFingerprints["primaryLocationLineHash"],
				tool: tool, category: category, ref: s.Ref, sha: s.SHA, state: "open", created: c.now(),
			}
			found[a.key()] = true
			if old := c.repo.alert(a.key()); old == nil {
				a.number = int64(len(c.repo.scanning) + 1)
				c.repo.scanning = append(c.repo.scanning, a)
			} else if old.state == "fixed" {
				old.state = "open"
			}
		}
	}
	for _, a := range c.repo.scanning {
		if a.tool == tool && a.category == category && a.ref == s.Ref && a.state == "open" && !found[a.key()] {
			a.state = "fixed"
		}
	}
}

func (a *CodeAlert) key() string {
	return strings.Join([]string{a.tool, a.category, a.rule, a.path, a.fingerprint}, "\x00")
}

func (r *Repo) alert(key string) *CodeAlert {
	for _, a := range r.scanning {
		if a.key() == key {
			return a
		}
	}
	return nil
}

func (c *call) alertView(a *CodeAlert) doc {
	v := doc{
		"number": a.number, "created_at": a.created, "updated_at": c.now(), "url": c.repoURL(c.repo, "/code-scanning/alerts/%d", a.number),
		"html_url": c.webURL(c.repo, "/security/code-scanning/%d", a.number), "state": a.state, "instances_url": c.repoURL(c.repo, "/code-scanning/alerts/%d/instances", a.number),
		"rule": doc{"id": a.rule, "name": a.rule, "severity": "error", "description": a.rule}, "tool": doc{"name": a.tool, "guid": nil, "version": nil},
		"dismissed_by": c.accountView(a.by), "dismissed_at": nil, "dismissed_reason": null(a.reason), "dismissed_comment": null(a.comment), "fixed_at": nil,
		"most_recent_instance": doc{
			"ref": a.ref, "analysis_key": a.category, "category": a.category, "environment": "{}", "state": a.state, "commit_sha": a.sha,
			"message": doc{"text": a.message}, "location": doc{"path": a.path, "start_line": a.line, "end_line": a.line}, "classifications": []string{},
		},
	}
	if a.by == nil {
		v["dismissed_by"] = nil
	} else {
		v["dismissed_at"] = c.now()
	}
	return v
}

func listCodeAlerts(c *call) answer {
	var out []*CodeAlert
	for _, a := range c.repo.scanning {
		if c.matches("state", a.state) && c.matches("ref", a.ref) && c.matches("tool_name", a.tool) {
			out = append(out, a)
		}
	}
	return list(c, out, c.alertView)
}

func withCodeAlert(handle func(*call, *CodeAlert) answer) func(*call) answer {
	return func(c *call) answer {
		n := c.path("alert_number")
		if n < 1 || n > int64(len(c.repo.scanning)) {
			return notFound()
		}
		return handle(c, c.repo.scanning[n-1])
	}
}

func getCodeAlert(c *call, a *CodeAlert) answer { return ok(c.alertView(a)) }

func updateCodeAlert(c *call, a *CodeAlert) answer {
	if c.text("state") == "dismissed" && c.text("dismissed_reason") == "" {
		return fail(http.StatusBadRequest, "dismissed_reason is required")
	}
	a.state, a.reason, a.comment, a.by = c.text("state"), c.text("dismissed_reason"), c.text("dismissed_comment"), nil
	if a.state == "dismissed" {
		a.by = c.who.account
	}
	return ok(c.alertView(a))
}

func listAnalyses(c *call) answer {
	var out []*Sarif
	for _, s := range c.repo.sarifs {
		if s.Status == "complete" && c.matches("sarif_id", s.ID) && c.matches("ref", s.Ref) {
			out = append(out, s)
		}
	}
	return list(c, out, func(s *Sarif) doc {
		return doc{
			"ref": s.Ref, "commit_sha": s.SHA, "analysis_key": s.Category, "category": s.Category, "environment": "", "error": "", "created_at": c.now(),
			"results_count": 0, "rules_count": 0, "id": 1, "url": c.repoURL(c.repo, "/code-scanning/analyses/1"), "sarif_id": s.ID,
			"tool": doc{"name": "leakgate", "guid": nil, "version": nil}, "deletable": true, "warning": "",
		}
	})
}
