package work_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// leak is a line with a value in it.
func leak() string { return "token = \"" + gittest.Token() + "\"\n" }

func TestAPullRequestOfAForkIsJudged(t *testing.T) {
	w := newWorld(t)
	w.User("eve")
	fork, err := w.Fork(w.repo, "eve")
	w.must(err)
	w.Collaborator(w.repo, "eve", "read")
	w.local.Git("checkout", "-q", "-b", "theirs", "main")
	head := w.local.File("b.txt", leak())
	w.local.Git("push", "-q", strings.Replace(w.CloneURL(fork), "//", "//x-access-token:"+w.PAT("eve")+"@", 1), "theirs")
	base := w.API + "/"
	eve, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT("eve")))
	w.must(err)
	_, _, err = eve.PullRequests.Create(t.Context(), "acme", "app", &github.NewPullRequest{
		Title: github.Ptr("From a fork"), Head: github.Ptr("eve:theirs"), Base: github.Ptr("main"),
	})
	w.must(err)
	w.deliver()
	w.concluded(head, "failure")
}

func TestABaseThatMovedOnIsNotBlamed(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", "nothing\n")
	w.local.Git("checkout", "-q", "main")
	main := w.local.File("c.txt", leak())
	w.push("main")
	w.pull("x")
	w.deliver()
	w.concluded(head, "success")
	w.concluded(main, "failure")
}

func TestAForcePushIsJudgedByWhatItBrought(t *testing.T) {
	w := newWorld(t)
	w.branch("x", "b.txt", leak())
	w.deliver()
	w.local.Git("reset", "-q", "--hard", "main")
	head := w.local.File("c.txt", "nothing\n")
	w.push("-f", "x")
	w.deliver()
	w.concluded(head, "success")
}

func TestTheFirstPushIsJudgedAsAWhole(t *testing.T) {
	w := newWorld(t)
	young, err := w.Repository("acme/young", true)
	w.must(err)
	w.Collaborator(young, "ada", "admin")
	local := gittest.New(t)
	local.File("b.txt", leak())
	local.Git("rm", "-q", "b.txt")
	head := local.File("c.txt", "nothing\n")
	local.Git("push", "-q", strings.Replace(w.CloneURL(young), "//", "//x-access-token:"+w.PAT("ada")+"@", 1), "main")
	w.deliver()
	w.eventually("the first push is judged", func() bool {
		all := w.Checks(young)
		return len(all) == 1 && all[0].SHA == head && all[0].Status == "completed" && all[0].Conclusion == "failure"
	})
}

func TestAMergeGroupIsJudgedAtItsHead(t *testing.T) {
	w := newWorld(t)
	base := w.local.Git("rev-parse", "main")
	w.local.Git("checkout", "-q", "-b", "queue", "main")
	head := w.local.File("b.txt", leak())
	w.push("queue:gh-readonly-queue/main/pr-1-" + base)
	w.deliver()
	group := map[string]any{"base_sha": base, "base_ref": "refs/heads/main", "head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-1-" + base,
		"head_commit": map[string]any{"id": head, "tree_id": w.local.Git("rev-parse", "HEAD^{tree}"), "message": "x", "timestamp": "2026-01-02T03:04:05Z",
			"author": map[string]any{"name": "Ada"}, "committer": map[string]any{"name": "Ada"}}}
	w.Emit(w.repo, "merge_group", "checks_requested", "ada", map[string]any{"merge_group": group})
	w.deliver()
	w.concluded(head, "failure")
}

func TestAPullRequestThatIsTurnedToAnotherBaseIsJudgedAnew(t *testing.T) {
	w := newWorld(t)
	w.branch("release", "r.txt", leak())
	w.local.Git("checkout", "-q", "-b", "x", "release")
	head := w.local.File("b.txt", "nothing\n")
	w.push("x:x")
	w.deliver()
	w.concluded(head, "failure") // the push: all that main has not
	number := w.pull("x")
	_, _, err := w.ada.PullRequests.Edit(t.Context(), "acme", "app", number, &github.PullRequest{Base: &github.PullRequestBranch{Ref: github.Ptr("release")}})
	w.must(err)
	w.Deliver(t.Context(), ghfake.Weather{Shuffle: true})
	w.eventually("the run tells of the push and of the pull request", func() bool {
		all := w.runs(head)
		return len(all) == 1 && all[0].Status == "completed" && strings.Contains(all[0].Summary, "## No secrets")
	})
	if k := w.concluded(head, "failure"); !strings.Contains(k.Title, "secret") {
		t.Errorf("the worse of two verdicts is not the first: %s", k.Title)
	}
}

func TestWhatGitHubLostIsNeverClean(t *testing.T) {
	w := newWorld(t)
	if w.plain {
		t.Skip("a repository that is fetched as a whole is not fetched at all then, and people are told after ten minutes")
	}
	head := w.branch("x", "b.txt", "nothing\n")
	blob := w.local.Git("rev-parse", "HEAD:b.txt")
	w.pull("x")
	w.lose(blob)
	w.deliver()
	k := w.concluded(head, "action_required")
	if !strings.HasPrefix(k.Title, "Scan incomplete: ") {
		t.Errorf("%s", k.Title)
	}
}

func TestAnInstallationThatIsGoneIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", "nothing\n")
	w.pull("x")
	w.Suspend(w.installed, true)
	w.deliver()
	w.eventually("the job is given up", func() bool { return strings.Contains(w.log.String(), "a job is given up") })
	if len(w.runs(head)) != 0 {
		t.Error("somebody was told")
	}
}

func TestGitHubsOutageIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", leak())
	w.pull("x")
	for _, f := range []ghfake.Fault{
		{Operation: "apps/create-installation-access-token", Status: 429, RetryIn: 1e9, Times: 2}, {Operation: "checks/create", Lose: true, After: true},
		{Operation: "git", Status: 500}, {Operation: "checks/update", Status: 403, RetryIn: 1e9},
	} {
		w.Fail(f)
	}
	w.deliver()
	w.concluded(head, "failure")
}

func TestNamesAreOnlyNames(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	w.local.Git("checkout", "-q", "-b", "<img-src=x>&$(id)/`y`", "main")
	head := w.local.File("-b <script>[x](javascript:y) "+token+".txt", leak())
	w.push("HEAD")
	w.pull("<img-src=x>&$(id)/`y`")
	w.deliver()
	k := w.concluded(head, "failure")
	for _, bad := range []string{"<script", "<img", token} {
		if strings.Contains(k.Title+k.Summary+k.Text+w.log.String(), bad) {
			t.Errorf("%q is told as it is:\n%s\n%s", bad, k.Title, k.Summary)
		}
	}
}

func TestAMirrorThatIsDamagedIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	first := w.branch("x", "b.txt", "nothing\n")
	w.deliver()
	w.concluded(first, "success")
	configs, err := filepath.Glob(filepath.Join(w.mirrors, "*.git", "config"))
	if err != nil || len(configs) != 1 {
		t.Fatalf("%q: %v", configs, err)
	}
	w.must(os.WriteFile(configs[0], []byte("[["), 0o600))
	second := w.branch("y", "c.txt", leak())
	w.deliver()
	w.concluded(second, "failure")
}
