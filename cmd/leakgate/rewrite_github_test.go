package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// forge is a repository on a GitHub with a leak in its history, the people around it,
// and an operator who owns it. The command runs as a process of its own.
type forge struct {
	*ghfake.GitHub
	t      *testing.T
	repo   *ghfake.Repo
	local  *gittest.Repo
	dir    string
	env    []string
	value  string
	digest string
	id     string // of the credential
	heard  bytes.Buffer
	said   strings.Builder // all that any run printed
	git    map[string]string
	ann    *github.Client
}

// newForge has ann, who administers, bob and carl, who may write and approve, eve, who
// may read, and dan, who has a fork.
func newForge(t *testing.T, o ghfake.Options) *forge {
	t.Helper()
	f := &forge{t: t, dir: t.TempDir(), value: gittest.Token(), git: map[string]string{}}
	o.Record = &f.heard
	f.GitHub = ghfake.New(t, o)
	f.Org("acme")
	for _, login := range []string{"ann", "bob", "carl", "eve", "dan", "gus"} {
		f.User(login)
	}
	var err error
	f.repo, err = f.Repository("acme/app", true)
	f.must(err)
	for login, role := range map[string]string{"ann": "admin", "bob": "write", "carl": "write", "eve": "read", "dan": "read", "gus": "write"} {
		f.Collaborator(f.repo, login, role)
	}
	f.local = gittest.New(t)
	f.local.Write(".github/CODEOWNERS", "* @gus\n")
	f.local.File("clean.conf", "a\n")
	f.local.Git("branch", "untouched")
	f.local.File("deploy.conf", "token = \""+f.value+"\"\n")
	f.local.Git("tag", "-am", "version one", "v1")
	f.local.File("more.conf", "b\n")
	f.local.Git("remote", "add", "origin", f.remote("ann"))
	f.local.Git("push", "-q", "origin", "main", "untouched", "v1")
	f.operate("approvals = 1")
	f.ann = f.client("ann")
	return f
}

func (f *forge) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// client is a person's.
func (f *forge) client(login string) *github.Client {
	f.t.Helper()
	base := f.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(f.PAT(login)))
	f.must(err)
	return c
}

// remote is the address with a person's token.
func (f *forge) remote(login string) string {
	return strings.Replace(f.CloneURL(f.repo), "//", "//x-access-token:"+f.PAT(login)+"@", 1)
}

// operate writes the operator's file and the environment of the command.
func (f *forge) operate(rewrite string) {
	f.t.Helper()
	opener, err := age.GenerateX25519Identity()
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.dir, "identity"), []byte(opener.String()+"\n"), 0o600))
	f.must(os.MkdirAll(filepath.Join(f.dir, "leakgate"), 0o700))
	f.must(os.MkdirAll(filepath.Join(f.dir, "issuers"), 0o700))
	text := fmt.Sprintf("owned = [%q]\n[rewrite]\n%s\ngithub = %q\nrecipients = [%q]\n", f.owned(), rewrite, f.API, opener.Recipient())
	_, public := approver(f.t, f.dir)
	for _, login := range []string{"ann", "bob", "carl"} {
		text += fmt.Sprintf("[[approvers]]\nname = %q\ngithub = %d\n", login, f.User(login).ID)
		if login == "bob" {
			text += fmt.Sprintf("keys = [%q]\n", public)
		}
	}
	f.must(os.WriteFile(filepath.Join(f.dir, "leakgate", "remediate.toml"), []byte(text), 0o600))
	token := f.PAT("ann")
	f.env = append(gittest.Environment(), keyVariable+"="+strings.Repeat("0123456789abcdef", 4), "XDG_CONFIG_HOME="+f.dir, "XDG_STATE_HOME="+filepath.Join(f.dir, "state"), "XDG_CACHE_HOME="+filepath.Join(f.dir, "cache"),
		"USER=ann", "GITHUB_TOKEN="+token, tokenVariable+"="+token, "ISSUERS="+filepath.Join(f.dir, "issuers"))
}

// owned is the operator's pattern: a port that is not the usual one is part of a name.
func (f *forge) owned() string { return strings.TrimPrefix(f.URL, "http://") + "/acme/*" }

