package ghfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// Issue is one, or the conversation of a pull request.
type Issue struct {
	id, number  int64
	title, body string
	state       string // open, closed
	user        *Account
	labels      []string
	created     string
	pull        *Pull
}

// Pull is a pull request. Its head is read from git at every push.
type Pull struct {
	*Issue
	base, head             *Repo
	baseBranch, headBranch string
	headSHA, baseSHA       string
	draft, merged          bool
	mergeSHA               string
	mergeable              bool
	reviewers              []*Account
	reviews                []*Review
	comments               []*ReviewComment
	maintainerCanModify    bool
}

func (r *Repo) pull(number int64) *Pull {
	i := slices.IndexFunc(r.pulls, func(p *Pull) bool { return p.number == number })
	if i < 0 {
		return nil
	}
	return r.pulls[i]
}

// createPull opens one, if the two branches are there, differ, and share a commit.
// https://docs.github.com/rest/pulls/pulls#create-a-pull-request
func createPull(c *call) answer {
	head, branch := c.headOf(c.text("head"))
	base := c.text("base")
	switch {
	case head == nil || !head.hasRef("refs/heads/"+branch):
		return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "PullRequest", "field": "head", "code": "invalid"})
	case !c.repo.hasRef("refs/heads/" + base):
		return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "PullRequest", "field": "base", "code": "invalid"})
	case c.repo.openPull(head, branch, base) != nil:
		return invalid("PullRequest", "", fmt.Sprintf("A pull request already exists for %s:%s.", head.owner.Login, branch))
	}
	p := &Pull{
		Issue: c.newIssue(c.repo, c.text("title"), c.text("body"), c.who.account), base: c.repo, head: head,
		baseBranch: base, headBranch: branch, draft: c.flag("draft"), maintainerCanModify: c.flag("maintainer_can_modify"),
	}
	p.pull = p
	if message := c.bind(p); message != "" {
		c.repo.number--
		c.repo.issues = c.repo.issues[:len(c.repo.issues)-1]
		return invalid("PullRequest", "", message)
	}
	c.repo.pulls = append(c.repo.pulls, p)
	if !p.draft {
		c.askOwners(p)
	}
	c.emitPull(p, "opened", c.who.account, nil)
	return created(c.pullView(p))
}

// headOf reads BRANCH or OWNER:BRANCH.
func (c *call) headOf(head string) (*Repo, string) {
	owner, branch, cross := strings.Cut(head, ":")
	if !cross {
		return c.repo, head
	}
	for _, r := range c.repos {
		if strings.EqualFold(r.owner.Login, owner) && (r == c.repo || r.parent == c.repo) {
			return r, branch
		}
	}
	return nil, branch
}

func (r *Repo) openPull(head *Repo, branch, base string) *Pull {
	for _, p := range r.pulls {
		if p.state == "open" && p.head == head && p.headBranch == branch && p.baseBranch == base {
			return p
		}
	}
	return nil
}

// bind reads both branches, writes the refs of the pull request, and says what is in
// the way of opening it.
func (g *GitHub) bind(p *Pull) string {
	p.headSHA, _ = p.head.Git.Git("rev-parse", "refs/heads/"+p.headBranch)
	p.baseSHA, _ = p.base.Git.Git("rev-parse", "refs/heads/"+p.baseBranch)
	ref := fmt.Sprintf("refs/pull/%d/head", p.number)
	if _, err := p.base.Git.Git("fetch", "-q", p.head.Git.Dir, "+refs/heads/"+p.headBranch+":"+ref); err != nil {
		return err.Error()
	}
	problem := ""
	if _, err := p.base.Git.Git("merge-base", p.baseSHA, p.headSHA); err != nil {
		problem = fmt.Sprintf("The %s branch has no history in common with %s", p.headBranch, p.baseBranch)
	} else if p.base.count(p.baseSHA+".."+p.headSHA) == 0 {
		problem = fmt.Sprintf("No commits between %s and %s", p.baseBranch, p.headBranch)
	}
	if problem != "" {
		_, _ = p.base.Git.Git("update-ref", "-d", ref) // nothing of it stays
		return problem
	}
	g.tryMerge(p)
	return ""
}

// tryMerge makes refs/pull/N/merge, which is there only while the two merge cleanly.
func (g *GitHub) tryMerge(p *Pull) {
	ref := fmt.Sprintf("refs/pull/%d/merge", p.number)
	p.mergeSHA, p.mergeable = "", false
	tree, err := p.base.Git.Git("merge-tree", "--write-tree", p.baseSHA, p.headSHA)
	if err != nil {
		_, _ = p.base.Git.Git("update-ref", "-d", ref) // it may not be there
		return
	}
	message := fmt.Sprintf("Merge %s into %s", p.headSHA, p.baseSHA)
	if p.mergeSHA, err = p.base.Git.Git("commit-tree", "-p", p.baseSHA, "-p", p.headSHA, "-m", message, tree); err == nil {
		_, err = p.base.Git.Git("update-ref", ref, p.mergeSHA)
	}
	p.mergeable = err == nil
}

