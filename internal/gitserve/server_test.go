package gitserve

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// serve starts a server with one repository that holds one commit, and clones it.
func serve(t *testing.T, o Options, settings ...string) (*Repo, *gittest.Repo, string) {
	t.Helper()
	local := gittest.New(t)
	o.Root = t.TempDir()
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	repo, err := server.Init("ada/app", settings...)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	local.File("a.txt", "one\n")
	local.Git("push", "-q", repo.Dir, "main")
	return repo, local, strings.Replace(web.URL, "//", "//ada:word@", 1) + "/ada/app"
}

// push runs git push and returns what it says, and whether it succeeded.
func push(local *gittest.Repo, args ...string) (string, bool) {
	cmd := exec.Command("git", append([]string{"push"}, args...)...)
	cmd.Dir, cmd.Env = local.Dir, gittest.Environment()
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func must(t *testing.T) func(string, error) string {
	return func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestClonePushAndTell(t *testing.T) {
	var mu sync.Mutex
	var told []Push
	repo, local, url := serve(t, Options{
		Allow: func(r *http.Request, repo string, write bool) (string, int) {
			if user, word, _ := r.BasicAuth(); word == "word" {
				return user, 0
			}
			return "", http.StatusUnauthorized
		},
		Received: func(p Push) { mu.Lock(); defer mu.Unlock(); told = append(told, p) },
	})
	before := local.Git("rev-parse", "HEAD")
	after := local.File("b.txt", "two\n")
	if out, ok := push(local, url, "main", "main:refs/tags/v1"); !ok {
		t.Fatal(out)
	}
	if got := must(t)(repo.Git("rev-parse", "main")); got != after {
		t.Errorf("main is %s, not %s", got, after)
	}
	want := Push{Repo: "ada/app", User: "ada", Changes: []Change{
		{Ref: "refs/heads/main", Old: before, New: after},
		{Ref: "refs/tags/v1", Old: strings.Repeat("0", 40), New: after},
	}}
	if len(told) != 1 || told[0].User != want.User || told[0].Repo != want.Repo || !slices.Equal(told[0].Changes, want.Changes) {
		t.Errorf("told %+v, not %+v", told, want)
	}
	if out, ok := push(local, strings.Replace(url, "word", "wrong", 1), "main"); ok || !strings.Contains(out, "Authentication failed") && !strings.Contains(out, "could not read") {
		t.Errorf("a wrong password: %v %s", ok, out)
	}
}

// More than http.postBuffer goes over the wire in chunks.
func TestLargePush(t *testing.T) {
	repo, local, url := serve(t, Options{})
	want := local.File("big.txt", gittest.Letters(3<<20))
	if out, ok := push(local, url+".git", "main"); !ok {
		t.Fatal(out)
	}
	if got := must(t)(repo.Git("rev-parse", "main")); got != want {
		t.Errorf("main is %s, not %s", got, want)
	}
}

func TestDeclinedRefLeavesTheOthersUnlessAtomic(t *testing.T) {
	repo, local, url := serve(t, Options{Update: func(p Push, c Change) error {
		if c.Ref == "refs/heads/main" {
			return errors.New("main is closed to " + p.User)
		}
		return nil
	}})
	before := must(t)(repo.Git("rev-parse", "main"))
	local.File("b.txt", "two\n")
	out, ok := push(local, "--atomic", url, "main", "main:side")
	if ok || !strings.Contains(out, "remote: main is closed to anyone") || !strings.Contains(out, "[remote rejected] main -> main (hook declined)") {
		t.Errorf("atomic: %v %s", ok, out)
	}
	if _, err := repo.Git("rev-parse", "--verify", "-q", "side"); err == nil {
		t.Error("side was made by an atomic push that was declined")
	}
	push(local, url, "main", "main:side")
	must(t)(repo.Git("rev-parse", "--verify", "-q", "side"))
	if got := must(t)(repo.Git("rev-parse", "main")); got != before {
		t.Error("main moved")
	}
}

func TestOwnHookDenies(t *testing.T) {
	repo, local, url := serve(t, Options{})
	if err := repo.Hook("pre-receive", "#!/bin/sh\nread -r old new ref\necho \"no $ref today\" >&2\nexit 1\n"); err != nil {
		t.Fatal(err)
	}
	local.File("b.txt", "two\n")
	if out, ok := push(local, url, "main"); ok || !strings.Contains(out, "no refs/heads/main today") || !strings.Contains(out, "pre-receive hook declined") {
		t.Errorf("%v %s", ok, out)
	}
}

// Somebody else's push lands after the leases were compared with what was advertised.
func TestPushLosesARace(t *testing.T) {
	var repo *Repo
	var theirs string
	repo, local, url := serve(t, Options{Before: func(_ string, stage Stage) {
		if stage == Receive {
			tree, _ := repo.Git("rev-parse", "main^{tree}")
			theirs, _ = repo.Git("commit-tree", "-p", "main", "-m", "theirs", tree)
			_, _ = repo.Git("update-ref", "refs/heads/main", theirs)
		}
	}})
	old := local.Git("rev-parse", "HEAD")
	local.Git("commit", "-q", "--amend", "-m", "rewritten")
	out, ok := push(local, "--atomic", "--force-with-lease=refs/heads/main:"+old, url, "main:refs/heads/main", "main:refs/heads/side")
	if ok || theirs == "" {
		t.Errorf("%v %q %s", ok, theirs, out)
	}
	if got := must(t)(repo.Git("for-each-ref", "--format=%(refname) %(objectname)")); got != "refs/heads/main "+theirs {
		t.Errorf("refs are %s, want main at %s alone", got, theirs)
	}
}

func TestAtomicCanBeTakenAway(t *testing.T) {
	_, local, url := serve(t, Options{}, "receive.advertiseAtomic=false")
	local.File("b.txt", "two\n")
	if out, ok := push(local, "--atomic", url, "main"); ok || !strings.Contains(out, "does not support --atomic") {
		t.Errorf("%v %s", ok, out)
	}
	if out, ok := push(local, url, "main"); !ok {
		t.Error(out)
	}
}

func TestPullRequestRefsAreReadOnly(t *testing.T) {
	repo, local, url := serve(t, Options{})
	must(t)(repo.Git("update-ref", "refs/pull/1/head", "main"))
	if out := local.Git("ls-remote", url, "refs/pull/1/head"); !strings.HasSuffix(out, "refs/pull/1/head") {
		t.Errorf("ls-remote says %q", out)
	}
	local.File("b.txt", "two\n")
	if out, ok := push(local, "--force", url, "main:refs/pull/1/head"); ok || !strings.Contains(out, "deny updating a hidden ref") {
		t.Errorf("%v %s", ok, out)
	}
}

func TestPartialCloneAndUnknownPaths(t *testing.T) {
	_, local, url := serve(t, Options{})
	dir := t.TempDir()
	local.Git("clone", "-q", "--bare", "--filter=blob:none", url, dir)
	if missing := local.Git("-C", dir, "rev-list", "--objects", "--missing=print", "main"); !strings.Contains(missing, "?") {
		t.Errorf("nothing is missing in a clone without blobs: %s", missing)
	}
	if local.Try("ls-remote", url+"x") {
		t.Error("an unknown repository was listed")
	}
	for _, path := range []string{"/../../etc/passwd/info/refs", "/ada/app.git/HEAD", "/ada/../info/refs", "/.hooks/x/info/refs", "/../x/info/refs"} {
		if Serves(&http.Request{URL: mustParse(t, path)}) {
			t.Errorf("%s is served", path)
		}
	}
}

func TestNamesWithDots(t *testing.T) {
	local := gittest.New(t)
	server, err := New(Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	local.File("a.txt", "one\n")
	for _, name := range []string{"acme/.github", "acme/a.git.b", "a.b/c-d_e"} {
		if _, err := server.Init(name); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", ".git"} {
			if out, ok := push(local, web.URL+"/"+name+suffix, "main"); !ok {
				t.Error(out)
			}
		}
	}
	for _, name := range []string{"acme", "acme/..", "../acme", "acme/a b", ".acme/x", ""} {
		if _, err := server.Init(name); err == nil {
			t.Errorf("%q is made", name)
		}
	}
}

func mustParse(t *testing.T, path string) *url.URL {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