// start prepares the command by a name that TestMain knows.
func (f *forge) start(name, stdin string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Args[0], c.Env, c.Dir, c.Stdin = name, f.env, f.local.Dir, strings.NewReader(stdin)
	return c
}

// run runs the command to its end, holds its exit code, and gives all that it printed.
func (f *forge) run(code int, args ...string) string {
	f.t.Helper()
	return f.runAs("leakgate", code, args...)
}

func (f *forge) runAs(name string, code int, args ...string) string {
	f.t.Helper()
	stdin := ""
	for _, arg := range args {
		if arg == "--stdin" {
			stdin = f.value + "\n"
		}
	}
	out, err := f.start(name, stdin, args...).CombinedOutput()
	f.said.Write(out)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		f.must(err)
	}
	if got != code {
		f.t.Fatalf("leakgate %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, f.hide(string(out)))
	}
	return string(out)
}

func (f *forge) hide(text string) string { return strings.ReplaceAll(text, f.value, "VALUE") }

// says fails unless a text holds all of these.
func (f *forge) says(text string, all ...string) {
	f.t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			f.t.Errorf("it does not say %q:\n%s", want, f.hide(text))
		}
	}
}

func (f *forge) find(pattern, text string) string {
	f.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		f.t.Fatalf("it does not say %s:\n%s", pattern, f.hide(text))
	}
	return m[1]
}

// plan plans, with a reason instead of a proof where the credential was not revoked.
func (f *forge) plan(args ...string) {
	f.t.Helper()
	out := f.run(exitBlocked, append([]string{"rewrite", "plan", "--remote", f.CloneURL(f.repo), "--stdin"}, args...)...)
	f.digest = f.find(`rewrite apply ([0-9a-f]{64})`, out)
}

// propose plans with an override and opens the pull request.
func (f *forge) propose() *github.PullRequest {
	f.t.Helper()
	f.plan("--override", "it is over", "--manifest", filepath.Join(f.dir, "manifest.json"))
	f.run(exitClean, "rewrite", "propose", f.digest, "--stdin")
	return f.pull()
}

// pull is the pull request that asks for the plan.
func (f *forge) pull() *github.PullRequest {
	f.t.Helper()
	pulls, _, err := f.ann.PullRequests.List(f.t.Context(), "acme", "app", &github.PullRequestListOptions{State: "all", Head: "acme:leakgate/rewrite-" + f.digest[:16]})
	f.must(err)
	if len(pulls) != 1 {
		f.t.Fatalf("%d pull requests ask for it", len(pulls))
	}
	return pulls[0]
}

func (f *forge) review(login, event string, number int) *github.PullRequestReview {
	f.t.Helper()
	r, _, err := f.client(login).PullRequests.CreateReview(f.t.Context(), "acme", "app", number, &github.PullRequestReviewRequest{Event: &event, Body: github.Ptr("as it says")})
	f.must(err)
	return r
}

// refs are those of the repository.
func (f *forge) refs() string {
	out, err := f.repo.Git.Git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
	f.must(err)
	return out
}

// clean looks for the value in all that a fresh clone brings.
func (f *forge) clean() {
	f.t.Helper()
	fresh := gittest.New(f.t)
	fresh.Git("remote", "add", "origin", f.remote("bob"))
	fresh.Git("fetch", "-q", "origin", "refs/heads/*:refs/remotes/origin/*", "refs/tags/*:refs/tags/*")
	fresh.Git("fsck", "--strict")
	for line := range strings.Lines(fresh.Git("cat-file", "--batch-all-objects", "--batch-check")) {
		id, _, _ := strings.Cut(line, " ")
		if strings.Contains(fresh.Git("cat-file", "-p", id), f.value) {
			f.t.Errorf("a fresh clone holds the value in %s", id)
		}
	}
}

// hides searches all that was sent to GitHub and printed, and all that is kept.
func (f *forge) hides() {
	f.t.Helper()
	places := map[string]string{"a request to GitHub": f.heard.String(), "the output": f.said.String()}
	f.must(filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		places[path] = string(text)
		return err
	}))
	for place, text := range places {
		for _, form := range secret.Forms(secret.New(f.value)) {
			if strings.Contains(text, form) {
				f.t.Errorf("%s holds the value", place)
			}
		}
	}
}

