package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/gittest"
)

// approver makes an SSH key, and gives its file and its public half.
func approver(t *testing.T, dir string) (file, public string) {
	t.Helper()
	half, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(half)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "approver")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// remediation is a repository with a leak, and an operator who owns it.
func (c *canary) remediation() (repo, operator, key string) {
	r := gittest.New(c.t)
	r.File("deploy.conf", "token = \""+c.token("a leak")+"\"\n")
	r.Git("remote", "add", "origin", "https://user:"+c.letters("the address of a remote")+"@github.com/acme/app.git")
	dir := c.t.TempDir()
	key, public := approver(c.t, dir)
	word, operator := filepath.Join(dir, "word"), filepath.Join(dir, "operator.toml")
	text := fmt.Sprintf("owned = [\"github.com/acme/*\"]\napprovals = [{need = 1}]\napprovers = [{name = \"bob\", keys = [%q]}]\n[gitlab]\nauthorization = %q\n", public, word)
	for path, text := range map[string]string{word: c.letters("GitLab's word"), operator: text} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.issuer = issuers(c.t.TempDir())
	c.settle(r.Dir)
	c.settle(dir)
	return r.Dir, operator, key
}

// planned is the digest of a new plan.
func (c *canary) planned(args ...string) string {
	var out bytes.Buffer
	c.stdout = &out
	defer func() { c.stdout = nil }()
	c.once(context.Background(), nil, "", exitClean, args...)
	c.search(args, "standard output", out.String())
	m := regexp.MustCompile(`remediate apply ([0-9a-f]{64})`).FindStringSubmatch(out.String())
	if m == nil {
		c.t.Fatalf("no plan: %s", c.hide(out.String()))
	}
	return m[1]
}

func TestNoRemediationShowsAValue(t *testing.T) {
	c := newCanary(t)
	repo, operator, key := c.remediation()
	state := filepath.Join(c.root, "state", "leakgate.db")
	by := func(who string, args ...string) []string {
		return append(args, "--database", state, "--operator", operator, "--actor", who)
	}
	c.run(nil, "", exitClean, by("ann", "remediate", "plan", repo)...)
	digest := c.planned(by("ann", "remediate", "plan", repo)...)
	c.run(nil, "", exitUndecided, by("ann", "remediate", "apply", digest, repo)...)
	c.run(nil, "", exitClean, by("bob", "remediate", "approve", digest)...)
	c.run(nil, "", exitClean, by("bob", "remediate", "approve", digest, "--key", key)...)
	c.run(nil, c.values["a leak"].Reveal()+"\n", exitUndecided, by("ann", "remediate", "apply", strings.Repeat("0", 64), "--stdin")...)
	c.run(nil, "not the value\n", exitUsage, by("ann", "remediate", "apply", digest, "--stdin")...)

	c.run(nil, "", exitClean, "seal", "init", "--dir", t.TempDir(), "--shares", "3", "--threshold", "2", "--help")
	shares, sealed := t.TempDir(), t.TempDir()
	var recipient bytes.Buffer
	c.stdout = &recipient
	c.once(context.Background(), nil, "", exitClean, "seal", "init", "--dir", shares, "--shares", "3", "--threshold", "2")
	c.stdout = nil
	c.once(context.Background(), []string{sealed}, "", exitClean, "seal", "open", filepath.Join(shares, "share-1"), filepath.Join(shares, "share-2"), "-o", filepath.Join(shares, "identity"))
	c.once(context.Background(), []string{sealed}, "", exitClean, "seal", "evidence", repo, "--to", strings.TrimSpace(recipient.String()), "-o", filepath.Join(sealed, "evidence"))
	c.run(nil, "", exitUsage, "seal", "evidence", repo, "--to", c.letters("no recipient"), "-o", filepath.Join(sealed, "other"))

	c.run(nil, "", exitClean, by("ann", "remediate", "apply", digest, "--evidence", filepath.Join(sealed, "evidence"), "--identity", filepath.Join(shares, "identity"))...)
	c.run(nil, "", exitClean, by("ann", "remediate", "apply", digest, repo)...)
	c.run(nil, "", exitBlocked, by("ann", "remediate", "undo", digest, repo)...)
	c.run(nil, "", exitClean, by("ann", "remediate", "status")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "status", digest)...)
	c.run(nil, "", anyCode, by("ann", "remediate", "report", "INC-1")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "providers", "--format", "json")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "explain", "slack-token")...)
	c.run(nil, c.values["a leak"].Reveal()+"\n", exitClean, by("ann", "remediate", "check", "--kind", "slack-token")...)
	c.run(nil, c.letters("a value of another kind")+"\n", exitUsage, by("ann", "remediate", "check", "--kind", "github-token")...)
	c.run(nil, "", exitClean, "audit", "verify", "--database", state)
	for _, format := range []string{"jsonl", "ocsf", "syslog"} {
		c.run(nil, "", exitClean, "audit", "export", "--database", state, "--format", format)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	c.once(ctx, nil, "", exitClean, by("gitlab", "remediate", "serve", "--listen", "127.0.0.1:0", "-vv")...)
}
