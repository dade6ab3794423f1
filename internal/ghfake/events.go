package ghfake

import (
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// webhooks are the payloads of the description that may be sent.
var webhooks = []string{
	"check-run-completed", "check-run-created", "check-run-requested-action", "check-run-rerequested",
	"check-suite-completed", "check-suite-requested", "check-suite-rerequested", "installation-created", "installation-deleted",
	"installation-new-permissions-accepted", "installation-repositories-added", "installation-repositories-removed",
	"installation-suspend", "installation-unsuspend", "issue-comment-created", "issue-comment-deleted", "issue-comment-edited",
	"merge-group-checks-requested", "merge-group-destroyed", "ping",
	"pull-request-closed", "pull-request-converted-to-draft", "pull-request-edited", "pull-request-opened", "pull-request-ready-for-review",
	"pull-request-reopened", "pull-request-synchronize", "pull-request-review-dismissed", "pull-request-review-submitted", "push",
	"repository-archived", "repository-created", "repository-deleted", "repository-privatized", "repository-publicized",
	"repository-renamed", "repository-transferred", "repository-unarchived",
	"secret-scanning-alert-created", "secret-scanning-alert-publicly-leaked", "secret-scanning-alert-reopened", "secret-scanning-alert-resolved",
	"secret-scanning-alert-validated",
}

// payloads are the webhooks that a server of one's own has, or all of them.
func payloads(enterprise bool) []string {
	if !enterprise {
		return webhooks
	}
	return slices.DeleteFunc(slices.Clone(webhooks), func(name string) bool {
		return strings.HasPrefix(name, "merge-group-") || name == "secret-scanning-alert-publicly-leaked"
	})
}

// Emit tells of something that GitHub does and this one does not, as a merge queue. What the description requires and more leaves out is added.
func (g *GitHub) Emit(r *Repo, event, action, login string, more map[string]any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := strings.Trim(strings.ReplaceAll(event+"-"+action, "_", "-"), "-")
	g.post(r, event, action, name, with(g.common(r, g.find(login)), more))
}

// common is in every payload about a repository.
func (g *GitHub) common(r *Repo, who *Account) doc {
	v := doc{"repository": g.repoView(r), "sender": g.accountView(who)}
	if r.owner.Kind == "Organization" {
		v["organization"] = g.organizationView(r.owner)
	}
	return v
}

func (g *GitHub) organizationView(a *Account) doc {
	return doc{
		"login": a.Login, "id": a.ID, "node_id": node("O", a.ID), "url": g.API + "/orgs/" + a.Login,
		"avatar_url": g.URL + "/avatars/" + a.Login, "description": nil,
	}
}

func with(v, more doc) doc {
	for key, value := range more {
		v[key] = value
	}
	return v
}

// maxPushed is how many commits a push names; the rest is not said.
// https://docs.github.com/webhooks/webhook-events-and-payloads#push
const maxPushed = 2048

func (g *GitHub) emitPush(r *Repo, who *Account, c gitserve.Change) {
	commits := []doc{}
	if c.New != zeros && strings.HasPrefix(c.Ref, "refs/heads/") {
		for _, k := range g.pushed(r, c) {
			commits = append(commits, g.pushedCommit(r, k))
		}
	}
	v := with(g.common(r, who), doc{
		"ref": c.Ref, "before": c.Old, "after": c.New, "created": c.Old == zeros, "deleted": c.New == zeros,
		"forced":   c.Old != zeros && c.New != zeros && !r.contains(c.New, c.Old),
		"base_ref": nil, "compare": g.webURL(r, "/compare/%.12s...%.12s", c.Old, c.New), "commits": commits, "head_commit": nil,
		"pusher": doc{"name": who.Login, "email": nil},
	})
	if c.New != zeros {
		if sha, found := r.resolve(c.New); found {
			v["head_commit"] = g.pushedCommit(r, r.commit(sha))
		}
	}
	g.repositoryOfPush(v["repository"].(doc), r)
	g.post(r, "push", "", "push", v)
}

// repositoryOfPush: a push has its own shape of a repository, with times as numbers.
func (g *GitHub) repositoryOfPush(v doc, r *Repo) {
	v["url"], v["master_branch"], v["stargazers"] = g.webURL(r, ""), v["default_branch"], 0
	v["created_at"], v["pushed_at"] = g.options.Clock().Unix(), g.options.Clock().Unix()
}

func (g *GitHub) pushed(r *Repo, c gitserve.Change) []commit {
	args := []string{"--reverse", c.New}
	if c.Old != zeros {
		args = append(args, "^"+c.Old)
	} else if name := r.defaultBranch(); c.Ref != "refs/heads/"+name && r.hasRef("refs/heads/"+name) {
		args = append(args, "^refs/heads/"+name)
	}
	all := r.log(args...)
	return all[:min(len(all), maxPushed)]
}

func (g *GitHub) pushedCommit(r *Repo, k commit) doc {
	v := doc{
		"id": k.sha, "tree_id": k.tree, "distinct": true, "message": k.message, "timestamp": k.committer["date"], "url": g.webURL(r, "/commit/%s", k.sha),
		"author": k.author, "committer": k.committer, "added": []string{}, "removed": []string{}, "modified": []string{},
	}
	from := emptyTree
	if len(k.parents) > 0 {
		from = k.parents[0]
	}
	out, _ := r.Git.Git("diff-tree", "-r", "--name-status", "--no-renames", "-z", from, k.sha)
	for pair := range slices.Chunk(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), 2) {
		if len(pair) == 2 {
			key := map[string]string{"A": "added", "D": "removed"}[pair[0]]
			if key == "" {
				key = "modified"
			}
			v[key] = append(v[key].([]string), pair[1])
		}
	}
	return v
}

