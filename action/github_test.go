package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gittest"
)

// proposal is a server with a pull request from a fork: its commits are in no
// branch of the server, only in what the test merge brings.
type proposal struct {
	*gittest.Repo
	base, head, merge string
}

// propose makes a pull request of what change commits on top of a first commit,
// while meanwhile (nil for nothing) commits to main.
func propose(t *testing.T, change, meanwhile func(*gittest.Repo)) proposal {
	t.Helper()
	p := proposal{Repo: gittest.New(t)}
	p.File("README.md", "hello\n")
	p.Git("checkout", "-q", "-b", "fork")
	change(p.Repo)
	p.head = p.Git("rev-parse", "HEAD")
	p.Git("checkout", "-q", "main")
	if meanwhile != nil {
		meanwhile(p.Repo)
	}
	p.base = p.Git("rev-parse", "HEAD")
	p.Git("checkout", "-q", "--detach")
	p.Git("merge", "-q", "--no-ff", "-m", "Merge", p.head)
	p.merge = p.Git("rev-parse", "HEAD")
	p.publish()
	return p
}

// publish leaves the server with main and the refs of the pull request.
func (p proposal) publish() {
	p.Git("update-ref", "refs/pull/1/head", p.head)
	p.Git("update-ref", "refs/pull/1/merge", p.merge)
	p.Git("checkout", "-q", "main")
	p.Git("branch", "-q", "-D", "fork")
}

// event is the payload of the pull request.
func (p proposal) event() object {
	return object{
		"number":     1,
		"repository": object{"default_branch": "main"},
		"pull_request": object{
			"commits": 2,
			"base":    object{"ref": "main", "sha": p.base},
			"head":    object{"ref": "fork", "sha": p.head},
		},
	}
}

func (p proposal) variables() []string {
	return []string{"GITHUB_SHA=" + p.merge, "GITHUB_REF=refs/pull/1/merge"}
}

func addThenRemove(token string) func(*gittest.Repo) {
	return func(r *gittest.Repo) {
		r.File("app.env", "token: "+token+"\n")
		r.Git("rm", "-q", "app.env")
		r.Commit("Remove it again")
	}
}

func TestAPullRequestIsJudgedByAllOfItsCommits(t *testing.T) {
	token := gittest.Token()
	p := propose(t, addThenRemove(token), nil)
	for _, depth := range []int{0, 1} {
		o := step(t, checkout(t, p.Repo, p.merge, depth), "pull_request", p.event(), p.variables()...)
		o.expect(t, 1, "findings=1", "blocked=1", "complete=true", "range="+p.base+".."+p.merge)
		o.hides(t, token)
		if (len(o.fetches) > 0) != (depth == 1) {
			t.Errorf("depth %d: fetched %q", depth, o.fetches)
		}
		if !strings.Contains(o.summary, "app.env") || !strings.Contains(o.sarif, "app.env") || !strings.Contains(o.log, "app.env") {
			t.Errorf("depth %d: a report lacks the finding", depth)
		}
		for _, c := range o.commandsIn() {
			if strings.Contains(c, "file=") {
				t.Errorf("what is not at head is annotated: %s", c)
			}
		}
	}
}

func TestAPullRequestIsNotBlamedForItsBase(t *testing.T) {
	old := gittest.Token()
	p := propose(t, func(r *gittest.Repo) { r.File("new.txt", "hello\n") }, func(r *gittest.Repo) {
		r.File("old.env", "token: "+old+"\n")
		r.File("other.txt", "hello\n")
	})
	stale := p.event()
	stale["pull_request"].(object)["base"] = object{"ref": "main", "sha": p.Git("rev-parse", p.base+"~2")}
	for name, event := range map[string]object{"as it is": p.event(), "with a stale base": stale} {
		o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", event, p.variables()...)
		t.Log(name)
		o.expect(t, 0, "findings=0", "blocked=0", "complete=true", "range="+p.base+".."+p.merge)
	}
}

func TestABaseThatMovedOnIsTheOneThatCounts(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) { r.File("app.env", "token: "+token+"\n") }, nil)
	newer := p.File(".leakgate.yaml", auditPolicy)
	event := p.event()
	event["pull_request"].(object)["base"] = object{"ref": "main", "sha": newer}
	o := step(t, checkout(t, p.Repo, p.merge, 0), "pull_request", event, p.variables()...)
	o.expect(t, 0, "findings=1", "blocked=0", "range="+newer+".."+p.merge)
}