// The whole way: a token leaks and is pushed, is found, revoked, a pull request asks for
// the rewrite, a review approves it, it is applied, a fresh clone is clean, who comes
// from before is turned away, and the incident is told.
func TestALeakIsTakenOutOfAGitHub(t *testing.T) {
	t.Parallel()
	for _, o := range []ghfake.Options{{}, {Enterprise: true}} {
		t.Run(map[bool]string{false: "github.com", true: "enterprise"}[o.Enterprise], func(t *testing.T) {
			if t.Parallel(); o.Enterprise {
				slow(t)
			}
			newForge(t, o).wholeWay()
		})
	}
}

func (f *forge) wholeWay() {
	t, ctx := f.t, f.t.Context()
	stale := gittest.New(t)
	stale.Git("pull", "-q", f.remote("bob"), "main")

	// A pull request of bob's, one from a fork, and a file that does not concern anybody.
	f.local.Git("checkout", "-qb", "feature/`id`;x", "main")
	f.local.File("feature.conf", "c\n")
	f.local.Git("push", "-q", "origin", "HEAD")
	mine := f.open("bob", "feature/`id`;x")
	fork, err := f.Fork(f.repo, "dan")
	f.must(err)
	f.Collaborator(fork, "ann", "read")
	f.local.Git("checkout", "-qb", "theirs", "main")
	f.local.File("theirs.conf", "d\n")
	f.local.Git("push", "-q", strings.Replace(f.CloneURL(fork), "//", "//x-access-token:"+f.PAT("dan")+"@", 1), "theirs")
	theirs := f.open("dan", "dan:theirs")
	f.local.Git("checkout", "-q", "main")

	// Found, and revoked.
	f.local.Git("remote", "set-url", "origin", f.CloneURL(f.repo))
	f.id = f.find(`(LG-[A-Z2-7]+)`, f.run(exitBlocked, "scan", "--format", "json"))
	revocation := f.find(`remediate apply ([0-9a-f]{64})`, f.runAs("faked", exitClean, "remediate", "plan"))
	f.says(f.runAs("faked", exitClean, "remediate", "apply", revocation), "dead ")

	// A pull request, once.
	manifest := filepath.Join(f.dir, "manifest.json")
	f.plan("--credential", f.id, "--manifest", manifest)
	out := f.run(exitClean, "rewrite", "propose", f.digest, "--stdin")
	f.says(out, "Pull request ", "asked: bob", "asked: carl", "asked: gus")
	pull := f.pull()
	f.says(pull.GetBody(), "Merging this rewrites nothing", f.digest, f.id[3:], "3 of ")
	f.run(exitClean, "rewrite", "propose", f.digest, "--stdin", "-vv")
	if again := f.pull(); again.GetNumber() != pull.GetNumber() || f.Calls("pulls/create") != 3 {
		t.Errorf("a second pull request was opened: %d", again.GetNumber())
	}

	f.branchHides(pull.GetHead().GetSHA())

	// Elsewhere the same ids come out, and the pull request shows it.
	f.elsewhere(func() {
		f.says(f.run(exitClean, "rewrite", "reproduce", manifest, "--remote", f.CloneURL(f.repo), "--stdin", "--check"), "come out")
	})
	if state, _, err := f.ann.Repositories.GetCombinedStatus(ctx, "acme", "app", pull.GetHead().GetSHA(), nil); err != nil || state.GetState() != "success" {
		t.Errorf("the status is %v, %v", state, err)
	}

	// Nothing moves without a review of who may.
	before := f.refs()
	f.says(f.run(exitUndecided, "rewrite", "apply", f.digest, "--stdin"), "0 of 1 approvals")
	f.says(f.run(exitUndecided, "rewrite", "approve", f.digest, "--from-reviews"), "no review approves")
	f.review("eve", "APPROVE", pull.GetNumber())
	f.says(f.run(exitUndecided, "rewrite", "approve", f.digest, "--from-reviews"), "may not write", "no review approves")
	f.review("bob", "APPROVE", pull.GetNumber())
	f.says(f.run(exitClean, "rewrite", "approve", f.digest, "--from-reviews"), "bob approves plan")
	if f.refs() != before {
		t.Error("something moved")
	}
	f.says(f.run(exitClean, "rewrite", "apply", f.digest, "--stdin", "-vv"), "4 refs moved")
	f.clean()
	out = f.run(exitBlocked, "rewrite", "verify", f.digest, "--stdin", "-vv")
	f.says(out, fmt.Sprintf("refs/pull/%d/head", theirs))
	f.says(f.run(exitUndecided, "rewrite", "verify", f.digest, "--stdin", "--accept-remaining", "the fork is told", "--actor", "bob"), "0 of 1 approvers signed it")
	f.run(exitClean, "rewrite", "approve", f.digest, "--remains", f.find(`--remains ([0-9a-f]{64})`, out), "--actor", "bob", "--key", filepath.Join(f.dir, "approver"))
	f.run(exitClean, "rewrite", "verify", f.digest, "--stdin", "--accept-remaining", "the fork is told")

	// Those whom it concerns are told, once.
	ticket := filepath.Join(f.dir, "ticket")
	f.Fail(ghfake.Fault{Operation: "issues/create-comment", Lose: true, After: true})
	f.says(f.run(exitUndecided, "rewrite", "tell", f.digest), "run it again")
	out = f.run(exitClean, "rewrite", "tell", f.digest, "--ticket", ticket)
	f.says(out, "Pull requests that were told: 2", "dan/app", "artifacts of workflows: 0")
	text, err := os.ReadFile(ticket)
	f.must(err)
	f.says(string(text), "acme/app", "First Changed Commit(s):\n  "+f.local.Git("rev-parse", "v1^{commit}"), fmt.Sprintf("refs/pull/%d/head", theirs), "Number of affected pull requests: 1", "LFS objects orphaned: 0")
	f.says(f.comment(mine), "git rebase --onto ", `'feature/`+"`id`"+`;x'`)
	f.says(f.comment(theirs), "in a fork", "--force-with-lease")
	f.run(exitClean, "rewrite", "tell", f.digest)
	f.comment(mine)

	f.mergesAndGuards(stale, pull.GetNumber())
	f.says(f.run(exitClean, "remediate", "report", "INC-"+f.id[3:]), "purged")
	f.run(exitClean, "audit", "verify")
	f.says(f.run(exitClean, "audit", "export"), "rewrite told", "approved review", "rewrite pushed")
	f.hides()
}

