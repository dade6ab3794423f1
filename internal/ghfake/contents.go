package ghfake

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// getContent answers for a file, and lists a folder.
func getContent(c *call) answer {
	ref := c.query.Get("ref")
	if ref == "" {
		ref = c.repo.defaultBranch()
	}
	sha, found := c.repo.resolve(ref)
	if !found {
		return notFound()
	}
	path := strings.Trim(c.params["path"], "/")
	if kind, err := c.repo.Git.Git("cat-file", "-t", sha+":"+path); err != nil {
		return notFound()
	} else if kind == "tree" {
		return c.folder(sha, path)
	}
	return ok(c.contentFile(sha, path, true))
}

func (c *call) folder(sha, path string) answer {
	out, _ := c.repo.Git.Git("ls-tree", "-z", "--name-only", sha+":"+path)
	entries := []doc{}
	for _, name := range strings.FieldsFunc(out, func(r rune) bool { return r == 0 }) {
		full := strings.TrimPrefix(path+"/"+name, "/")
		entry := c.contentFile(sha, full, false)
		if kind, _ := c.repo.Git.Git("cat-file", "-t", sha+":"+full); kind == "tree" {
			entry["type"], entry["size"] = "dir", 0
		}
		entries = append(entries, entry)
	}
	return ok(entries)
}

func (c *call) contentFile(sha, path string, whole bool) doc {
	blob, _ := c.repo.Git.Git("rev-parse", sha+":"+path)
	content, _ := c.repo.raw(blob)
	url := c.repoURL(c.repo, "/contents/%s?ref=%s", escape(path), sha)
	v := doc{
		"type": "file", "name": path[strings.LastIndex(path, "/")+1:], "path": path, "sha": blob, "size": len(content), "url": url,
		"html_url": c.webURL(c.repo, "/blob/%s/%s", sha, escape(path)), "git_url": c.repoURL(c.repo, "/git/blobs/%s", blob),
		"download_url": c.webURL(c.repo, "/raw/%s/%s", sha, escape(path)), "_links": doc{"self": url, "git": c.repoURL(c.repo, "/git/blobs/%s", blob), "html": c.webURL(c.repo, "/blob/%s/%s", sha, escape(path))},
	}
	if whole {
		v["encoding"], v["content"] = "base64", base64.StdEncoding.EncodeToString(content)
	}
	return v
}

// raw is a blob to the last byte; Git takes a last newline away.
func (r *Repo) raw(blob string) ([]byte, error) {
	out, err := r.Git.Git("cat-file", "blob", blob)
	if err != nil {
		return nil, err
	}
	size, _ := r.Git.Git("cat-file", "-s", blob)
	if size == strconv.Itoa(len(out)+1) {
		out += "\n"
	}
	return []byte(out), nil
}

func escape(path string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "#", "%23", "?", "%3F", "\"", "%22", "<", "%3C", ">", "%3E", "\n", "%0A", "\t", "%09", "\\", "%5C", "`", "%60", "{", "%7B", "}", "%7D", "|", "%7C", "^", "%5E").Replace(path)
}

func getBlob(c *call) answer {
	content, err := c.repo.raw(c.params["file_sha"])
	if err != nil || strings.HasPrefix(c.params["file_sha"], "-") {
		return notFound()
	}
	return ok(doc{
		"sha": c.params["file_sha"], "node_id": "B_" + c.params["file_sha"], "size": len(content), "encoding": "base64",
		"content": base64.StdEncoding.EncodeToString(content), "url": c.repoURL(c.repo, "/git/blobs/%s", c.params["file_sha"]),
	})
}

func getTree(c *call) answer {
	sha, err := c.repo.Git.Git("rev-parse", "-q", "--verify", c.params["tree_sha"]+"^{tree}")
	if err != nil {
		return notFound()
	}
	return ok(c.treeView(sha, c.query.Get("recursive") != ""))
}

func (c *call) treeView(sha string, recursive bool) doc {
	args := []string{"ls-tree", "-z", "-l", sha}
	if recursive {
		args = append(args, "-r", "-t")
	}
	entries := []doc{}
	for _, line := range c.repo.fields(args...) {
		meta, path, _ := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		entry := doc{"mode": f[0], "type": f[1], "sha": f[2], "path": path, "url": c.repoURL(c.repo, "/git/%ss/%s", f[1], f[2])}
		if n, err := strconv.Atoi(f[3]); err == nil {
			entry["size"] = n
		}
		entries = append(entries, entry)
	}
	return doc{"sha": sha, "url": c.repoURL(c.repo, "/git/trees/%s", sha), "tree": entries, "truncated": false}
}
