package doors

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gittest"
)

// contents are about what a commit of a pull request can hold.
var contents = []shape{
	{
		name: "a rename of a file that leaked before", base: "leak", head: "renamed", commits: 1, merge: true, conclusion: "failure",
		found: []string{"blocks c.txt:1:8 renamed"},
		play: func(p *play) {
			p.start()
			p.file("leak", "b.txt", token()+strings.Repeat("line\n", 20))
			p.push("main")
			p.on("x", func() { p.Git("mv", "b.txt", "c.txt"); p.commit("renamed") })
		},
	},
	{
		name: "a rename with a leak in a new line", base: "one", head: "renamed", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks c.txt:21:8 renamed"},
		play: func(p *play) {
			p.Write("b.txt", strings.Repeat("line\n", 20))
			p.start()
			p.on("x", func() {
				p.Git("mv", "b.txt", "c.txt")
				p.Write("c.txt", strings.Repeat("line\n", 20)+token())
				p.commit("renamed")
			})
		},
	},
	{
		name: "a submodule that changes", base: "one", head: "sub", commits: 1, merge: true, conclusion: "success", excluded: 1,
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.Git("update-index", "--add", "--cacheinfo", "160000,"+p.at["one"]+",sub"); p.index("sub") })
		},
	},
	{
		name: "a change of mode alone", base: "leak", head: "mode", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.file("leak", "b.txt", token())
			p.push("main")
			p.on("x", func() { p.Git("update-index", "--chmod=+x", "b.txt"); p.index("mode") })
		},
	},
	{
		name: "a binary file", base: "one", head: "binary", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.bin:1:11 binary"},
		play: func(p *play) { p.start(); p.on("x", func() { p.file("binary", "b.bin", "\x00\x01\x00"+token()) }) },
	},
	{
		name: "an empty commit", base: "one", head: "empty", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) { p.start(); p.on("x", func() { p.commit("empty") }) },
	},
	{
		name: "a leak in a message", base: "one", head: "message", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks message, line 3 message removed"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.Git("commit", "-q", "--allow-empty", "-m", "Use it\n\n"+token())
				p.label("message", "HEAD")
			})
		},
	},
	{
		name: "a symbolic link to a value", base: "one", head: "link", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks link:1:1 link"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.must(os.Symlink(gittest.Token(), filepath.Join(p.Dir, "link")))
				p.commit("link")
			})
		},
	},
	{
		name: "a value in a path", base: "one", head: "path", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks d/[redacted]/b.txt (the name) path removed"},
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.Write("d/"+gittest.Token()+"/b.txt", "nothing\n"); p.commit("path") })
		},
	},
	{
		name: "a path with unusual bytes", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure",
		found: []string{`blocks -b <i>|` + "`" + `&\xff\t\n"ä".txt:1:8 leak`},
		play: func(p *play) {
			p.start()
			p.on("x", func() { p.file("leak", "-b <i>|`&\xff\t\n\"ä\".txt", token()) })
		},
	},
	{
		name: "attributes that call it binary and generated", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.Write(".gitattributes", "*.txt binary -diff linguist-generated export-ignore\n")
				p.file("leak", "b.txt", token())
			})
		},
	},
	{
		name: "a pointer of Git LFS", base: "one", head: "pointer", commits: 1, merge: true, conclusion: "success", excluded: 1,
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.file("pointer", "big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 12\n")
			})
		},
	},
	{
		name: "one value in two places", base: "one", head: "two", commits: 2, merge: true, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak", "blocks c.txt:2:8 two"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				value := token()
				p.file("leak", "b.txt", value)
				p.file("two", "c.txt", "again\n"+value)
			})
		},
	},
	{
		name: "a value that was there before, in another file", base: "leak", head: "copied", commits: 1, merge: true, conclusion: "failure",
		found: []string{"blocks c.txt:2:8 copied"},
		play: func(p *play) {
			p.start()
			value := token()
			p.file("leak", "b.txt", value)
			p.push("main")
			p.on("x", func() { p.file("copied", "c.txt", "again\n"+value) })
		},
	},
	{
		name: "an archive", base: "one", head: "archive", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks z.zip!in.txt:1:8 archive"},
		play: func(p *play) { p.start(); p.on("x", func() { p.file("archive", "z.zip", zipped("in.txt", token())) }) },
	},
	{
		name: "UTF-16", base: "one", head: "wide", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks w.txt:1:8 wide"},
		play: func(p *play) { p.start(); p.on("x", func() { p.file("wide", "w.txt", wide(token())) }) },
	},
	{
		name: "a Secret of Kubernetes", base: "one", head: "secret", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks s.yaml:5:13 secret"},
		play: func(p *play) {
			p.start()
			p.on("x", func() {
				p.file("secret", "s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: "+gittest.Letters(20)+"\n")
			})
		},
	},
}

// on makes a branch of main, does something there, and opens a pull request of it.
func (p *play) on(branch string, do func()) {
	p.branch(branch, "main")
	do()
	p.push(branch)
	p.open(branch, "main")
}

// index commits what the index holds, whatever the files are.
func (p *play) index(label string) {
	p.Git("commit", "-q", "-m", label)
	p.label(label, "HEAD")
}
