package ghfake

import (
	"net/http"
	"slices"
	"strings"
)

// Comment is one of an issue or a pull request.
type Comment struct {
	id               int64
	issue            *Issue
	user             *Account
	app              *App
	body             string
	created, updated string
}

// maxComment is what GitHub takes of a comment, in characters; a longer one is refused.
const maxComment = 65536

func (g *GitHub) newIssue(r *Repo, title, body string, user *Account) *Issue {
	r.number++
	i := &Issue{id: g.id(), number: r.number, title: title, body: body, user: user, state: "open", created: g.now()}
	r.issues = append(r.issues, i)
	return i
}

func (r *Repo) issue(number int64) *Issue {
	n := slices.IndexFunc(r.issues, func(i *Issue) bool { return i.number == number })
	if n < 0 {
		return nil
	}
	return r.issues[n]
}

func withIssue(handle func(*call, *Issue) answer) func(*call) answer {
	return func(c *call) answer {
		if i := c.repo.issue(c.path("issue_number")); i != nil {
			return handle(c, i)
		}
		return notFound()
	}
}

func (g *GitHub) issueView(r *Repo, i *Issue) doc {
	url := g.repoURL(r, "/issues/%d", i.number)
	v := doc{
		"url": url, "repository_url": g.repoURL(r, ""), "labels_url": url + "/labels{/name}", "comments_url": url + "/comments", "events_url": url + "/events",
		"html_url": g.webURL(r, "/issues/%d", i.number), "id": i.id, "node_id": node("I", i.id), "number": i.number, "title": i.title, "body": i.body,
		"user": g.accountView(i.user), "state": i.state, "locked": false, "labels": views(i.labels, g.labelView), "created_at": i.created, "updated_at": i.created,
		"author_association": "MEMBER", "comments": len(r.commentsOf(i)), "milestone": nil, "assignee": nil, "closed_at": nil,
	}
	if i.pull != nil {
		web := g.webURL(r, "/pull/%d", i.number)
		v["pull_request"] = doc{"url": g.repoURL(r, "/pulls/%d", i.number), "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch"}
		v["html_url"] = web
	}
	if i.state == "closed" {
		v["closed_at"] = g.now()
	}
	return v
}

func (g *GitHub) labelView(name string) doc {
	return doc{"id": 1, "node_id": "LA_" + name, "url": g.API + "/labels/" + escape(name), "name": name, "color": "ededed", "default": false, "description": nil}
}

func createIssue(c *call) answer {
	title, _ := c.body["title"].(string)
	i := c.newIssue(c.repo, title, c.text("body"), c.who.account)
	i.labels = texts(c.body["labels"])
	return created(c.issueView(c.repo, i))
}

func getIssue(c *call, i *Issue) answer { return ok(c.issueView(c.repo, i)) }

func updateIssue(c *call, i *Issue) answer {
	if c.has("title") {
		i.title = c.text("title")
	}
	if c.has("body") {
		i.body = c.text("body")
	}
	if state := c.text("state"); state != "" {
		i.state = state
	}
	if c.has("labels") {
		i.labels = texts(c.body["labels"])
	}
	return ok(c.issueView(c.repo, i))
}

func addLabels(c *call, i *Issue) answer {
	names := texts(c.body["labels"])
	for _, name := range names {
		if !slices.Contains(i.labels, name) {
			i.labels = append(i.labels, name)
		}
	}
	return ok(views(i.labels, c.labelView))
}

func (r *Repo) commentsOf(i *Issue) []*Comment {
	var out []*Comment
	for _, k := range r.comments {
		if k.issue == i {
			out = append(out, k)
		}
	}
	return out
}

func (g *GitHub) commentView(r *Repo, k *Comment) doc {
	v := doc{
		"id": k.id, "node_id": node("IC", k.id), "url": g.repoURL(r, "/issues/comments/%d", k.id), "body": k.body, "user": g.accountView(k.user),
		"html_url": g.webURL(r, "/issues/%d#issuecomment-%d", k.issue.number, k.id), "issue_url": g.repoURL(r, "/issues/%d", k.issue.number),
		"created_at": k.created, "updated_at": k.updated, "author_association": "MEMBER", "performed_via_github_app": nil,
	}
	if k.app != nil {
		v["performed_via_github_app"] = g.appView(k.app)
	}
	return v
}

func createComment(c *call, i *Issue) answer {
	if refused := tooLong(c.text("body")); refused.status != 0 {
		return refused
	}
	k := &Comment{id: c.id(), issue: i, user: c.who.account, app: c.who.app, body: c.text("body"), created: c.now(), updated: c.now()}
	c.repo.comments = append(c.repo.comments, k)
	c.emitComment(c.repo, k, "created", c.who.account, nil)
	return created(c.commentView(c.repo, k))
}

func tooLong(body string) answer {
	switch {
	case strings.TrimSpace(body) == "":
		return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "IssueComment", "code": "missing_field", "field": "body"})
	case len([]rune(body)) > maxComment:
		return invalid("IssueComment", "body", "body is too long (maximum is 65536 characters)")
	}
	return answer{}
}

func withComment(handle func(*call, *Comment) answer) func(*call) answer {
	return func(c *call) answer {
		for _, k := range c.repo.comments {
			if k.id == c.path("comment_id") {
				return handle(c, k)
			}
		}
		return notFound()
	}
}

func getComment(c *call, k *Comment) answer { return ok(c.commentView(c.repo, k)) }

func updateComment(c *call, k *Comment) answer {
	if refused := tooLong(c.text("body")); refused.status != 0 {
		return refused
	}
	if k.user != c.who.account && !c.writes() {
		return c.denied(c.who)
	}
	old := k.body
	k.body, k.updated = c.text("body"), c.now()
	c.emitComment(c.repo, k, "edited", c.who.account, doc{"changes": doc{"body": doc{"from": old}}})
	return ok(c.commentView(c.repo, k))
}

func deleteComment(c *call, k *Comment) answer {
	if k.user != c.who.account && !c.writes() {
		return c.denied(c.who)
	}
	c.emitComment(c.repo, k, "deleted", c.who.account, nil)
	c.repo.comments = slices.DeleteFunc(c.repo.comments, func(o *Comment) bool { return o == k })
	return empty()
}

func listComments(c *call, i *Issue) answer {
	return list(c, c.repo.commentsOf(i), func(k *Comment) doc { return c.commentView(c.repo, k) })
}