// emitPull tells of a pull request; more is what this action says beyond.
func (g *GitHub) emitPull(p *Pull, action string, who *Account, more doc) {
	view := g.pullView(p)
	v := with(with(g.common(p.base, who), doc{"number": p.number, "pull_request": view}), more)
	g.post(p.base, "pull_request", action, "pull-request-"+action, v)
}

func (g *GitHub) emitReview(p *Pull, r *Review, action string, who *Account) {
	view := g.reviewView(p, r)
	view["state"] = strings.ToLower(r.state)
	view["submitted_at"] = r.submitted
	simple := g.pullSimple(p)
	g.post(p.base, "pull_request_review", action, "pull-request-review-"+action, with(g.common(p.base, who), doc{"pull_request": simple, "review": view}))
}

func (g *GitHub) emitComment(r *Repo, k *Comment, action string, who *Account, more doc) {
	v := with(with(g.common(r, who), doc{"issue": g.issueView(r, k.issue), "comment": g.commentView(r, k)}), more)
	g.post(r, "issue_comment", action, "issue-comment-"+action, v)
}

// emitCheck tells the app that made the run, and of created and completed all others
// that listen.
func (g *GitHub) emitCheck(k *Check, action string, who *Account, more doc) {
	view := g.checkView(k)
	view["check_suite"] = doc{
		"id": k.suite.id, "node_id": node("CS", k.suite.id), "head_sha": k.SHA, "head_branch": nil, "status": "queued", "conclusion": nil, "before": nil, "after": k.SHA,
		"url": g.repoURL(k.repo, "/check-suites/%d", k.suite.id), "app": g.appView(k.App), "pull_requests": g.pullsAt(k.repo, k.SHA), "created_at": k.suite.created, "updated_at": k.suite.created,
	}
	v := with(with(g.common(k.repo, who), doc{"check_run": view}), more)
	name := "check-run-" + strings.ReplaceAll(action, "_", "-")
	if action == "created" || action == "completed" {
		g.post(k.repo, "check_run", action, name, v)
		return
	}
	for _, i := range k.App.installations {
		if i.covers(k.repo) && !i.suspended && k.App.Hook != "" {
			g.postTo(k.App, i, k.repo, "check_run", action, name, v)
		}
	}
}

func (g *GitHub) emitSecret(r *Repo, a *SecretAlert, action string, who *Account) {
	v := g.secretView(r, a)
	delete(v, "state") // the description of this payload has none: the action says it
	g.post(r, "secret_scanning_alert", action, "secret-scanning-alert-"+strings.ReplaceAll(action, "_", "-"), with(g.common(r, who), doc{"alert": v}))
}

// emitInstallation tells an app of its own installations, whatever it listens to.
func (g *GitHub) emitInstallation(i *Installation, action string) {
	if i.app.Hook == "" {
		return
	}
	var repos []doc
	for _, r := range g.covered(i) {
		repos = append(repos, doc{"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.FullName(), "private": r.Private})
	}
	v := doc{"installation": g.installationView(i), "repositories": nonNil(repos), "sender": g.accountView(i.app.owner)}
	g.postTo(i.app, i, nil, "installation", action, "installation-"+action, v)
}
