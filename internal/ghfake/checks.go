package ghfake

import (
	"net/http"
	"slices"
	"strings"
)

// Check is a check run. Its fields are what the last write left.
type Check struct {
	ID                    int64
	Name, SHA, ExternalID string
	Status, Conclusion    string
	DetailsURL            string
	Title, Summary, Text  string
	Annotations           []doc
	Actions               []doc
	App                   *App
	repo                  *Repo
	suite                 *Suite
	started, completed    string
}

// Suite holds the check runs of one app at one commit.
type Suite struct {
	id      int64
	sha     string
	app     *App
	created string
}

// Checks lists the check runs of a repository, the oldest first.
func (g *GitHub) Checks(r *Repo) []Check {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Check, 0, len(r.checks))
	for _, k := range r.checks {
		out = append(out, *k)
	}
	return out
}

func (g *GitHub) suite(r *Repo, sha string, app *App) *Suite {
	for _, s := range r.suites {
		if s.sha == sha && s.app == app {
			return s
		}
	}
	s := &Suite{id: g.id(), sha: sha, app: app, created: g.now()}
	r.suites = append(r.suites, s)
	return s
}

// maxRuns of one name in one suite: older ones are deleted.
const maxRuns = 1000

// createCheck: only apps do. https://docs.github.com/rest/checks/runs#create-a-check-run
func createCheck(c *call) answer {
	sha, found := c.repo.resolve(c.text("head_sha"))
	if !found || sha != c.text("head_sha") {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.text("head_sha"))
	}
	k := &Check{ID: c.id(), SHA: sha, App: c.who.app, repo: c.repo, Status: "queued", suite: c.suite(c.repo, sha, c.who.app)}
	if refused := c.apply(k); refused.status != 0 {
		return refused
	}
	same := 0
	for _, o := range slices.Backward(c.repo.checks) {
		if o.suite == k.suite && o.Name == k.Name {
			if same++; same >= maxRuns {
				c.repo.checks = slices.DeleteFunc(c.repo.checks, func(x *Check) bool { return x == o })
			}
		}
	}
	c.repo.checks = append(c.repo.checks, k)
	c.emitCheck(k, "created", c.who.account, nil)
	return created(c.checkView(k))
}

// apply writes what the body says, all or nothing.
func (c *call) apply(k *Check) answer {
	next := *k
	for name, to := range map[string]*string{
		"name": &next.Name, "external_id": &next.ExternalID, "details_url": &next.DetailsURL, "status": &next.Status,
		"conclusion": &next.Conclusion, "started_at": &next.started, "completed_at": &next.completed,
	} {
		if c.has(name) {
			*to = c.text(name)
		}
	}
	if refused := c.finish(&next); refused.status != 0 {
		return refused
	}
	if output, _ := c.body["output"].(doc); output != nil {
		if refused := c.output(&next, output); refused.status != 0 {
			return refused
		}
	}
	if actions, said := c.body["actions"].([]any); said {
		next.Actions = nil
		for _, a := range actions {
			next.Actions = append(next.Actions, a.(doc))
		}
	}
	*k = next
	return answer{}
}

// finish settles status, conclusion and times: a conclusion completes a run, a run that
// was completed and gets another status loses it.
func (c *call) finish(k *Check) answer {
	switch {
	case c.text("conclusion") == "stale":
		return invalid("CheckRun", "conclusion", "stale is set by GitHub only")
	case c.has("conclusion") || c.has("completed_at"):
		k.Status = "completed"
	case c.has("status") && k.Status != "completed":
		k.Conclusion, k.completed = "", ""
	}
	if k.Status == "completed" && k.Conclusion == "" {
		return invalid("CheckRun", "conclusion", "conclusion is required when a check run is completed")
	}
	if k.Status == "completed" && k.completed == "" {
		k.completed = c.now()
	}
	if k.started == "" {
		k.started = c.now() // a run that waits has one, too: the payloads of webhooks require it
	}
	return answer{}
}

// output is replaced, but annotations are added to those that are there.
func (c *call) output(k *Check, output doc) answer {
	for name, to := range map[string]*string{"title": &k.Title, "summary": &k.Summary, "text": &k.Text} {
		if s, said := output[name].(string); said {
			*to = s
		}
	}
	annotations, _ := output["annotations"].([]any)
	for _, entry := range annotations {
		a := entry.(doc)
		if refused := c.annotation(a); refused.status != 0 {
			return refused
		}
		k.Annotations = append(slices.Clip(k.Annotations), a)
	}
	return answer{}
}