// branchHides searches what the branch of the proposal brings.
func (f *forge) branchHides(head string) {
	f.t.Helper()
	objects, err := f.repo.Git.Git("rev-list", "--objects", head, "^main")
	f.must(err)
	for line := range strings.Lines(objects) {
		id, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := f.repo.Git.Git("cat-file", "-p", id)
		f.must(err)
		for _, form := range secret.Forms(secret.New(f.value)) {
			if strings.Contains(text, form) {
				f.t.Errorf("the branch of the proposal holds the value in %s", id)
			}
		}
	}
}

// open opens a pull request as somebody, and gives its number.
func (f *forge) open(login, head string) int {
	f.t.Helper()
	p, _, err := f.client(login).PullRequests.Create(f.t.Context(), "acme", "app", &github.NewPullRequest{Title: github.Ptr("work"), Head: &head, Base: github.Ptr("main")})
	f.must(err)
	return p.GetNumber()
}

// comment is the only one on a pull request.
func (f *forge) comment(number int) string {
	f.t.Helper()
	all, _, err := f.ann.Issues.ListComments(f.t.Context(), "acme", "app", number, nil)
	f.must(err)
	if len(all) != 1 {
		f.t.Fatalf("pull request %d has %d comments", number, len(all))
	}
	return all[0].GetBody()
}

// elsewhere runs with a state, a configuration and a key of another machine.
func (f *forge) elsewhere(do func()) {
	f.t.Helper()
	env, other := f.env, f.t.TempDir()
	f.env = append(f.env, keyVariable+"="+strings.Repeat("fedcba9876543210", 4), "XDG_STATE_HOME="+other, "XDG_CONFIG_HOME="+other)
	f.env = append(f.env, "GITHUB_API_URL="+f.API)
	f.must(os.MkdirAll(filepath.Join(other, "leakgate"), 0o700))
	f.must(os.WriteFile(filepath.Join(other, "leakgate", "remediate.toml"), fmt.Appendf(nil, "owned = [%q]\n[rewrite]\ngithub = %q\n", f.owned(), f.API), 0o600))
	do()
	f.env = env
}

