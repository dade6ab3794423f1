package inspect_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gittest"
)

// changer changes a repository at random, in the ways that a cache has to notice.
type changer struct {
	repo  *gittest.Repo
	rnd   *rand.Rand
	lines []string
	n     int
}

// step does one thing and says what.
func (c *changer) step() string {
	c.n++
	if c.n == 1 {
		for range 6 {
			c.lines = append(c.lines, "token: "+gittest.Token(), "api_key = \""+gittest.Letters(30)+"\"", fmt.Sprintf("line %d", c.n), "}",
				"x: "+b64("token: "+gittest.Token()), "password = \""+gittest.Letters(12)+"\" # leakgate:allow")
		}
		c.repo.Git("config", "core.useReplaceRefs", "false") // they are refs, and lead git itself in circles
		c.repo.File("a.txt", c.text())
		return "begin"
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"change a file", c.file}, {"change a file", c.file}, {"change a file", c.file}, {"change a file", c.file},
		{"rename", func() { c.try("mv", c.path(), fmt.Sprintf("moved%d.txt", c.n)); c.commit() }},
		{"copy", func() { c.copy(fmt.Sprintf("dir%d/copy.tf", c.rnd.IntN(3))); c.commit() }},
		{"remove", func() { c.try("rm", "-q", c.path()); c.commit() }},
		{"branch", func() { c.try("checkout", "-q", "-b", fmt.Sprintf("b%d", c.n)); c.file() }},
		{"switch", func() { c.try("checkout", "-q", c.branch()) }},
		{"merge", func() { c.try("merge", "-q", "--no-edit", "-X", "ours", c.branch()); c.try("merge", "--abort") }},
		{"evil merge", func() {
			c.try("merge", "-q", "--no-commit", "--no-ff", "-X", "theirs", c.branch())
			c.repo.Write("merged.txt", c.text())
			c.commit()
		}},
		{"delete a branch", func() { c.try("branch", "-q", "-D", c.branch()) }},
		{"amend", func() { c.repo.Write(c.path(), c.text()); c.try("commit", "-q", "-a", "--amend", "-m", "Amended") }},
		{"reset", func() { c.try("reset", "-q", "--hard", "HEAD~1") }},
		{"rebase", func() { c.try("rebase", "-q", "-X", "ours", c.branch()); c.try("rebase", "--abort") }},
		{"cherry-pick", func() { c.try("cherry-pick", "-X", "theirs", c.branch()); c.try("cherry-pick", "--abort") }},
		{"tag", func() { c.try("tag", "-a", "-m", "Release "+gittest.Token(), fmt.Sprintf("v%d", c.n)) }},
		{"tag a blob", func() { c.try("tag", fmt.Sprintf("blob%d", c.n), "HEAD:"+c.path()) }},
		{"tag a tree", func() { c.try("tag", fmt.Sprintf("tree%d", c.n), "HEAD^{tree}") }},
		{"note", func() { c.try("notes", "add", "-f", "-m", "See "+gittest.Token()) }},
		{"stash", func() { c.repo.Write("stashed.txt", c.text()); c.try("add", "-A"); c.try("stash") }},
		{"message", func() { c.try("commit", "-q", "--allow-empty", "-m", "Use "+gittest.Token()) }},
		{"author", func() {
			c.try("commit", "-q", "--allow-empty", "-m", "x", "--author", "Ada "+gittest.Token()+" <ada@example.com>")
		}},
		{"odd path", func() { c.repo.Write("n-"+gittest.Token()+"/f.txt", c.text()); c.commit() }},
		{"key file", func() { c.repo.Write(fmt.Sprintf("k%d.p12", c.n), "x"); c.commit() }},
		{"archive", func() { c.repo.Write(fmt.Sprintf("z%d.zip", c.n), zipped("in.txt", c.text())); c.commit() }},
		{"broken archive", func() { c.repo.Write("broken.zip", zipped("in.txt", c.text())[:40+c.rnd.IntN(60)]); c.commit() }},
		{"mend the archive", func() { c.try("update-ref", "-d", "refs/stash"); c.try("checkout", "-q", "main") }},
		{"wide text", func() { c.repo.Write("wide.txt", utf16le(c.text())); c.commit() }},
		{"a Secret", func() { c.repo.Write(fmt.Sprintf("s%d.yaml", c.rnd.IntN(3)), c.secret()); c.commit() }},
		{"a sealed form", func() { c.repo.Write(fmt.Sprintf("e%d.yaml", c.rnd.IntN(2)), c.external()); c.commit() }},
		{"LFS", func() {
			c.repo.Write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 12\n")
			c.commit()
		}},
		{"submodule", func() {
			c.try("update-index", "--add", "--cacheinfo", "160000,"+c.repo.Git("rev-parse", "HEAD")+",sub")
			c.commit()
		}},
		{"link", func() {
			_ = os.Symlink(gittest.Token(), filepath.Join(c.repo.Dir, fmt.Sprintf("l%d", c.n)))
			c.commit()
		}},
		{"policy", func() { c.repo.Write(".leakgate.yaml", c.policy()); c.commit() }},
		{"rules", func() { c.repo.Write(".gitleaks.toml", c.rules()); c.commit() }},
		{"ignore", func() { c.repo.Write(".gitleaksignore", c.path()+":slack-bot-token:1\n"); c.commit() }},
		{"no configuration", func() { c.try("rm", "-q", ".leakgate.yaml"); c.try("rm", "-q", ".gitleaks.toml"); c.commit() }},
		{"age", func() {
			c.try("-c", "user.name=Bob", "commit", "-q", "--allow-empty", "-m", "old", "--date", "2001-02-03T04:05:06Z")
		}},
		{"staged", func() { c.repo.Write("staged.txt", c.text()); c.try("add", "-A") }},
		{"changed", func() { c.repo.Write(c.path(), c.text()) }},
		{"pack", func() { c.try("gc", "-q") }},
		{"graft", func() { c.try("replace", "--graft", "HEAD"); c.try("replace", "-d", "HEAD") }},
		{"replace", func() { c.try("replace", "-f", "HEAD", c.branch()) }},
		{"shallow", func() { c.shallow() }},
		{"unshallow", func() { _ = os.Remove(filepath.Join(c.repo.Dir, ".git", "shallow")) }},
		{"unshallow", func() { _ = os.Remove(filepath.Join(c.repo.Dir, ".git", "shallow")) }},
		{"worktree", func() {
			c.try("worktree", "add", "-q", "-f", "--detach", filepath.Join(c.repo.Dir, "..", fmt.Sprintf("w%d", c.n)), c.branch())
		}},
	}
	s := steps[c.rnd.IntN(len(steps))]
	s.do()
	return s.name
}

