package doors

import "fmt"

// pushes are about what a push brought to a branch or tag.
var pushes = []shape{
	{
		name: "a push to the default branch", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.file("leak", "b.txt", token()); p.push("main") },
	},
	{
		name: "the first commit", event: "push", head: "two", commits: 2, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak removed"},
		play: func(p *play) {
			p.file("leak", "b.txt", token())
			p.Git("rm", "-q", "b.txt")
			p.Write("a.txt", "hello\n")
			p.commit("two")
			p.push("main")
		},
	},
	{
		name: "a new branch", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.leaky("x") },
	},
	{
		name: "a new branch without a commit of its own", event: "push", base: "leak", head: "leak", commits: 0, conclusion: "success",
		desk: "a range without a commit that somebody asks for by name is a mistake", deskIs: &expect{conclusion: "action_required", ends: true, says: "is empty"},
		play: func(p *play) { p.start(); p.file("leak", "b.txt", token()); p.push("main"); p.push("main:copy") },
	},
	{
		name: "a new branch of another one's leak", event: "push", base: "one", head: "two", commits: 2, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.branch("y", "x")
			p.file("two", "c.txt", "nothing\n")
			p.push("y")
		},
	},
	{
		name: "a force push", event: "push", base: "leak", head: "clean", commits: 1, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.branch("x", "main")
			p.file("clean", "b.txt", "nothing\n")
			p.push("-f", "x")
		},
	},
	{
		name: "a force push whose former tip is gone", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks c.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("old", "b.txt", "nothing\n")
			p.push("x")
			p.branch("x", "main")
			p.file("leak", "c.txt", token())
			p.push("-f", "x")
			p.github("reflog", "expire", "--expire=now", "--all")
			p.github("gc", "-q", "--prune=now")
		},
	},
	{
		name: "a force push back", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) { p.start(); p.leaky("x"); p.push("-f", "main:x"); p.push("x:x") },
	},
	{
		name: "a force push of the default branch", event: "push", base: "old", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks c.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.file("old", "b.txt", token())
			p.push("main")
			p.Git("reset", "-q", "--hard", p.at["one"])
			p.file("leak", "c.txt", token())
			p.push("-f", "main")
		},
	},
	{
		name: "a branch that was deleted", event: "push", head: "leak",
		play: func(p *play) { p.start(); p.leaky("x"); p.push("--delete", "x") },
	},
	{
		name: "a lightweight tag", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("leak", "b.txt", token())
			p.Git("tag", "v1")
			p.push("v1")
		},
	},
	{
		name: "a tag of the default branch", event: "push", base: "leak", head: "leak", commits: 0, conclusion: "success",
		desk: "a range without a commit that somebody asks for by name is a mistake", deskIs: &expect{conclusion: "action_required", ends: true, says: "is empty"},
		play: func(p *play) {
			p.start()
			p.file("leak", "b.txt", token())
			p.push("main")
			p.Git("tag", "v1")
			p.push("v1")
		},
	},
	{
		name: "an annotated tag with a leak in its message", event: "push", base: "one", head: "tag", tip: "leak", commits: 1, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak", "blocks message, line 1 leak removed"},
		desk:  "a range has no tags", deskIs: &expect{conclusion: "failure", ends: true, found: []string{"blocks b.txt:1:8 leak"}, commits: 1},
		play: func(p *play) {
			p.start()
			p.branch("x", "main")
			p.file("leak", "b.txt", token())
			p.Git("tag", "-a", "-m", token(), "v1")
			p.at["tag"] = p.Git("rev-parse", "v1")
			p.push("v1")
		},
	},
	{
		name: "a push with a truncated list of commits", event: "push", base: "one", head: "c29", commits: 30, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 c0 removed"},
		play: func(p *play) {
			p.start()
			p.many(30)
			p.push("main")
			p.edit = func(payload map[string]any) { payload["commits"] = payload["commits"].([]any)[10:] }
		},
	},
	{
		name: "a push without any list of commits", event: "push", base: "one", head: "c2", commits: 3, conclusion: "failure", found: []string{"blocks b.txt:1:8 c0 removed"},
		play: func(p *play) {
			p.start()
			p.many(3)
			p.push("main")
			p.edit = func(payload map[string]any) { payload["commits"] = []any{} }
		},
	},
	{
		name: "an orphan branch", event: "push", base: "one", head: "orphan", commits: 1, conclusion: "failure", found: []string{"blocks b.txt:1:8 orphan"},
		play: func(p *play) {
			p.start()
			p.Git("checkout", "-q", "--orphan", "pages")
			p.Git("rm", "-q", "-rf", ".")
			p.file("orphan", "b.txt", token())
			p.push("pages")
		},
	},
	{
		name: "unrelated histories that are merged", event: "push", base: "one", head: "merged", commits: 2, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 orphan"},
		play: func(p *play) {
			p.start()
			p.Git("checkout", "-q", "--orphan", "other")
			p.Git("rm", "-q", "-rf", ".")
			p.file("orphan", "b.txt", token())
			p.Git("checkout", "-q", "main")
			p.Git("merge", "-q", "--allow-unrelated-histories", "-m", "Merge", "other")
			p.label("merged", "HEAD")
			p.push("main")
		},
	},
	{
		name: "a new branch after the default branch was renamed", event: "push", base: "one", head: "leak", commits: 1, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.push("main:trunk")
			p.github("symbolic-ref", "HEAD", "refs/heads/trunk")
			p.push("--delete", "main")
			p.leaky("x")
		},
	},
	{
		name: "a pull request that is merged with its leak", event: "push", base: "one", head: "merged", commits: 2, conclusion: "failure",
		found: []string{"blocks b.txt:1:8 leak"},
		play: func(p *play) {
			p.start()
			p.leaky("x")
			p.Git("checkout", "-q", "main")
			p.merge("merged", "x")
			p.push("main")
		},
	},
	{
		name: "a revert of what was pushed before", event: "push", base: "leak", head: "reverted", commits: 1, conclusion: "success",
		play: func(p *play) {
			p.start()
			p.file("leak", "b.txt", token())
			p.push("main")
			p.Git("revert", "--no-edit", "HEAD")
			p.label("reverted", "HEAD")
			p.push("main")
		},
	},
}

// many makes commits c0, c1, … of which the first leaks and the second takes it away.
func (p *play) many(n int) {
	p.file("c0", "b.txt", token())
	p.Git("rm", "-q", "b.txt")
	for i := 1; i < n; i++ {
		p.Write("n.txt", fmt.Sprintln(i))
		p.commit(fmt.Sprintf("c%d", i))
	}
}
