package ghfake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// enter authenticates a request and decides whether it may go on. What one may not see
// is 404, what one may see and not do 403, as on GitHub.
func (c *call) enter(row row) (answer, bool) {
	who, refused := c.identify(c.header)
	if refused.status != 0 {
		return refused, false
	}
	c.who = who
	if row.as&who.kind == 0 {
		return c.wrongKind(row), false
	}
	if who.kind == asInstallation && !c.op.Apps {
		c.options.Report(c.op.ID + " is not for the tokens of apps")
		return fail(http.StatusForbidden, "Resource not accessible by integration"), false
	}
	if c.params["repo"] == "" {
		return answer{}, true
	}
	c.repo = c.findRepo(c.params["owner"], c.params["repo"])
	if c.repo == nil || !c.sees(who, c.repo) {
		return notFound(), false
	}
	if !c.may(who, c.repo, row.permission, row.level) {
		return c.denied(who), false
	}
	if c.repo.Archived && row.level == "write" {
		return fail(http.StatusForbidden, "Repository was archived so is read-only."), false
	}
	return answer{}, true
}

func (c *call) wrongKind(row row) answer {
	switch {
	case row.as == asNobody:
		return fail(http.StatusForbidden, "Requests to this endpoint must not be authenticated")
	case row.as&asApp != 0:
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	case c.who.kind == asNobody:
		return fail(http.StatusUnauthorized, "Requires authentication")
	case row.as == asInstallation:
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	return c.denied(c.who)
}

func (c *call) denied(who *token) answer {
	if who.kind == asInstallation {
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	return fail(http.StatusForbidden, "Must have admin rights to Repository.")
}

// reaches says whether a token of an installation is for a repository.
func (t *token) reaches(r *Repo) bool {
	return t.installation != nil && t.installation.covers(r) && (t.repos == nil || slices.Contains(t.repos, r))
}

// reaches says whether an app is installed on a repository.
func (a *App) reaches(r *Repo) bool {
	return slices.ContainsFunc(a.installations, func(i *Installation) bool { return i.covers(r) && !i.suspended })
}

func (g *GitHub) sees(who *token, r *Repo) bool {
	switch who.kind {
	case asInstallation:
		return who.reaches(r) || !r.Private
	case asUser: // through an app no more than both may see
		return !r.Private || rank(r.role(who.account)) >= rank("read") && (who.app == nil || who.app.reaches(r))
	case asApp:
		return !r.Private || who.app.reaches(r)
	}
	return !r.Private
}

// may says whether a credential has a permission on a repository that it sees. Users
// write with the role write, but rulesets with admin.
func (g *GitHub) may(who *token, r *Repo, permission, level string) bool {
	if one, other, ok := strings.Cut(permission, " or "); ok {
		return g.may(who, r, one, level) || g.may(who, r, other, level)
	}
	if permission == "" || permission == "metadata" {
		return true
	}
	if who.kind == asInstallation {
		if !who.reaches(r) {
			return level == "read" && publicRead(permission)
		}
		return rank(who.permissions[permission]) >= rank(level)
	}
	if who.kind == asUser && who.app != nil && rank(who.app.Permissions[permission]) < rank(level) && !(level == "read" && !r.Private) {
		return false
	}
	need := level
	if permission == "administration" && level == "write" {
		need = "admin"
	}
	if permission == "security_events" || permission == "secret_scanning_alerts" {
		need = "write"
	}
	if need == "read" || permission == "issues" || permission == "pull_requests" {
		return g.sees(who, r) // who may read may also propose, judge and comment
	}
	return rank(r.role(who.account)) >= rank(need)
}

// writes says whether who asks may change what others made.
func (c *call) writes() bool {
	return c.who.kind == asInstallation || rank(c.repo.role(c.who.account)) >= rank("write")
}

// publicRead lists what everybody may read of a public repository.
func publicRead(permission string) bool {
	return slices.Contains([]string{"contents", "pull_requests", "issues", "checks", "statuses", "actions"}, permission)
}

// allow lets git in: a token as the password.
func (g *GitHub) allow(r *http.Request, name string, write bool) (string, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if fault := g.fault("git"); fault != nil {
		g.linger(fault)
		if fault.Wait == nil || fault.Status != 0 {
			return "", fault.Status
		}
	}
	who, refused := g.identify(r.Header)
	if refused.status != 0 {
		return "", http.StatusUnauthorized
	}
	repo := g.repoByName(name)
	if repo == nil || !g.sees(who, repo) || write && repo.Archived {
		return g.refuseGit(who)
	}
	level := "read"
	if write {
		level = "write"
	}
	if (who.kind == asNobody && write) || !g.may(who, repo, "contents", level) {
		if who.kind == asNobody {
			return "", http.StatusUnauthorized
		}
		return "", http.StatusForbidden
	}
	if who.account == nil {
		return "anonymous", 0
	}
	return who.account.Login, 0
}

func (g *GitHub) refuseGit(who *token) (string, int) {
	if who.kind == asNobody {
		return "", http.StatusUnauthorized
	}
	return "", http.StatusNotFound
}

// pusher is the account behind a push.
func (g *GitHub) pusher(p gitserve.Push) *Account { return g.find(p.User) }
