package ghfake

import (
	"fmt"
	"net/http"

	"github.com/leakgate/leakgate/internal/gitserve"
)

// mergePull merges or squashes, when nothing is in the way.
func mergePull(c *call, p *Pull) answer {
	switch {
	case p.state != "open" || p.draft || !p.mergeable:
		return fail(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case c.has("sha") && c.text("sha") != p.headSHA:
		return fail(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	why := c.reviewsMissing(p)
	if rule := p.base.rule("refs/heads/"+p.baseBranch, "required_status_checks"); why == "" && rule != nil {
		why = p.base.checksMissing(rule, p.headSHA, false)
	}
	if why != "" {
		return fail(http.StatusMethodNotAllowed, "Repository rule violations found\n\n"+why)
	}
	sha, err := c.mergeCommit(p)
	if err != nil {
		return fail(http.StatusMethodNotAllowed, err.Error())
	}
	old := p.baseSHA
	if _, err := c.repo.Git.Git("update-ref", "refs/heads/"+p.baseBranch, sha, old); err != nil {
		return fail(http.StatusConflict, "Base branch was modified. Review and try the merge again.")
	}
	p.state, p.merged, p.mergeSHA = "closed", true, sha
	c.emitPull(p, "closed", c.who.account, nil)
	c.moved(c.repo, c.who.account, gitserve.Change{Ref: "refs/heads/" + p.baseBranch, Old: old, New: sha})
	return ok(doc{"sha": sha, "merged": true, "message": "Pull Request successfully merged"})
}

func (c *call) mergeCommit(p *Pull) (string, error) {
	title := c.text("commit_title")
	if title == "" {
		title = fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, p.head.owner.Login, p.headBranch)
	}
	tree, err := c.repo.Git.Git("rev-parse", p.mergeSHA+"^{tree}")
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", "-p", p.baseSHA}
	switch c.text("merge_method") {
	case "squash":
	case "rebase":
		c.options.Report("ghfake does not rebase")
		return "", fmt.Errorf("ghfake does not rebase")
	default:
		args = append(args, "-p", p.headSHA)
	}
	return c.repo.Git.Git(append(args, "-m", title+"\n\n"+c.text("commit_message"), tree)...)
}
