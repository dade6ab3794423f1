package ghfake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitserve"
)

const zeros = "0000000000000000000000000000000000000000"

func (g *GitHub) refView(r *Repo, ref string) doc {
	sha, _ := r.Git.Git("rev-parse", ref)
	kind, _ := r.Git.Git("cat-file", "-t", sha)
	return doc{
		"ref": ref, "node_id": "REF_" + ref, "url": g.repoURL(r, "/git/%s", ref),
		"object": doc{"type": kind, "sha": sha, "url": g.repoURL(r, "/git/%ss/%s", kind, sha)},
	}
}

func (r *Repo) refs(prefix string) []string {
	out, _ := r.Git.Git("for-each-ref", "--format=%(refname)")
	var refs []string
	for _, ref := range strings.Fields(out) {
		if strings.HasPrefix(ref, prefix) {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (r *Repo) hasRef(ref string) bool { return slices.Contains(r.refs(ref), ref) }

func getRef(c *call) answer {
	ref := "refs/" + c.params["ref"]
	if !c.repo.hasRef(ref) {
		return notFound()
	}
	return ok(c.refView(c.repo, ref))
}

func listRefs(c *call) answer {
	return ok(views(c.repo.refs("refs/"+c.params["ref"]), func(ref string) doc { return c.refView(c.repo, ref) }))
}

func createRef(c *call) answer {
	ref, sha := c.text("ref"), c.text("sha")
	switch {
	case !strings.HasPrefix(ref, "refs/heads/") && !strings.HasPrefix(ref, "refs/tags/"):
		return fail(http.StatusUnprocessableEntity, "Reference name must start with 'refs/heads' or 'refs/tags' and contain at least three slashes.")
	case c.repo.hasRef(ref):
		return fail(http.StatusUnprocessableEntity, "Reference already exists")
	}
	if refused, done := c.change(ref, zeros, sha); !done {
		return refused
	}
	return created(c.refView(c.repo, ref))
}

func updateRef(c *call) answer {
	ref := "refs/" + c.params["ref"]
	if !c.repo.hasRef(ref) {
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	old, _ := c.repo.Git.Git("rev-parse", ref)
	if !c.flag("force") && !c.repo.contains(c.text("sha"), old) {
		return fail(http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	if refused, done := c.change(ref, old, c.text("sha")); !done {
		return refused
	}
	return ok(c.refView(c.repo, ref))
}

func deleteRef(c *call) answer {
	ref := "refs/" + c.params["ref"]
	if !c.repo.hasRef(ref) {
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	old, _ := c.repo.Git.Git("rev-parse", ref)
	if refused, done := c.change(ref, old, zeros); !done {
		return refused
	}
	return empty()
}

// contains says whether a commit has another among its ancestors.
func (r *Repo) contains(sha, ancestor string) bool {
	_, err := r.Git.Git("merge-base", "--is-ancestor", ancestor, sha)
	return err == nil
}

// change moves a ref as a push of who asks would, with the same rules and events.
func (c *call) change(ref, old, sha string) (answer, bool) {
	change := gitserve.Change{Ref: ref, Old: old, New: sha}
	if err := c.rules(c.repo, c.who.account, change); err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error()), false
	}
	if sha != zeros {
		if _, err := c.repo.Git.Git("cat-file", "-e", sha); err != nil {
			return fail(http.StatusUnprocessableEntity, "Object does not exist"), false
		}
	}
	args := []string{"update-ref", ref, sha, old}
	if sha == zeros {
		args = []string{"update-ref", "-d", ref, old}
	}
	if _, err := c.repo.Git.Git(args...); err != nil {
		return fail(http.StatusUnprocessableEntity, "Reference update failed"), false
	}
	c.moved(c.repo, c.who.account, change)
	return answer{}, true
}

// update decides on one ref of a push.
func (g *GitHub) update(p gitserve.Push, change gitserve.Change) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rules(g.repoByName(p.Repo), g.pusher(p), change)
}

// received follows a push.
func (g *GitHub) received(p gitserve.Push) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, change := range p.Changes {
		g.moved(g.repoByName(p.Repo), g.pusher(p), change)
	}
}

// moved brings pull requests up to date, and tells apps.
func (g *GitHub) moved(r *Repo, who *Account, change gitserve.Change) {
	r.pushed = g.now()
	g.emitPush(r, who, change)
	branch, ok := strings.CutPrefix(change.Ref, "refs/heads/")
	if !ok {
		return
	}
	for _, base := range g.repos {
		for _, p := range base.pulls {
			g.follow(p, r, branch, who, change)
		}
	}
}

func getBranch(c *call) answer {
	name := c.params["branch"]
	if !c.repo.hasRef("refs/heads/" + name) {
		return fail(http.StatusNotFound, "Branch not found")
	}
	sha, _ := c.repo.Git.Git("rev-parse", "refs/heads/"+name)
	url := c.repoURL(c.repo, "/branches/%s", name)
	return ok(doc{
		"name": name, "commit": c.commitView(c.repo, c.repo.commit(sha)), "protected": c.isProtected(name), "protection": doc{"enabled": false},
		"protection_url": url + "/protection", "_links": doc{"self": url, "html": c.webURL(c.repo, "/tree/%s", name)},
	})
}

func (c *call) isProtected(branch string) bool {
	return len(c.repo.active("refs/heads/"+branch)) > 0
}

func listBranches(c *call) answer {
	return list(c, c.repo.refs("refs/heads/"), func(ref string) doc {
		sha, _ := c.repo.Git.Git("rev-parse", ref)
		name := strings.TrimPrefix(ref, "refs/heads/")
		return doc{"name": name, "protected": c.isProtected(name), "commit": doc{"sha": sha, "url": c.repoURL(c.repo, "/commits/%s", sha)}}
	})
}

func listTags(c *call) answer {
	return list(c, c.repo.refs("refs/tags/"), func(ref string) doc {
		sha, _ := c.repo.Git.Git("rev-parse", ref+"^{commit}")
		return doc{"name": strings.TrimPrefix(ref, "refs/tags/"), "node_id": "T_" + ref, "commit": doc{"sha": sha, "url": c.repoURL(c.repo, "/commits/%s", sha)}}
	})
}