func TestAPullRequestThatBeganLongAgoIsDeepenedAsFarAsNeeded(t *testing.T) {
	token := gittest.Token()
	p := propose(t, addThenRemove(token), func(r *gittest.Repo) {
		for i := range 50 + 20 {
			r.Commit(fmt.Sprint("Commit ", i))
		}
	})
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1, "findings=1", "complete=true")
	if !strings.Contains(o.log, "looked at  3 commits") {
		t.Errorf("other commits than the two and the merge were judged:\n%s", o.log)
	}
}

func TestAMergeOfTheBaseIntoThePullRequestIsFollowed(t *testing.T) {
	old := gittest.Token()
	p := proposal{Repo: gittest.New(t)}
	p.File("README.md", "hello\n")
	p.Git("checkout", "-q", "-b", "fork")
	p.File("new.txt", "hello\n")
	p.Git("checkout", "-q", "main")
	p.File("old.env", "token: "+old+"\n")
	p.Git("checkout", "-q", "fork")
	p.Git("merge", "-q", "-m", "Merge main", "main")
	p.head = p.Git("rev-parse", "HEAD")
	p.Git("checkout", "-q", "main")
	p.base = p.File("later.txt", "hello\n")
	p.Git("checkout", "-q", "--detach")
	p.Git("merge", "-q", "--no-ff", "-m", "Merge", p.head)
	p.merge = p.Git("rev-parse", "HEAD")
	p.publish()
	step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...).
		expect(t, 0, "findings=0", "complete=true")
}

func TestTheTestMergeItselfIsJudged(t *testing.T) {
	token := gittest.Token()
	p := propose(t, func(r *gittest.Repo) { r.File("new.txt", "hello\n") }, nil)
	p.Git("checkout", "-q", "--detach", p.merge)
	p.Write("merged.env", "token: "+token+"\n")
	p.Git("add", "-A")
	p.Git("commit", "-q", "--amend", "--no-edit")
	p.merge = p.Git("rev-parse", "HEAD")
	p.Git("update-ref", "refs/pull/1/merge", p.merge)
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), p.variables()...)
	o.expect(t, 1, "blocked=1")
	o.hides(t, token)
}

func TestAPullRequestWhoseHeadIsCheckedOutIsJudgedToo(t *testing.T) {
	token := gittest.Token()
	p := propose(t, addThenRemove(token), func(r *gittest.Repo) { r.File("other.txt", "hello\n") })
	o := step(t, checkout(t, p.Repo, p.head, 1), "pull_request", p.event(), "GITHUB_SHA="+p.head)
	o.expect(t, 1, "blocked=1", "complete=true", "range="+p.base+".."+p.head)
}

func TestThePolicyOfAPullRequestIsThatOfItsBase(t *testing.T) {
	const audit = "version: 1\nmode: audit\n"
	token := gittest.Token()
	leak := func(r *gittest.Repo) { r.File("app.env", "token: "+token+"\n") }
	loosened := propose(t, func(r *gittest.Repo) {
		leak(r)
		r.File(".leakgate.yaml", audit)
	}, nil)
	o := step(t, checkout(t, loosened.Repo, loosened.merge, 1), "pull_request", loosened.event(), loosened.variables()...)
	o.expect(t, 1, "blocked=1")
	trusted := propose(t, leak, func(r *gittest.Repo) { r.File(".leakgate.yaml", audit) })
	o = step(t, checkout(t, trusted.Repo, trusted.merge, 1), "pull_request", trusted.event(), trusted.variables()...)
	o.expect(t, 0, "findings=1", "blocked=0")
}

func TestACloneThatCannotBeDeepenedNamesTheCure(t *testing.T) {
	p := propose(t, addThenRemove(gittest.Token()), nil)
	o := step(t, checkout(t, p.Repo, p.merge, 1), "pull_request", p.event(), append(p.variables(), "git=none")...)
	o.expect(t, 3, "complete=false", "findings=")
	if commands := o.commandsIn(); len(commands) != 1 || !strings.Contains(commands[0], "fetch-depth: 0") {
		t.Errorf("%q", commands)
	}
}

func TestPullRequestTargetIsRefused(t *testing.T) {
	p := propose(t, addThenRemove(gittest.Token()), nil)
	o := step(t, checkout(t, p.Repo, p.merge, 0), "pull_request_target", p.event(), p.variables()...)
	o.expect(t, 2, "complete=false")
	if !strings.Contains(o.log, "use `on: pull_request`") {
		t.Error(o.log)
	}
}

