package ghfake

import (
	"encoding/base64"
	"fmt"
	"net/http"
)

func createBlob(c *call) answer {
	content := []byte(c.text("content"))
	if c.text("encoding") == "base64" {
		var err error
		if content, err = base64.StdEncoding.DecodeString(string(content)); err != nil {
			return fail(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
	}
	sha, err := c.repo.Git.Pipe(content, "hash-object", "-w", "--stdin")
	if err != nil {
		return fail(http.StatusConflict, "Git Repository is empty.")
	}
	return created(doc{"sha": sha, "url": c.repoURL(c.repo, "/git/blobs/%s", sha)})
}

// putContent writes one file on a branch, in a commit of its own.
// https://docs.github.com/rest/repos/contents#create-or-update-file-contents
func putContent(c *call) answer {
	content, err := base64.StdEncoding.DecodeString(c.text("content"))
	if err != nil {
		return fail(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	branch := c.text("branch")
	if branch == "" {
		branch = c.repo.defaultBranch()
	}
	parent, found := c.repo.resolve("refs/heads/" + branch)
	if !found {
		return fail(http.StatusNotFound, "Branch "+branch+" not found")
	}
	blob, err := c.repo.Git.Git("rev-parse", "-q", "--verify", parent+":"+c.params["path"])
	existed := err == nil
	if existed && c.text("sha") != blob {
		return fail(http.StatusConflict, fmt.Sprintf("%s does not match %s", c.params["path"], blob))
	}
	tree, err := c.repo.treeWith(parent, c.params["path"], content)
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	sha, err := c.commitAs(tree, []string{parent})
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	if refused, done := c.change("refs/heads/"+branch, parent, sha); !done {
		return refused
	}
	v := doc{"content": c.contentFile(sha, c.params["path"], false), "commit": c.gitCommitView(c.repo, c.repo.commit(sha))}
	if existed {
		return ok(v)
	}
	return created(v)
}

// treeWith is the tree of a commit with one file written.
func (r *Repo) treeWith(parent, path string, content []byte) (string, error) {
	blob, err := r.Git.Pipe(content, "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	if _, err := r.Git.Git("read-tree", parent); err != nil {
		return "", err
	}
	if err := r.stage(doc{"path": path, "mode": "100644", "sha": blob}); err != nil {
		return "", err
	}
	return r.Git.Git("write-tree")
}
