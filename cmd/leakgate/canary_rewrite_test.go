package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gittest"
)

// TestNoRewriteShowsAValue drives every verb of rewrite, in success and failure,
// and searches all that is printed and reported. Backups hold values by design and
// are not searched: they say so.
func TestNoRewriteShowsAValue(t *testing.T) {
	c := newCanary(t)
	r := gittest.New(t)
	r.File("README", "fine\n")
	value := c.token("a leak")
	r.File("deploy.conf", "token = \""+value+"\"\n")
	r.Commit("Use " + value)
	text, report, saved := filepath.Join(t.TempDir(), "text"), t.TempDir(), t.TempDir()
	write := func(line string) {
		if err := os.WriteFile(text, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.settle(r.Dir)
	c.settle(saved)
	searched := []string{report}

	write("regex:(" + value + "==>x\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	write(value + "==>prefix-" + value + "\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	write("regex:" + value + "(x*)==>$1\n")
	c.run(searched, "", exitUsage, "rewrite", "plan", r.Dir, "--replace-text", text)
	r.Git("tag", "v-"+value)
	c.run(searched, value+"\n", exitUsage, "rewrite", "plan", r.Dir, "--stdin")
	r.Git("tag", "-d", "v-"+value)
	write(value + "\n")
	c.run(searched, "", exitBlocked, "rewrite", "plan", r.Dir, "--replace-text", text, "--report", report)
	c.run(searched, value+"\n", exitUndecided, "rewrite", "local", r.Dir, "--stdin", "--backup", filepath.Join(r.Dir, "README"))
	c.once(t.Context(), searched, "", exitClean, "rewrite", "local", r.Dir, "--replace-text", text, "--report", report, "-vv",
		"--backup", filepath.Join(saved, "before.git"), "--bundle", filepath.Join(saved, "before.bundle"))
	c.run(searched, value+"\n", exitBlocked, "rewrite", "verify", r.Dir, "--stdin")
	c.once(t.Context(), searched, "", exitClean, "rewrite", "clean", r.Dir, "--yes")
	c.run(searched, value+"\n", exitClean, "rewrite", "verify", r.Dir, "--stdin")
	if strings.Contains(r.Git("log", "-p", "--all"), value) {
		t.Error("history still holds the value")
	}
}

// TestNoRewriteOfARemoteShowsAValue drives the verbs on a remote; what is kept in
// the state, the sealed bundle too, is searched.
func TestNoRewriteOfARemoteShowsAValue(t *testing.T) {
	c := newCanary(t)
	r := gittest.New(t)
	r.File("README", "fine\n")
	r.Commit("fine")
	value := c.token("a leak")
	r.File("deploy.conf", "token = \""+value+"\"\n")
	r.Commit("Use " + value)
	head := strings.TrimSpace(r.Git("rev-parse", "HEAD"))
	dir, manifest := t.TempDir(), filepath.Join(t.TempDir(), "manifest.json")
	remote := filepath.Join(dir, "remote.git")
	r.Git("clone", "-q", "--bare", r.Dir, remote)
	operator, key, identity := c.purging(dir, remote)
	by := func(who string, args ...string) []string {
		return append(append([]string{"rewrite"}, args...), "--operator", operator, "--actor", who)
	}
	stdin, searched := value+"\n", []string{filepath.Dir(manifest)}
	c.run(searched, stdin, exitUndecided, by("ann", "plan", "--remote", "https://user:"+c.letters("a password")+"@127.0.0.1:1/x.git", "--stdin")...)
	digest := c.told(`rewrite apply ([0-9a-f]{64})`, stdin, exitBlocked, by("ann", "plan", "--remote", remote, "--stdin", "--override", "it is over", "--manifest", manifest)...)
	c.run(searched, stdin, exitUndecided, by("ann", "apply", digest, "--stdin")...)
	c.run(searched, stdin, exitClean, by("ann", "propose", digest, "--stdin")...)
	c.run(searched, "", exitClean, by("bob", "approve", digest)...)
	c.run(searched, "", exitClean, by("bob", "approve", digest, "--key", key)...)
	c.run(searched, "", exitClean, by("bob", "approve", digest, "--key", key, "--undo")...)
	c.run(searched, c.letters("another value")+"\n", exitUndecided, by("ann", "apply", digest, "--stdin")...)
	c.run(searched, stdin, exitClean, by("ann", "apply", digest, "--stdin")...)
	c.run(searched, stdin, exitClean, by("ann", "verify", digest, "--stdin")...)
	if out, err := exec.CommandContext(t.Context(), "git", "-C", remote, "update-ref", "refs/pull/9/head", head).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.run(searched, stdin, exitUndecided, by("ann", "verify", digest, "--stdin", "--accept-remaining", "they know")...)
	left := c.told(`--remains ([0-9a-f]{64})`, stdin, exitBlocked, by("ann", "verify", digest, "--stdin")...)
	c.run(searched, "", exitClean, by("bob", "approve", digest, "--remains", left)...)
	c.run(searched, "", exitClean, by("bob", "approve", digest, "--key", key, "--remains", left)...)
	c.run(searched, stdin, exitClean, by("ann", "verify", digest, "--stdin", "--accept-remaining", "they know")...)
	c.run(searched, "", exitUndecided, by("ann", "settle", digest)...)
	c.run(searched, stdin, anyCode, "rewrite", "reproduce", manifest, "--remote", remote, "--stdin")
	c.run(searched, "", anyCode, by("ann", "recover", digest)...)
	c.run(searched, "", anyCode, by("ann", "tell", digest)...)
	c.env["GIT_DIR"] = filepath.Join(r.Dir, ".git")
	c.run(searched, "", exitBlocked, "rewrite", "guard", "--manifest", manifest, head)
	c.run(searched, strings.Repeat("0", 40)+" "+head+" refs/heads/x\n", exitUsage, "rewrite", "guard", "--pre-receive", "--manifest", dir)
	delete(c.env, "GIT_DIR")
	c.run(searched, "", exitUsage, by("ann", "rollback", digest, "--identity", key)...)
	c.run(searched, "", exitClean, by("ann", "rollback", digest, "--identity", identity)...)
	c.run(searched, "", exitUndecided, by("ann", "destroy", digest, "--now")...)
	c.run(searched, "", exitClean, by("bob", "approve", digest, "--key", key, "--destroy")...)
	c.run(searched, "", exitClean, by("ann", "destroy", digest, "--now")...)
}

// purging writes what the operator says of rewrites of one remote.
func (c *canary) purging(dir, remote string) (operator, key, identity string) {
	key, public := approver(c.t, dir)
	opener, err := age.GenerateX25519Identity()
	if err != nil {
		c.t.Fatal(err)
	}
	operator, identity = filepath.Join(dir, "operator.toml"), filepath.Join(dir, "identity")
	for path, text := range map[string]string{
		operator: fmt.Sprintf("owned = [%q]\napprovers = [{name = \"bob\", keys = [%q]}]\nrewrite = {recipients = [%q]}\n", remote, public, opener.Recipient()),
		identity: opener.String() + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return operator, key, identity
}

// told runs a command line and gives what it says of a pattern.
func (c *canary) told(pattern, stdin string, code int, args ...string) string {
	var out bytes.Buffer
	c.stdout = &out
	defer func() { c.stdout = nil }()
	c.once(c.t.Context(), nil, stdin, code, args...)
	c.search(args, "standard output", out.String())
	m := regexp.MustCompile(pattern).FindStringSubmatch(out.String())
	if m == nil {
		c.t.Fatalf("it does not say %s: %s", pattern, c.hide(out.String()))
	}
	return m[1]
}
