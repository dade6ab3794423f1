package doors

import (
	"fmt"
	"strings"

	"github.com/google/go-github/v89/github"
)

// proposals are about what a pull request would bring, and how it came about.
var proposals = []shape{
	{
		name: "a pull request", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.leaky("x"); p.open("x", "main") },
	},
	{
		name: "a clean pull request", base: "one", head: "two", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("two", "b.txt", "nothing\n")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "removed later in the range", base: "one", head: "gone", commits: 2, merge: true, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak removed"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.Git("rm", "-q", "b.txt")
			p.commit("gone")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "reverted in the range", base: "one", head: "reverted", commits: 2, merge: true, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak removed"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.Git("revert", "--no-edit", "HEAD")
			p.label("reverted", "HEAD")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "a leak before the range, in a file that it changes", base: "leak", head: "two", commits: 1, merge: true, conclusion: "neutral", older: 1,
		play: func(p *play) {
			p.start()
			p.file("leak", "b.txt", token())
			p.push("main")
			p.branch("x", "main")
			p.file("two", "b.txt", p.Git("show", "HEAD:b.txt")+"\nmore\n")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "a fork", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			login := "eve" + p.name
			p.w.User(login)
			fork, err := p.w.Fork(p.there, login)
			p.must(err)
			p.w.Collaborator(p.there, login, "read")
			p.branch("theirs", "main")
			p.file("leak", "b.txt", token())
			p.Git("push", "-q", p.url(fork, login), "theirs")
			p.openAs(login, login+":theirs", "main", false)
		},
	},
	{
		name: "a draft", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.leaky("x"); p.openAs("ada", "x", "main", true) },
	},
	{
		name: "a base that moved on and leaks", base: "moved", head: "two", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("two", "b.txt", "nothing\n")
			p.push("x")
			p.open("x", "main")
			p.Git("checkout", "-q", "main")
			p.file("moved", "c.txt", token())
			p.push("main")
		},
	},
	{
		name: "a base that moved on under the first commit of a pull request", base: "moved", head: "more", commits: 2, merge: true, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.open("x", "main")
			p.Git("checkout", "-q", "main")
			p.file("moved", "c.txt", token())
			p.push("main")
			p.Git("checkout", "-q", "x")
			p.file("more", "d.txt", "nothing\n")
			p.push("x")
		},
	},
	{
		name: "stacked on a branch that leaks", base: "leak", head: "two", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("first")
			p.branch("second", "first")
			p.file("two", "c.txt", "nothing\n")
			p.push("second")
			p.open("second", "first")
		},
	},
	{
		name: "turned to another target", base: "one", head: "two", commits: 2, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("first")
			p.branch("second", "first")
			p.file("two", "c.txt", "nothing\n")
			p.push("second")
			p.open("second", "first")
			p.change(&github.PullRequest{Base: &github.PullRequestBranch{Ref: github.Ptr("main")}})
		},
	},
	{
		name: "closed and opened again", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.open("x", "main")
			p.change(&github.PullRequest{State: github.Ptr("closed")})
			p.change(&github.PullRequest{State: github.Ptr("open")})
		},
	},
	{
		name: "a force push that takes a leak away", base: "one", head: "clean", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.open("x", "main")
			p.branch("x", "main")
			p.file("clean", "b.txt", "nothing\n")
			p.push("-f", "x")
		},
	},
	{
		name: "a force push back to a leak", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.open("x", "main")
			p.branch("x", "main")
			p.file("clean", "b.txt", "nothing\n")
			p.push("-f", "x")
			p.push("-f", p.at["leak"]+":refs/heads/x")
		},
	},
	{
		name: "a leak in a merge alone", base: "moved", head: "evil", commits: 2, merge: true, conclusion: "failure", found: []string{"blocks evil.txt:1:8 evil"},
		play: func(p *play) {
			p.diverged()
			p.Git("merge", "-q", "--no-ff", "--no-commit", "main")
			p.Write("evil.txt", token())
			p.commit("evil")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "merges a base that leaks", base: "moved", head: "merged", commits: 2, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("two", "b.txt", "nothing\n")
			p.Git("checkout", "-q", "main")
			p.file("moved", "c.txt", token())
			p.push("main")
			p.Git("checkout", "-q", "x")
			p.merge("merged", "main")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "a criss-cross", base: "cross", head: "leak", commits: 3, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.diverged()
			p.Git("branch", "side", "x")
			p.merge("criss", "main")
			p.Git("checkout", "-q", "main")
			p.Git("branch", "was")
			p.merge("cross", "side")
			p.push("main")
			p.Git("checkout", "-q", "x")
			p.file("more", "d.txt", "nothing\n")
			p.file("leak", "b.txt", token())
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "an octopus that leaks", base: "one", head: "octopus", commits: 4, merge: true, conclusion: "failure", found: []string{"blocks arm.txt:1:8 octopus"},
		play: func(p *play) {
			p.start()
			for _, name := range []string{"left", "right", "x"} {
				p.branch(name, "main")
				p.file(name, name+".txt", name+"\n")
			}
			p.Git("merge", "-q", "--no-ff", "--no-commit", "left", "right")
			p.Write("arm.txt", token())
			p.commit("octopus")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "squashed from a branch that leaked and healed", base: "one", head: "squash", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("work")
			p.file("healed", "b.txt", "nothing\n")
			p.branch("x", "main")
			p.Git("merge", "-q", "--squash", "work")
			p.commit("squash")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "a leak that was picked", base: "one", head: "picked", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 picked"},
		play: func(p *play) {
			p.start()
			p.leaky("other")
			p.branch("x", "main")
			p.Git("cherry-pick", "-x", "other")
			p.label("picked", "HEAD")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "sixty commits", base: "one", head: "last", commits: 60, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak removed"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			var stream strings.Builder
			for i := range 59 {
				fmt.Fprintf(&stream, "commit refs/heads/x\ncommitter Ada <ada@example.com> 1767323045 +0000\ndata 5\nNext\n")
				if i == 0 {
					stream.WriteString("from refs/heads/x^0\nD b.txt\n")
				}
				fmt.Fprintf(&stream, "M 100644 inline f%d.txt\ndata 6\nhello\n\n", i)
			}
			p.Git("checkout", "-q", "main")
			p.Pipe(stream.String(), "fast-import", "--quiet")
			p.label("last", "x")
			p.push("x")
			p.open("x", "main")
		},
	},
	{
		name: "does not merge", base: "moved", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks a.txt:1:8 leak"},
		step: "GitHub runs no workflow for a pull request that does not merge",
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("leak", "a.txt", token())
			p.push("x")
			p.Git("checkout", "-q", "main")
			p.file("moved", "a.txt", "another\n")
			p.push("main")
			p.open("x", "main")
		},
	},
	{
		name: "became unrelated to its base", base: "one", head: "orphan", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 orphan"},
		step: "GitHub runs no workflow for a pull request that does not merge",
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("two", "b.txt", "nothing\n")
			p.push("x")
			p.open("x", "main")
			p.Git("checkout", "-q", "--orphan", "y")
			p.Git("rm", "-q", "-rf", ".")
			p.file("orphan", "b.txt", token())
			p.push("-f", "y:x")
		},
	},
	{
		name: "judged when its branch is gone", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.leaky("x"); p.open("x", "main"); p.push("--delete", "x") },
	},
	{
		name: "judged when its base is gone", base: "leak", head: "two", commits: 1, merge: true, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("first")
			p.branch("second", "first")
			p.file("two", "c.txt", "nothing\n")
			p.push("second")
			p.open("second", "first")
			p.push("--delete", "first")
		},
	},
	{
		name: "renamed before it is judged", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.open("x", "main")
			p.name += "-renamed"
			p.must(p.w.Rename(p.there, p.name))
		},
	},
	{
		name: "too shallow and nothing can be fetched", base: "one", head: "leak", commits: 1, merge: true, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		step:   "nothing can be fetched: the clone has one commit, and never is that clean",
		stepIs: &expect{conclusion: "action_required", says: "fetch-depth: 0"},
		play:   func(p *play) { p.start(); p.leaky("x"); p.open("x", "main") },
	},
	{
		name: "a merge queue", event: "merge_group", base: "one", head: "queued", commits: 2, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.branch("queue", "main")
			p.merge("queued", "x")
			p.queue("one", "queued")
		},
	},
	{
		name: "a merge queue behind another that leaks", event: "merge_group", base: "first", head: "second", commits: 2, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.branch("y", "main")
			p.file("two", "c.txt", "nothing\n")
			p.branch("queue", "main")
			p.merge("first", "x")
			p.merge("second", "y")
			p.queue("first", "second")
		},
	},
}

// leaky makes a branch of main with a leak in b.txt and pushes it.
func (p *play) leaky(name string) {
	p.branch(name, "main")
	p.file("leak", "b.txt", token())
	p.push(name)
}

// diverged has a commit on x and another on main since they parted, and stands at x.
func (p *play) diverged() {
	p.start()
	p.branch("x", "main")
	p.file("two", "b.txt", "nothing\n")
	p.Git("checkout", "-q", "main")
	p.file("moved", "c.txt", "more\n")
	p.push("main")
	p.Git("checkout", "-q", "x")
}
