package ghfake

import (
	"net/http"
)

func (g *GitHub) suiteView(r *Repo, s *Suite) doc {
	var runs []*Check
	for _, k := range r.checks {
		if k.suite == s {
			runs = append(runs, k)
		}
	}
	k := r.commit(s.sha)
	return doc{
		"id": s.id, "node_id": node("CS", s.id), "head_sha": s.sha, "head_branch": nil, "url": g.repoURL(r, "/check-suites/%d", s.id), "app": g.appView(s.app),
		"status": "queued", "conclusion": nil, "before": nil, "after": s.sha, "created_at": s.created, "updated_at": s.created, "repository": g.repoView(r),
		"check_runs_url": g.repoURL(r, "/check-suites/%d/check-runs", s.id), "latest_check_runs_count": len(runs), "pull_requests": g.pullsAt(r, s.sha),
		"head_commit": doc{"id": k.sha, "tree_id": k.tree, "message": k.message, "timestamp": k.committer["date"], "author": person(k.author), "committer": person(k.committer)},
	}
}

func person(p doc) doc { return doc{"name": p["name"], "email": p["email"]} }

func createSuite(c *call) answer {
	sha, found := c.repo.resolve(c.text("head_sha"))
	if !found {
		return fail(http.StatusNotFound, "No commit found for SHA")
	}
	before := len(c.repo.suites)
	s := c.suite(c.repo, sha, c.who.app)
	if len(c.repo.suites) == before {
		return ok(c.suiteView(c.repo, s))
	}
	return created(c.suiteView(c.repo, s))
}

func withSuite(handle func(*call, *Suite) answer) func(*call) answer {
	return func(c *call) answer {
		for _, s := range c.repo.suites {
			if s.id == c.path("check_suite_id") {
				return handle(c, s)
			}
		}
		return notFound()
	}
}

func getSuite(c *call, s *Suite) answer { return ok(c.suiteView(c.repo, s)) }

func listSuites(c *call) answer {
	sha, _ := c.repo.resolve(c.params["ref"])
	var out []*Suite
	for _, s := range c.repo.suites {
		if s.sha == sha && c.matches("app_id", jsonNumber(s.app.ID)) {
			out = append(out, s)
		}
	}
	return counted(c, "check_suites", out, func(s *Suite) doc { return c.suiteView(c.repo, s) })
}
