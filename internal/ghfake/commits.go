package ghfake

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// createTree writes a tree of entries, over another one or alone. An entry without an id
// takes its path away. https://docs.github.com/rest/git/trees#create-a-tree
func createTree(c *call) answer {
	begin := []string{"read-tree", "--empty"}
	if base := c.text("base_tree"); base != "" {
		begin = []string{"read-tree", base}
	}
	if _, err := c.repo.Git.Git(begin...); err != nil {
		return fail(http.StatusNotFound, "base_tree was not found")
	}
	entries, _ := c.body["tree"].([]any)
	for _, entry := range entries {
		if err := c.repo.stage(entry.(doc)); err != nil {
			return fail(http.StatusUnprocessableEntity, "GitRPC::BadObjectState: "+err.Error())
		}
	}
	sha, err := c.repo.Git.Git("write-tree")
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	return created(c.treeView(sha, false))
}

// stage puts one entry into the repository's index, which nothing else uses.
func (r *Repo) stage(entry doc) error {
	path, _ := entry["path"].(string)
	mode, _ := entry["mode"].(string)
	sha, _ := entry["sha"].(string)
	if content, said := entry["content"].(string); said {
		var err error
		if sha, err = r.Git.Pipe([]byte(content), "hash-object", "-w", "--stdin"); err != nil {
			return err
		}
	}
	if sha == "" {
		mode, sha = "0", zeros
	}
	_, err := r.Git.Pipe([]byte(mode+" "+sha+"\t"+path+"\x00"), "update-index", "-z", "--index-info")
	return err
}

// createCommit: https://docs.github.com/rest/git/commits#create-a-commit
func createCommit(c *call) answer {
	for _, sha := range append(texts(c.body["parents"]), c.text("tree")) {
		if _, err := c.repo.Git.Git("cat-file", "-e", sha); err != nil {
			return fail(http.StatusUnprocessableEntity, "Tree SHA or parent does not exist")
		}
	}
	sha, err := c.commitAs(c.text("tree"), texts(c.body["parents"]))
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	return created(c.gitCommitView(c.repo, c.repo.commit(sha)))
}

// seal stands for the signature with which GitHub signs commits of bots.
const seal = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n made by ghfake\n -----END PGP SIGNATURE-----\n"

// commitAs writes a commit of who asks, or of whom the body names. An app that names
// nobody has it signed by GitHub.
// https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
func (c *call) commitAs(tree string, parents []string) (string, error) {
	author, named := c.body["author"].(doc)
	if !named {
		author = doc{"name": c.who.account.Login, "email": c.who.account.Login + "@users.noreply.github.com"}
	}
	committer, alsoNamed := c.body["committer"].(doc)
	if !alsoNamed {
		committer = author
	}
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	for _, parent := range parents {
		fmt.Fprintf(&text, "parent %s\n", parent)
	}
	fmt.Fprintf(&text, "author %s\ncommitter %s\n", c.ident(author), c.ident(committer))
	if c.who.kind == asInstallation && !named && !alsoNamed {
		text.WriteString(seal)
	}
	fmt.Fprintf(&text, "\n%s", c.text("message"))
	return c.repo.Git.Pipe([]byte(text.String()), "hash-object", "-t", "commit", "-w", "--stdin")
}

// ident is a person and a time as git writes them.
func (c *call) ident(p doc) string {
	at := c.options.Clock()
	if date, _ := p["date"].(string); date != "" {
		if t, err := time.Parse(time.RFC3339, date); err == nil {
			at = t
		}
	}
	return fmt.Sprintf("%s <%s> %d +0000", p["name"], p["email"], at.Unix())
}
