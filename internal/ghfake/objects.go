package ghfake

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// move renames a folder whose new parent may not be there.
func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// commit is what git says of one.
type commit struct {
	sha, tree, message string
	parents            []string
	author, committer  doc // name, email, date
	signed             bool
}

// resolve finds the commit behind a branch, a tag or an id.
func (r *Repo) resolve(rev string) (string, bool) {
	if strings.HasPrefix(rev, "-") {
		return "", false
	}
	for _, name := range []string{"refs/heads/" + rev, "refs/tags/" + rev, "refs/" + strings.TrimPrefix(rev, "refs/"), rev} {
		if sha, err := r.Git.Git("rev-parse", "-q", "--verify", name+"^{commit}"); err == nil {
			return sha, true
		}
	}
	return "", false
}

const logFormat = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01"

// log lists commits, the newest first.
func (r *Repo) log(args ...string) []commit {
	out, err := r.Git.Git(append([]string{"log", "--format=" + logFormat}, args...)...)
	if err != nil {
		return nil
	}
	var all []commit
	for _, entry := range strings.Split(out, "\x01") {
		f := strings.Split(strings.TrimPrefix(entry, "\n"), "\x00")
		if len(f) < 10 {
			continue
		}
		all = append(all, commit{
			sha: f[0], tree: f[1], parents: strings.Fields(f[2]), message: strings.TrimSuffix(f[9], "\n"),
			author: doc{"name": f[3], "email": f[4], "date": f[5]}, committer: doc{"name": f[6], "email": f[7], "date": f[8]},
		})
	}
	return all
}

func (r *Repo) commit(sha string) commit {
	all := r.log("-1", sha)
	if len(all) == 0 {
		return commit{sha: sha}
	}
	all[0].signed = r.signed(sha)
	return all[0]
}

func (r *Repo) signed(sha string) bool {
	raw, _ := r.Git.Git("cat-file", "commit", sha)
	head, _, _ := strings.Cut(raw, "\n\n")
	return strings.Contains(head, "\ngpgsig ")
}

func (g *GitHub) verification(c commit) doc {
	if c.signed {
		return doc{"verified": true, "reason": "valid"}
	}
	return doc{"verified": false, "reason": "unsigned"}
}

// gitCommitView is a commit of the git database, commitView one of a repository.
func (g *GitHub) gitCommitView(r *Repo, c commit) doc {
	return doc{
		"sha": c.sha, "node_id": "C_" + c.sha, "url": g.repoURL(r, "/git/commits/%s", c.sha), "html_url": g.webURL(r, "/commit/%s", c.sha),
		"author": c.author, "committer": c.committer, "message": c.message, "tree": doc{"sha": c.tree, "url": g.repoURL(r, "/git/trees/%s", c.tree)},
		"parents": g.parents(r, c), "verification": g.verification(c),
	}
}

func (g *GitHub) commitView(r *Repo, c commit) doc {
	return doc{
		"sha": c.sha, "node_id": "C_" + c.sha, "url": g.repoURL(r, "/commits/%s", c.sha), "html_url": g.webURL(r, "/commit/%s", c.sha),
		"comments_url": g.repoURL(r, "/commits/%s/comments", c.sha), "parents": g.parents(r, c), "author": nil, "committer": nil,
		"commit": doc{
			"url": g.repoURL(r, "/git/commits/%s", c.sha), "author": c.author, "committer": c.committer, "message": c.message,
			"tree": doc{"sha": c.tree, "url": g.repoURL(r, "/git/trees/%s", c.tree)}, "comment_count": 0, "verification": g.verification(c),
		},
	}
}

func (g *GitHub) parents(r *Repo, c commit) []doc {
	out := []doc{}
	for _, sha := range c.parents {
		out = append(out, doc{"sha": sha, "url": g.repoURL(r, "/commits/%s", sha), "html_url": g.webURL(r, "/commit/%s", sha)})
	}
	return out
}

func getCommit(c *call) answer {
	sha, found := c.repo.resolve(c.params["ref"])
	if !found {
		return invalid("Commit", "sha", "No commit found for SHA: "+c.params["ref"])
	}
	v := c.commitView(c.repo, c.repo.commit(sha))
	v["files"] = c.diff(c.repo, emptyTree, sha)
	if parent, err := c.repo.Git.Git("rev-parse", "-q", "--verify", sha+"^"); err == nil {
		v["files"] = c.diff(c.repo, parent, sha)
	}
	return ok(v)
}

// emptyTree is what a first commit is compared with.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

func listCommits(c *call) answer {
	from := c.query.Get("sha")
	if from == "" {
		from = c.repo.defaultBranch()
	}
	sha, found := c.repo.resolve(from)
	if !found {
		return fail(http.StatusConflict, "Git Repository is empty.")
	}
	args := []string{sha}
	if path := c.query.Get("path"); path != "" {
		args = append(args, "--", path)
	}
	return list(c, c.repo.log(args...), func(k commit) doc { return c.commitView(c.repo, k) })
}

func getGitCommit(c *call) answer {
	if sha, found := c.repo.resolve(c.params["commit_sha"]); found {
		return ok(c.gitCommitView(c.repo, c.repo.commit(sha)))
	}
	return notFound()
}

// compare answers BASE...HEAD, from the commit that both share.
// https://docs.github.com/rest/commits/commits#compare-two-commits
func compare(c *call) answer {
	left, right, _ := strings.Cut(c.params["basehead"], "...")
	base, found := c.repo.resolve(left)
	head, alsoFound := c.repo.resolve(right[strings.LastIndex(right, ":")+1:])
	shared, err := c.repo.Git.Git("merge-base", base, head)
	if !found || !alsoFound || err != nil {
		return notFound()
	}
	ahead, behind := c.repo.count(base+".."+head), c.repo.count(head+".."+base)
	commits := c.repo.log("--reverse", base+".."+head)
	part, header := page(c, commits)
	v := doc{
		"url": c.repoURL(c.repo, "/compare/%s", c.params["basehead"]), "html_url": c.webURL(c.repo, "/compare/%s", c.params["basehead"]),
		"permalink_url": c.webURL(c.repo, "/compare/%s...%s", base, head), "diff_url": c.webURL(c.repo, "/compare/x.diff"), "patch_url": c.webURL(c.repo, "/compare/x.patch"),
		"base_commit": c.commitView(c.repo, c.repo.commit(base)), "merge_base_commit": c.commitView(c.repo, c.repo.commit(shared)),
		"status": relation(ahead, behind), "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
		"commits": views(part, func(k commit) doc { return c.commitView(c.repo, k) }), "files": c.diff(c.repo, shared, head),
	}
	return answer{status: http.StatusOK, body: v, header: header}
}

func relation(ahead, behind int) string {
	switch {
	case ahead > 0 && behind > 0:
		return "diverged"
	case ahead > 0:
		return "ahead"
	case behind > 0:
		return "behind"
	}
	return "identical"
}

func (r *Repo) count(revs string) int {
	out, _ := r.Git.Git("rev-list", "--count", revs)
	n, _ := strconv.Atoi(out)
	return n
}