// mergesAndGuards merges the proposal; then who comes from before is turned away: by git,
// by the guard, and by a ruleset that wants the guard's check.
func (f *forge) mergesAndGuards(stale *gittest.Repo, number int) {
	t, ctx := f.t, f.t.Context()
	_, _, err := f.ann.PullRequests.Merge(ctx, "acme", "app", number, "", nil)
	f.must(err)
	_, _, err = f.ann.Repositories.CreateRuleset(ctx, "acme", "app", github.RepositoryRuleset{
		Name: "guard", Target: github.Ptr(github.RulesetTargetBranch), Enforcement: "active",
		Conditions: &github.RepositoryRulesetConditions{RefName: &github.RepositoryRulesetRefConditionParameters{Include: []string{"~DEFAULT_BRANCH"}, Exclude: []string{}}},
		Rules: &github.RepositoryRulesetRules{NonFastForward: &github.EmptyRuleParameters{}, RequiredStatusChecks: &github.RequiredStatusChecksRuleParameters{
			RequiredStatusChecks: []*github.RuleStatusCheck{{Context: "leakgate-guard"}}, StrictRequiredStatusChecksPolicy: false}},
	})
	f.must(err)
	stale.File("late.conf", "on top of the old history\n")
	for _, force := range []string{"", "+"} {
		if stale.Try("push", "-q", f.remote("bob"), force+"HEAD:refs/heads/main") {
			t.Error("a stale clone's push was taken")
		}
	}
	stale.Git("push", "-q", f.remote("bob"), "HEAD:refs/heads/late")
	late := f.open("bob", "late")
	stale.Git("fetch", "-q", f.remote("bob"), "main:refs/remotes/origin/main")
	f.env = append(f.env, "GIT_DIR="+filepath.Join(stale.Dir, ".git"))
	f.says(f.run(exitBlocked, "rewrite", "guard", "--base", "origin/main", "HEAD"), "of the history that was rewritten", "Clone again")
	f.env = f.env[:len(f.env)-1]
	head := stale.Git("rev-parse", "HEAD")
	_, _, err = f.ann.Repositories.CreateStatus(ctx, "acme", "app", head, github.RepoStatus{State: github.Ptr("failure"), Context: github.Ptr("leakgate-guard")})
	f.must(err)
	if _, res, err := f.ann.PullRequests.Merge(ctx, "acme", "app", late, "", nil); err == nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("the old history was merged: %v", err)
	}
}

// closed puts a ruleset on all branches that lets nobody force a push but bob.
func (f *forge) closed(bypass ...*github.BypassActor) {
	f.t.Helper()
	_, _, err := f.ann.Repositories.CreateRuleset(f.t.Context(), "acme", "app", github.RepositoryRuleset{
		Name: "closed", Target: github.Ptr(github.RulesetTargetBranch), Enforcement: "active", BypassActors: bypass,
		Conditions: &github.RepositoryRulesetConditions{RefName: &github.RepositoryRulesetRefConditionParameters{Include: []string{"refs/heads/main"}, Exclude: []string{}}},
		Rules:      &github.RepositoryRulesetRules{NonFastForward: &github.EmptyRuleParameters{}, Deletion: &github.EmptyRuleParameters{}},
	})
	f.must(err)
}

// rulesets are those of the repository, as text.
func (f *forge) rulesets() string {
	var out []any
	for _, s := range f.Rulesets(f.repo) {
		out = append(out, map[string]any{"id": s.ID, "body": s.Body})
	}
	text, err := json.Marshal(out)
	f.must(err)
	return string(text)
}

// approved has a plan that a review approves.
func (f *forge) approved() {
	f.t.Helper()
	pull := f.propose()
	f.review("bob", "APPROVE", pull.GetNumber())
	f.run(exitClean, "rewrite", "approve", f.digest, "--from-reviews")
}

func (f *forge) actor(kind github.BypassActorType, id int64) *github.BypassActor {
	return &github.BypassActor{ActorID: &id, ActorType: &kind, BypassMode: github.Ptr(github.BypassModeAlways)}
}

func (f *forge) await(is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatal("it does not come to pass")
		}
	}
}

// slow is for what the part rewrite of test/e2e runs.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("the part rewrite of test/e2e runs this")
	}
}
