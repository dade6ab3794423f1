package main

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gittest"
)

// newHouse is a remote of SHA-256 ids behind git's own http-backend, whose hook is the guard
// once it has bans, and an operator who owns it.
func newHouse(t *testing.T) (f *forge, remote, address string) {
	t.Helper()
	f = &forge{t: t, dir: t.TempDir(), value: gittest.Token(), local: gittest.New(t, "--object-format=sha256")}
	remote = filepath.Join(f.dir, "acme", "app.git")
	f.local.Git("init", "-q", "--bare", "-b", "main", "--object-format=sha256", remote)
	f.local.File("clean.conf", "a\n")
	f.local.Git("branch", "untouched")
	f.local.File("run.sh", "API_KEY='"+f.value+"'\n")
	f.local.Git("tag", "-am", "version one", "v1")
	f.local.File("more.conf", "b\n")
	bin := filepath.Join(f.dir, "bin")
	f.must(os.MkdirAll(bin, 0o700))
	self, err := filepath.Abs(os.Args[0])
	f.must(err)
	f.must(os.Symlink(self, filepath.Join(bin, "leakgate")))
	where, err := exec.Command("git", "--exec-path").Output()
	f.must(err)
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + f.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester", "PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + f.dir},
	})
	t.Cleanup(server.Close)
	address = server.URL + "/acme/app.git"
	f.local.Git("remote", "add", "origin", address)
	f.local.Git("push", "-q", "origin", "main", "untouched", "v1", "main:refs/pull/7/head")
	opener, err := age.GenerateX25519Identity()
	f.must(err)
	_, public := approver(t, f.dir)
	for path, text := range map[string]string{
		"identity": opener.String() + "\n",
		"leakgate/remediate.toml": fmt.Sprintf("owned = [%q]\n[rewrite]\nrecipients = [%q]\n[[approvers]]\nname = \"bob\"\nkeys = [%q]\n",
			strings.TrimPrefix(server.URL, "http://")+"/acme/*", opener.Recipient(), public),
	} {
		path = filepath.Join(f.dir, path)
		f.must(os.MkdirAll(filepath.Dir(path), 0o700))
		f.must(os.WriteFile(path, []byte(text), 0o600))
	}
	f.env = append(gittest.Environment(), keyVariable+"="+strings.Repeat("0123456789abcdef", 4), "XDG_CONFIG_HOME="+f.dir, "XDG_STATE_HOME="+filepath.Join(f.dir, "state"),
		"XDG_CACHE_HOME="+filepath.Join(f.dir, "cache"), "USER=ann", "GITHUB_TOKEN="+f.value)
	return f, remote, address
}

// Plan, proposal, approval, apply, verify, guard and rollback, each by the command.
func TestARemoteOfSHA256GoesTheWholeWay(t *testing.T) {
	t.Parallel()
	f, remote, address := newHouse(t)
	at := func(args ...string) string {
		return strings.TrimSpace(f.local.Git(append([]string{"-C", remote}, args...)...))
	}
	before, stays := at("for-each-ref"), at("rev-parse", "untouched")
	manifest := filepath.Join(f.dir, "manifest.json")
	plan := f.run(exitBlocked, "rewrite", "plan", "--remote", address, "--stdin", "--override", "it is over", "--manifest", manifest)
	f.digest = f.find(`rewrite apply ([0-9a-f]{64})`, plan)
	f.says(plan, "2 commits would change", "Refs that move: 2 of 4", "refs/pull/7/head")

	// No GitHub has such a repository, whatever the operator's file says.
	hub := []string{"--github", "http://127.0.0.1:1"}
	for _, verb := range [][]string{{"propose", f.digest, "--stdin"}, {"apply", f.digest, "--stdin"}, {"approve", f.digest, "--from-reviews"}, {"tell", f.digest}, {"rollback", f.digest, "--identity", filepath.Join(f.dir, "identity")}} {
		f.says(f.run(exitUndecided, append(append([]string{"rewrite"}, verb...), hub...)...), "SHA-256, which GitHub has no repositories of", "--github none")
	}
	f.says(f.run(exitUndecided, "rewrite", "reproduce", manifest, "--remote", address, "--stdin", "--check", "--github", "http://127.0.0.1:1"), "SHA-256, which GitHub has no repositories of")
	if at("for-each-ref") != before {
		t.Fatal("the remote changed")
	}

	f.says(f.run(exitClean, "rewrite", "reproduce", manifest, "--remote", address, "--stdin"), "come out")
	f.says(f.run(exitClean, "rewrite", "propose", f.digest, "--stdin"), "To be set where it runs: API_KEY")
	branch := "leakgate/rewrite-" + f.digest[:16]
	f.says(at("show", branch+":run.sh"), `"${API_KEY:?}"`)
	key := filepath.Join(f.dir, "approver")
	f.run(exitClean, "rewrite", "approve", f.digest, "--actor", "bob", "--key", key)
	f.says(f.run(exitClean, "rewrite", "apply", f.digest, "--stdin"), "3 refs moved")
	if at("rev-parse", "untouched") != stays {
		t.Error("a branch without the value moved")
	}
	out := f.run(exitBlocked, "rewrite", "verify", f.digest, "--stdin")
	f.says(out, "refs/pull/7/head")
	f.run(exitClean, "rewrite", "approve", f.digest, "--actor", "bob", "--key", key, "--remains", f.find(`--remains ([0-9a-f]{64})`, out))
	f.says(f.run(exitClean, "rewrite", "verify", f.digest, "--stdin", "--accept-remaining", "they know"), "signed by bob")
	fresh := filepath.Join(f.dir, "fresh")
	f.local.Git("clone", "-q", address, fresh)
	f.local.Git("-C", fresh, "fsck", "--strict")
	if found := f.local.Try("-C", fresh, "grep", "-q", f.value, "origin/main", "origin/"+branch, "v1"); found {
		t.Error("a fresh clone has the value")
	}

	// The proposal is merged, and the guard is the hook of the server.
	f.local.Git("-C", fresh, "checkout", "-q", "main")
	f.local.Git("-C", fresh, "merge", "-q", "--no-edit", "origin/"+branch)
	f.local.Git("-C", fresh, "push", "-q", "origin", "main")
	f.must(os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte("#!/bin/sh\nexec leakgate rewrite guard --pre-receive\n"), 0o700)) //nolint:gosec // a hook is run
	f.local.File("work.conf", "c\n")
	if f.local.Try("push", "-q", "origin", "HEAD:refs/heads/stale") {
		t.Error("a clone from before brings the old history back")
	}
	f.local.Git("-C", fresh, "commit", "-q", "--allow-empty", "-m", "go on")
	f.local.Git("-C", fresh, "push", "-q", "origin", "HEAD:refs/heads/work")

	// Back, once what was put on top is gone.
	f.must(os.Remove(filepath.Join(remote, "hooks", "pre-receive")))
	f.local.Git("-C", remote, "update-ref", "refs/heads/main", f.find(`refs/heads/main [0-9a-f]{64} → ([0-9a-f]{64})`, plan))
	f.run(exitClean, "rewrite", "approve", f.digest, "--undo", "--actor", "bob", "--key", key)
	f.says(f.run(exitClean, "rewrite", "rollback", f.digest, "--identity", filepath.Join(f.dir, "identity")), "as it was before")
	at("update-ref", "-d", "refs/heads/work")
	at("update-ref", "-d", "refs/heads/"+branch)
	if now := at("for-each-ref"); now != before {
		t.Errorf("the refs were\n%s\nand are\n%s", before, now)
	}
	if strings.Contains(f.said.String(), f.value) {
		t.Error("the value was printed")
	}
}