// annotation stands at lines of a file of the head.
func (c *call) annotation(a doc) answer {
	path, _ := a["path"].(string)
	first, _ := a["start_line"].(float64)
	last, _ := a["end_line"].(float64)
	if first < 1 || last < first {
		return invalid("CheckRun", "annotations", "start_line must be at least 1 and not after end_line")
	}
	if first != last && (a["start_column"] != nil || a["end_column"] != nil) {
		return invalid("CheckRun", "annotations", "columns are only for annotations of one line")
	}
	if strings.HasPrefix(path, "/") || path == "" {
		return invalid("CheckRun", "annotations", "path must be relative to the repository")
	}
	return answer{}
}

func (g *GitHub) checkView(k *Check) doc {
	url := g.repoURL(k.repo, "/check-runs/%d", k.ID)
	return doc{
		"id": k.ID, "node_id": node("CR", k.ID), "head_sha": k.SHA, "external_id": k.ExternalID, "url": url, "html_url": g.webURL(k.repo, "/runs/%d", k.ID),
		"details_url": null(k.details(g)), "status": k.Status, "conclusion": null(k.Conclusion), "started_at": null(k.started), "completed_at": null(k.completed),
		"name": k.Name, "check_suite": doc{"id": k.suite.id}, "app": g.appView(k.App), "pull_requests": g.pullsAt(k.repo, k.SHA),
		"output": doc{
			"title": null(k.Title), "summary": null(k.Summary), "text": null(k.Text),
			"annotations_count": len(k.Annotations), "annotations_url": url + "/annotations",
		},
	}
}

func (k *Check) details(g *GitHub) string {
	if k.DetailsURL != "" {
		return k.DetailsURL
	}
	return g.URL + "/apps/" + k.App.Slug
}

// pullsAt lists the pull requests whose head a commit is. Those from forks are not among
// them: https://docs.github.com/rest/checks/runs
func (g *GitHub) pullsAt(r *Repo, sha string) []doc {
	out := []doc{}
	for _, p := range r.pulls {
		if p.headSHA == sha && p.head == r && p.state == "open" {
			side := func(branch, sha string) doc {
				return doc{"ref": branch, "sha": sha, "repo": doc{"id": r.id, "url": g.repoURL(r, ""), "name": r.name}}
			}
			out = append(out, doc{
				"id": p.id, "number": p.number, "url": g.repoURL(r, "/pulls/%d", p.number),
				"head": side(p.headBranch, p.headSHA), "base": side(p.baseBranch, p.baseSHA),
			})
		}
	}
	return out
}

func withCheck(handle func(*call, *Check) answer) func(*call) answer {
	return func(c *call) answer {
		for _, k := range c.repo.checks {
			if k.ID == c.path("check_run_id") {
				return handle(c, k)
			}
		}
		return notFound()
	}
}

func getCheck(c *call, k *Check) answer { return ok(c.checkView(k)) }

// updateCheck is for the app that made the run.
func updateCheck(c *call, k *Check) answer {
	if k.App != c.who.app {
		return fail(http.StatusForbidden, "Invalid app_id `"+c.who.app.Slug+"` - check run can only be modified by the GitHub App that created it.")
	}
	done := k.Status == "completed"
	if refused := c.apply(k); refused.status != 0 {
		return refused
	}
	if !done && k.Status == "completed" {
		c.emitCheck(k, "completed", c.who.account, nil)
	}
	return ok(c.checkView(k))
}

func rerequestCheck(c *call, k *Check) answer {
	c.emitCheck(k, "rerequested", c.who.account, nil)
	return created(doc{})
}

// Press is a user who presses a button of a check run: its app is told.
func (g *GitHub) Press(id int64, login, identifier string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		for _, k := range r.checks {
			if k.ID == id {
				g.emitCheck(k, "requested_action", g.find(login), doc{"requested_action": doc{"identifier": identifier}})
			}
		}
	}
}

// Rerun is a user who presses Re-run of a check run.
func (g *GitHub) Rerun(id int64, login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repos {
		for _, k := range r.checks {
			if k.ID == id {
				g.emitCheck(k, "rerequested", g.find(login), nil)
			}
		}
	}
}

func listAnnotations(c *call, k *Check) answer {
	return list(c, k.Annotations, func(a doc) doc {
		v := doc{"blob_href": c.webURL(c.repo, "/blob/%s/%s", k.SHA, a["path"])}
		for key, value := range a {
			v[key] = value
		}
		return v
	})
}