// follow is what a pull request does when a branch moves: it has a new head, or a new
// base; or it closes, as its head is gone or in the base.
func (g *GitHub) follow(p *Pull, r *Repo, branch string, who *Account, change gitserve.Change) {
	if p.state != "open" {
		return
	}
	isHead, isBase := p.head == r && p.headBranch == branch, p.base == r && p.baseBranch == branch
	switch {
	case (isHead || isBase) && change.New == zeros:
		p.state = "closed"
		g.emitPull(p, "closed", who, nil)
	case isHead:
		g.refresh(p)
		g.dismissStale(p, who)
		g.emitPull(p, "synchronize", who, doc{"before": change.Old, "after": change.New})
	case isBase && r.contains(change.New, p.headSHA):
		p.state, p.merged, p.mergeSHA = "closed", true, change.New
		g.emitPull(p, "closed", who, nil)
	case isBase:
		g.refresh(p)
	}
}

// refresh reads the branches again. The refs stay even when nothing is shared any more,
// as they do on GitHub.
func (g *GitHub) refresh(p *Pull) {
	p.headSHA, _ = p.head.Git.Git("rev-parse", "refs/heads/"+p.headBranch)
	p.baseSHA, _ = p.base.Git.Git("rev-parse", "refs/heads/"+p.baseBranch)
	_, _ = p.base.Git.Git("fetch", "-q", p.head.Git.Dir, fmt.Sprintf("+refs/heads/%s:refs/pull/%d/head", p.headBranch, p.number))
	g.tryMerge(p)
}

func withPull(handle func(*call, *Pull) answer) func(*call) answer {
	return func(c *call) answer {
		p := c.repo.pull(c.path("pull_number"))
		if p == nil {
			return notFound()
		}
		return handle(c, p)
	}
}

func getPull(c *call, p *Pull) answer { return ok(c.pullView(p)) }

func listPulls(c *call) answer {
	state, head, base := c.query.Get("state"), c.query.Get("head"), c.query.Get("base")
	if state == "" {
		state = "open"
	}
	var out []*Pull
	for _, p := range slices.Backward(c.repo.pulls) {
		if (state == "all" || p.state == state) && (base == "" || base == p.baseBranch) && (head == "" || head == p.head.owner.Login+":"+p.headBranch) {
			out = append(out, p)
		}
	}
	return list(c, out, c.pullSimple)
}

func listPullsOf(c *call) answer {
	var out []*Pull
	for _, p := range c.repo.pulls {
		if c.repo.contains(p.headSHA, c.params["commit_sha"]) && !c.repo.contains(p.baseSHA, c.params["commit_sha"]) {
			out = append(out, p)
		}
	}
	return list(c, out, c.pullSimple)
}

func updatePull(c *call, p *Pull) answer {
	if !c.writes() && c.who.account != p.user {
		return c.denied(c.who)
	}
	if c.has("title") {
		p.title = c.text("title")
	}
	if c.has("body") {
		p.body = c.text("body")
	}
	action, more := "edited", doc{"changes": doc{}}
	if base := c.text("base"); base != "" && base != p.baseBranch {
		if !c.repo.hasRef("refs/heads/" + base) {
			return fail(http.StatusUnprocessableEntity, "Validation Failed", doc{"resource": "PullRequest", "field": "base", "code": "invalid"})
		}
		more = doc{"changes": doc{"base": doc{"ref": doc{"from": p.baseBranch}, "sha": doc{"from": p.baseSHA}}}}
		p.baseBranch = base
		c.refresh(p)
	}
	switch state := c.text("state"); {
	case state == "open" && p.merged:
		return invalid("PullRequest", "state", "state cannot be changed. The pull request is already merged.")
	case state != "" && state != p.state:
		p.state, more = state, nil
		action = map[string]string{"open": "reopened", "closed": "closed"}[state]
	}
	c.emitPull(p, action, c.who.account, more)
	return ok(c.pullView(p))
}

func listPullFiles(c *call, p *Pull) answer {
	return list(c, c.diff(c.repo, p.from(), p.headSHA), func(f doc) doc { return f })
}

// listPullCommits lists at most 250: https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request
func listPullCommits(c *call, p *Pull) answer {
	all := p.base.log("--reverse", p.baseSHA+".."+p.headSHA)
	return list(c, all[:min(len(all), 250)], func(k commit) doc { return c.commitView(c.repo, k) })
}

func requestReviewers(c *call, p *Pull) answer {
	if !c.writes() && c.who.account != p.user {
		return c.denied(c.who)
	}
	for _, login := range texts(c.body["reviewers"]) {
		account := c.find(login)
		if account == nil || c.repo.role(account) == "" {
			return fail(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the "+c.repo.FullName()+" repository.")
		}
		if account == p.user {
			return fail(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		}
		if !slices.Contains(p.reviewers, account) {
			p.reviewers = append(p.reviewers, account)
		}
	}
	return created(c.pullSimple(p))
}

func listReviewers(c *call, p *Pull) answer {
	return ok(doc{"users": views(p.reviewers, c.accountView), "teams": []doc{}})
}
