package ghfake

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Review is what somebody says of one head of a pull request.
type Review struct {
	id               int64
	user             *Account
	state, body, sha string
	submitted        string
}

// ReviewComment stands at a line of the diff.
type ReviewComment struct {
	id, review       int64
	user             *Account
	path, body, side string
	sha, created     string
	line             int
}

func (g *GitHub) reviewView(p *Pull, r *Review) doc {
	v := doc{
		"id": r.id, "node_id": node("PRR", r.id), "user": g.accountView(r.user), "body": r.body, "state": r.state, "commit_id": r.sha,
		"html_url": g.webURL(p.base, "/pull/%d#pullrequestreview-%d", p.number, r.id), "pull_request_url": g.repoURL(p.base, "/pulls/%d", p.number),
		"author_association": "MEMBER",
	}
	v["_links"] = doc{"html": doc{"href": v["html_url"]}, "pull_request": doc{"href": v["pull_request_url"]}}
	if r.state != "PENDING" {
		v["submitted_at"] = r.submitted
	}
	return v
}

// createReview takes a verdict. Nobody judges his own pull request, and whoever asks for
// changes says which. https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request
func createReview(c *call, p *Pull) answer {
	event := c.text("event")
	state := map[string]string{"": "PENDING", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}[event]
	comments, _ := c.body["comments"].([]any)
	switch {
	case c.who.account == p.user && event == "APPROVE":
		return fail(http.StatusUnprocessableEntity, "Unprocessable Entity: Can not approve your own pull request")
	case c.who.account == p.user && event == "REQUEST_CHANGES":
		return fail(http.StatusUnprocessableEntity, "Unprocessable Entity: Can not request changes on your own pull request")
	case c.text("body") == "" && (event == "REQUEST_CHANGES" || event == "COMMENT" && len(comments) == 0):
		return fail(http.StatusUnprocessableEntity, "Unprocessable Entity: body can't be blank")
	}
	review := &Review{id: c.id(), user: c.who.account, state: state, body: c.text("body"), sha: p.headSHA, submitted: c.now()}
	if sha := c.text("commit_id"); sha != "" {
		review.sha = sha
	}
	for _, comment := range comments {
		if refused := c.comment(p, review, comment.(doc)); refused.status != 0 {
			return refused
		}
	}
	p.reviews = append(p.reviews, review)
	if state != "PENDING" {
		p.reviewers = slices.DeleteFunc(p.reviewers, func(a *Account) bool { return a == c.who.account })
		c.emitReview(p, review, "submitted", c.who.account)
	}
	return ok(c.reviewView(p, review))
}

// comment adds one at a line, which has to be in the diff.
func (c *call) comment(p *Pull, review *Review, body doc) answer {
	line, _ := body["line"].(float64)
	path, _ := body["path"].(string)
	text, _ := body["body"].(string)
	side, _ := body["side"].(string)
	if side == "" {
		side = "RIGHT"
	}
	if !inDiff(p.base.patch(p.from(), p.headSHA, path), int(line), side) {
		return fail(http.StatusUnprocessableEntity, "Unprocessable Entity: Line could not be resolved")
	}
	k := &ReviewComment{id: c.id(), user: c.who.account, path: path, body: text, side: side, line: int(line), sha: p.headSHA, created: c.now()}
	if review != nil {
		k.review = review.id
	}
	p.comments = append(p.comments, k)
	return answer{}
}

// inDiff says whether a line stands in a hunk, changed or around a change.
func inDiff(patch string, line int, side string) bool {
	old, now := 0, 0
	for lines := bufio.NewScanner(strings.NewReader(patch)); lines.Scan(); {
		text := lines.Text()
		if strings.HasPrefix(text, "@@") {
			old, now = hunk(text)
			continue
		}
		removed, added := strings.HasPrefix(text, "-"), strings.HasPrefix(text, "+")
		if side == "RIGHT" && !removed && now == line || side == "LEFT" && !added && old == line {
			return true
		}
		if !added {
			old++
		}
		if !removed {
			now++
		}
	}
	return false
}

// hunk reads where one begins: @@ -1,2 +3,4 @@.
func hunk(header string) (old, now int) {
	f := strings.Fields(header)
	start := func(s string) int {
		first, _, _ := strings.Cut(s[1:], ",")
		n, _ := strconv.Atoi(first)
		return n
	}
	return start(f[1]), start(f[2])
}