// pushed is the payload of a push to a ref.
func pushed(ref, before, after string) object {
	return object{
		"ref": ref, "before": before, "after": after, "deleted": change.IsZero(after), "created": change.IsZero(before),
		"commits": []object{{"id": after}}, "repository": object{"default_branch": "main"},
	}
}

const zeros = "0000000000000000000000000000000000000000"

func TestAPushIsJudgedByWhatItBrought(t *testing.T) {
	old, token := gittest.Token(), gittest.Token()
	r := gittest.New(t)
	r.File("old.env", "token: "+old+"\n")
	before := r.File(".leakgate.yaml", "version: 1\n")
	r.File("app.env", "token: "+token+"\n")
	after := r.File(".leakgate.yaml", "version: 1\nmode: audit\n") // obeyed from the next push on
	for _, depth := range []int{0, 1} {
		o := step(t, checkout(t, r, after, depth), "push", pushed("refs/heads/main", before, after), "GITHUB_SHA="+after)
		o.expect(t, 1, "findings=1", "blocked=1", "complete=true", "range="+before+".."+after)
		o.hides(t, old, token)
	}
}

func TestANewBranchIsHeldAgainstTheDefaultBranch(t *testing.T) {
	old, token := gittest.Token(), gittest.Token()
	r := gittest.New(t)
	base := r.File("old.env", "token: "+old+"\n")
	r.Git("checkout", "-q", "-b", "feature")
	after := r.File("app.env", "token: "+token+"\n")
	o := step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/feature", zeros, after), "GITHUB_SHA="+after)
	o.expect(t, 1, "findings=1", "blocked=1", "range="+base+".."+after)
	o = step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/feature", zeros, after), "GITHUB_SHA="+after, "git=none")
	o.expect(t, 3)
	o = step(t, checkout(t, r, base, 1), "push", pushed("refs/heads/twin", zeros, base), "GITHUB_SHA="+base)
	o.expect(t, 0, "findings=0", "range="+base+".."+base)
}

func TestTheFirstPushIsJudgedAsAWhole(t *testing.T) {
	token := gittest.Token()
	r := gittest.New(t)
	r.File("app.env", "token: "+token+"\n")
	r.Git("rm", "-q", "app.env")
	after := r.Commit("Remove")
	o := step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/main", zeros, after), "GITHUB_SHA="+after, "GITHUB_REF=refs/heads/main")
	o.expect(t, 1, "blocked=1", "complete=true", "range=all refs")
}

func TestAForcePushIsHeldAgainstTheFormerTipWhereverItIs(t *testing.T) {
	token := gittest.Token()
	r := gittest.New(t)
	r.File("README.md", "hello\n")
	base := r.File("more.txt", "hello\n")
	r.Git("checkout", "-q", "-b", "feature")
	r.File("app.env", "token: "+token+"\n")
	former := r.File("b.txt", "hello\n")
	r.Git("reset", "-q", "--hard", base)
	after := r.File("c.txt", "hello\n")

	// The server still has it: what came since is clean.
	o := step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/feature", former, after), "GITHUB_SHA="+after)
	o.expect(t, 0, "range="+former+".."+after, "complete=true")

	// Nobody has it any more: what main does not have.
	gone := strings.Repeat("12", 20)
	o = step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/feature", gone, after), "GITHUB_SHA="+after)
	o.expect(t, 0, "range="+base+".."+after)
	if !strings.Contains(o.log, "the former tip 1212121212 is gone") {
		t.Error(o.log)
	}

	// The same on main itself: everything.
	o = step(t, checkout(t, r, after, 1), "push", pushed("refs/heads/main", gone, after), "GITHUB_SHA="+after)
	o.expect(t, 0, "range=all refs")
}