// try runs git, whatever comes of it: not every step is possible at any time.
func (c *changer) try(args ...string) { c.repo.Try(args...) }

func (c *changer) commit() {
	c.try("add", "-A")
	c.try("commit", "-q", "--allow-empty", "-m", fmt.Sprintf("Version %d", c.n))
}

func (c *changer) file() { c.repo.Write(c.path(), c.text()); c.commit() }

func (c *changer) path() string {
	return []string{"a.txt", "b.txt", "dir0/c.yaml", "dir1/d.tf", "vendor/e.php", "test/f.go"}[c.rnd.IntN(6)]
}

func (c *changer) branch() string {
	all := strings.Fields(c.repo.Git("for-each-ref", "--format=%(refname:short)", "refs/heads"))
	return all[c.rnd.IntN(len(all))]
}

func (c *changer) text() string {
	var text []string
	for range 5 + c.rnd.IntN(30) {
		text = append(text, c.lines[c.rnd.IntN(len(c.lines))])
	}
	if c.rnd.IntN(3) == 0 {
		text = append(text, "token: "+gittest.Token())
	}
	return strings.Join(text, "\n") + strings.Repeat("\n", c.rnd.IntN(2))
}

func (c *changer) copy(to string) {
	if text, err := os.ReadFile(filepath.Join(c.repo.Dir, c.path())); err == nil {
		c.repo.Write(to, string(text))
	}
}

func (c *changer) secret() string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: " + gittest.Letters(12) + "\n  other: " + plainWords() + "\n"
}

func (c *changer) external() string {
	return fmt.Sprintf("apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db}\n"+
		"spec: {secretStoreRef: {name: x}, refreshInterval: %dh, target: {name: y}, data: []}\n", c.rnd.IntN(3))
}

func (c *changer) policy() string {
	return "version: 1\n" + []string{
		"paths: {exclude: ['vendor/**']}\n", "paths: {exclude: ['*.txt', 'dir0/**']}\n", "limits: {decode_depth: 1}\n", "limits: {decode_depth: 0}\n",
		"limits: {archive_depth: 0}\n", "limits: {max_blob: 200}\n", "rules: {disable: [generic-api-key]}\n", "mode: audit\n",
	}[c.rnd.IntN(8)]
}

func (c *changer) rules() string {
	head := c.repo.Git("rev-parse", "HEAD")
	return "[extend]\nuseDefault = true\n" + []string{
		"[[rules]]\nid = \"line\"\nregex = '''line \\d+'''\npath = '''\\.tf$'''\nkeywords = [\"line\"]\n",
		"[[rules]]\nid = \"name\"\npath = '''b\\.txt$'''\n",
		"[[allowlists]]\ncommits = [\"" + head + "\"]\n",
		"[[allowlists]]\npaths = ['''a\\.txt''']\n",
	}[c.rnd.IntN(4)]
}

func (c *changer) shallow() {
	all := strings.Fields(c.repo.Git("rev-list", "--all"))
	at := all[c.rnd.IntN(len(all))]
	_ = os.WriteFile(filepath.Join(c.repo.Dir, ".git", "shallow"), []byte(at+"\n"), 0o644)
}