func createReviewComment(c *call, p *Pull) answer {
	if c.text("commit_id") != p.headSHA && !c.repo.contains(p.headSHA, c.text("commit_id")) {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "PullRequestReviewComment", "field": "commit_id", "code": "custom", "message": "commit_id is not part of the pull request"})
	}
	if refused := c.comment(p, nil, c.body); refused.status != 0 {
		return invalid("PullRequestReviewComment", "line", "pull_request_review_thread.line must be part of the diff")
	}
	return created(c.reviewCommentView(p, p.comments[len(p.comments)-1]))
}

func (g *GitHub) reviewCommentView(p *Pull, k *ReviewComment) doc {
	v := doc{
		"id": k.id, "node_id": node("PRRC", k.id), "user": g.accountView(k.user), "body": k.body, "path": k.path, "side": k.side, "line": k.line,
		"commit_id": k.sha, "original_commit_id": k.sha, "original_line": k.line, "created_at": k.created, "updated_at": k.created, "pull_request_review_id": nil,
		"url":      g.repoURL(p.base, "/pulls/comments/%d", k.id),
		"html_url": g.webURL(p.base, "/pull/%d#discussion_r%d", p.number, k.id), "pull_request_url": g.repoURL(p.base, "/pulls/%d", p.number), "author_association": "MEMBER",
		"diff_hunk": p.base.patch(p.from(), p.headSHA, k.path),
	}
	v["_links"] = doc{"self": doc{"href": v["url"]}, "html": doc{"href": v["html_url"]}, "pull_request": doc{"href": v["pull_request_url"]}}
	if k.review != 0 {
		v["pull_request_review_id"] = k.review
	}
	return v
}

func listReviewComments(c *call, p *Pull) answer {
	return list(c, p.comments, func(k *ReviewComment) doc { return c.reviewCommentView(p, k) })
}

func listReviews(c *call, p *Pull) answer {
	return list(c, p.reviews, func(r *Review) doc { return c.reviewView(p, r) })
}

func (c *call) review(p *Pull) *Review {
	for _, r := range p.reviews {
		if r.id == c.path("review_id") {
			return r
		}
	}
	return nil
}

func getReview(c *call, p *Pull) answer {
	if r := c.review(p); r != nil {
		return ok(c.reviewView(p, r))
	}
	return notFound()
}

func dismissReview(c *call, p *Pull) answer {
	r := c.review(p)
	switch {
	case r == nil:
		return notFound()
	case !c.writes():
		return c.denied(c.who)
	case r.state != "APPROVED" && r.state != "CHANGES_REQUESTED":
		return fail(http.StatusUnprocessableEntity, fmt.Sprintf("Can not dismiss a %s pull request review", strings.ToLower(r.state)))
	}
	r.state = "DISMISSED"
	c.emitReview(p, r, "dismissed", c.who.account)
	return ok(c.reviewView(p, r))
}

// dismissStale takes approvals away when the head moves, where a ruleset says so.
func (g *GitHub) dismissStale(p *Pull, who *Account) {
	if rule := p.base.rule("refs/heads/"+p.baseBranch, "pull_request"); rule == nil || rule["dismiss_stale_reviews_on_push"] != true {
		return
	}
	for _, r := range p.reviews {
		if r.state == "APPROVED" {
			r.state = "DISMISSED"
			g.emitReview(p, r, "dismissed", who)
		}
	}
}

// reviewsMissing says which reviews a ruleset wants before a merge: the last verdict of
// everybody counts, and one who asks for changes stops it.
func (g *GitHub) reviewsMissing(p *Pull) string {
	rule := p.base.rule("refs/heads/"+p.baseBranch, "pull_request")
	if rule == nil {
		return ""
	}
	last := map[*Account]string{}
	for _, r := range p.reviews {
		if r.state == "APPROVED" || r.state == "CHANGES_REQUESTED" || r.state == "DISMISSED" {
			last[r.user] = r.state
		}
	}
	approved := 0
	for user, state := range last {
		if state == "CHANGES_REQUESTED" {
			return "Changes were requested by a reviewer."
		}
		if state == "APPROVED" && rank(p.base.role(user)) >= rank("write") {
			approved++
		}
	}
	if rule["require_code_owner_review"] == true {
		if why := g.ownersMissing(p, func(a *Account) bool { return last[a] == "APPROVED" }); why != "" {
			return why
		}
	}
	if need, _ := rule["required_approving_review_count"].(float64); approved < int(need) {
		return fmt.Sprintf("At least %d approving review is required by reviewers with write access.", int(need))
	}
	return ""
}