func TestATagIsJudgedByWhatTheDefaultBranchDoesNotHave(t *testing.T) {
	old, token, message := gittest.Token(), gittest.Token(), gittest.Token()
	r := gittest.New(t)
	base := r.File("old.env", "token: "+old+"\n")
	r.Git("checkout", "-q", "-b", "release")
	head := r.File("app.env", "token: "+token+"\n")
	r.Git("tag", "light")
	r.Git("tag", "-a", "-m", "Use "+message, "heavy", base)
	heavy := r.Git("rev-parse", "refs/tags/heavy")
	o := step(t, checkout(t, r, head, 1), "push", pushed("refs/tags/light", zeros, head), "GITHUB_SHA="+head, "GITHUB_REF=refs/tags/light")
	o.expect(t, 1, "findings=1", "range="+base+".."+head)
	o = step(t, checkout(t, r, base, 1), "push", pushed("refs/tags/heavy", zeros, heavy), "GITHUB_SHA="+base, "GITHUB_REF=refs/tags/heavy")
	o.expect(t, 1, "findings=1")
	o.hides(t, message)
}

func TestADeletedBranchIsNothingToJudge(t *testing.T) {
	r := gittest.New(t)
	sha := r.File("app.env", "token: "+gittest.Token()+"\n")
	o := step(t, t.TempDir(), "push", pushed("refs/heads/feature", sha, zeros), "GITHUB_SHA="+sha)
	o.expect(t, 0, "findings=0", "range=nothing", "complete=true")
	if !strings.Contains(o.log, "a branch or tag was deleted, there is nothing to judge") {
		t.Error(o.log)
	}
}

func TestAMergeGroupIsJudgedByItsCommits(t *testing.T) {
	old, token := gittest.Token(), gittest.Token()
	r := gittest.New(t)
	r.File("old.env", "token: "+old+"\n")
	base := r.File("b.txt", "hello\n")
	r.Git("checkout", "-q", "-b", "gh-readonly-queue/main/pr-1-x")
	head := r.File("app.env", "token: "+token+"\n")
	event := object{"merge_group": object{"base_sha": base, "base_ref": "refs/heads/main", "head_sha": head}}
	o := step(t, checkout(t, r, head, 1), "merge_group", event, "GITHUB_SHA="+head)
	o.expect(t, 1, "findings=1", "range="+base+".."+head)
	step(t, checkout(t, r, head, 1), "merge_group", object{}, "GITHUB_SHA="+head).expect(t, 3)
}

func TestOtherEventsJudgeTheWholeHistory(t *testing.T) {
	token := gittest.Token()
	r := gittest.New(t)
	r.File("README.md", "hello\n")
	r.Git("checkout", "-q", "-b", "other")
	r.File("app.env", "token: "+token+"\n")
	r.Git("checkout", "-q", "main")
	head := r.File("b.txt", "hello\n")
	for _, event := range []string{"schedule", "workflow_dispatch", "release", "repository_dispatch"} {
		o := step(t, checkout(t, r, head, 1), event, object{}, "GITHUB_SHA="+head, "GITHUB_REF=refs/heads/main")
		o.expect(t, 1, "findings=1", "range=all refs", "complete=true")
	}
	o := step(t, checkout(t, r, head, 1), "schedule", object{}, "GITHUB_SHA="+head, "git=none")
	o.expect(t, 3, "complete=false")

	// by the default branch's policy, not by that of the branch it is started on
	r.Git("checkout", "-q", "other")
	r.Write(".leakgate.yaml", "version: 1\nmode: audit\n")
	other := r.Commit("Only audit")
	o = step(t, checkout(t, r, other, 1), "workflow_dispatch", object{"repository": object{"default_branch": "main"}},
		"GITHUB_SHA="+other, "GITHUB_REF=refs/heads/other")
	o.expect(t, 1, "findings=1", "range=all refs", "complete=true")
}

func TestAnEventThatCannotBeReadIsNotClean(t *testing.T) {
	r := gittest.New(t)
	head := r.File("b.txt", "hello\n")
	broken := filepath.Join(t.TempDir(), "event.json")
	os.WriteFile(broken, []byte(`{"before": 3`), 0o600)
	step(t, r.Dir, "push", object{}, "GITHUB_SHA="+head, "GITHUB_EVENT_PATH="+broken).expect(t, 3)
	step(t, r.Dir, "push", object{}, "GITHUB_SHA="+head, "GITHUB_EVENT_PATH=").expect(t, 3)
	step(t, r.Dir, "push", pushed("refs/heads/main", "--upload-pack=x", head), "GITHUB_SHA="+head).expect(t, 0, "range=all refs")
	step(t, r.Dir, "pull_request", object{}, "GITHUB_SHA="+head).expect(t, 3)
	step(t, t.TempDir(), "push", pushed("refs/heads/main", head, head)).expect(t, 2)
}
