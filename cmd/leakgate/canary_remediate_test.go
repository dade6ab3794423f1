package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
)

// sshKey makes a private SSH key and its public half.
func sshKey() (text []byte, public string, err error) {
	half, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, "", err
	}
	key, err := ssh.NewPublicKey(half)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}

// approver makes an SSH key, and gives its file and its public half.
func approver(t *testing.T, dir string) (file, public string) {
	t.Helper()
	text, public, err := sshKey()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "approver")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, public
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
	hub, vault, admin := filepath.Join(dir, "hub"), filepath.Join(dir, "vault"), filepath.Join(dir, "admin")
	text += fmt.Sprintf("[credentials.evidence-github]\ntoken = %q\n[credentials.evidence-vault]\ntoken = %q\n[credentials.evidence-aws]\nkey_id = %[3]q\nsecret_key = %[3]q\n[settings.evidence-vault]\nhost = \"vault.example\"\nrules = \"*\"\nfiles = %[4]q\n", hub, vault, admin, filepath.Join(dir, "audit"))
	for path, text := range map[string]string{
		word: c.letters("GitLab's word"), operator: text, hub: c.letters("a token for GitHub"), vault: c.letters("a token for Vault"), admin: c.letters("an administrator's key"),
		filepath.Join(dir, "audit"): `{"time":"2026-03-18T09:00:00Z","type":"response","request":{"operation":"read","path":"secret/` + c.values["a leak"].Reveal() + `","remote_address":"` + vaultMark + `"}}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.issuer = issuers(c.t.TempDir())
	c.client = c.echo()
	c.settle(r.Dir)
	c.settle(dir)
	return r.Dir, operator, key
}

const vaultMark = "hmac-sha256:00"

// echo answers as every source of evidence, with the leaked value in all that it says.
func (c *canary) echo() *revoke.Client {
	client, end, err := revoketest.Door(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := c.values["a leak"].Reveal()
		switch {
		case r.URL.Path == "/v1/sys/audit-hash/file":
			fmt.Fprintf(w, `{"data":{"hash":%q}}`, vaultMark)
		case strings.HasSuffix(r.URL.Path, "/audit-log"):
			fmt.Fprintf(w, `[{"action":"git.clone","actor":%[1]q,"user_agent":%[1]q,"hashed_token":%[1]q}]`, value)
		case strings.HasSuffix(r.URL.Path, "/forks"):
			fmt.Fprintf(w, `[{"full_name":%q}]`, base64.StdEncoding.EncodeToString([]byte(value)))
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"message":%q}`, value+r.Header.Get("Authorization"))
		}
	}))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(end)
	return client
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

// searchZip searches what is packed in a file.
func (c *canary) searchZip(path string) {
	z, err := zip.OpenReader(path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			c.t.Fatal(err)
		}
		c.search([]string{"bundle"}, f.Name, f.Name+string(text))
	}
}

// incident is the id of the first incident.
func (c *canary) incident(args ...string) string {
	var out bytes.Buffer
	c.stdout = &out
	defer func() { c.stdout = nil }()
	c.once(context.Background(), nil, "", exitClean, args...)
	id := regexp.MustCompile(`INC-[A-Z2-7]+`).FindString(out.String())
	if id == "" {
		c.t.Fatalf("no incident: %s", c.hide(out.String()))
	}
	return id
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
	id := c.incident(by("ann", "remediate", "status")...)
	c.run(nil, "", exitUndecided, by("ann", "remediate", "evidence", id, repo)...)
	c.run(nil, c.values["a leak"].Reveal()+"\n", exitUndecided, by("ann", "remediate", "evidence", id, "--stdin")...)
	c.run(nil, c.letters("a value of another incident")+"\n", exitUsage, by("ann", "remediate", "evidence", id, "--stdin")...)
	c.run(nil, "", exitUsage, by("ann", "remediate", "note", id, "--cause", "somebody wrote "+c.values["a leak"].Reveal())...)
	c.run(nil, "", exitClean, by("ann", "remediate", "note", id, "--cause", "a test that logged", "--prevention", "a hook")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "report", id)...)
	c.run(nil, "", anyCode, by("ann", "remediate", "report", "INC-1")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "providers", "--format", "json")...)
	c.run(nil, "", exitClean, by("ann", "remediate", "explain", "slack-token")...)
	c.run(nil, c.values["a leak"].Reveal()+"\n", exitClean, by("ann", "remediate", "check", "--kind", "slack-token")...)
	c.run(nil, c.letters("a value of another kind")+"\n", exitUsage, by("ann", "remediate", "check", "--kind", "github-token")...)
	manifests := filepath.Join(repo, "k8s.yaml")
	if err := os.WriteFile(manifests, []byte("apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultDynamicSecret\nmetadata: {name: "+c.values["a leak"].Reveal()+"}\nspec: {mount: db, path: x, params: {ttl: 48h, password: "+c.letters("a manifest")+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.settle(repo)
	c.run(nil, "", exitBlocked, by("ann", "remediate", "due", manifests)...)
	c.run(nil, "", exitBlocked, by("ann", "remediate", "due", manifests, "--format", "json")...)
	for _, format := range []string{"text", "json", "prometheus"} {
		c.run(nil, "", exitClean, by("ann", "remediate", "metrics", "--format", format)...)
	}
	c.run(nil, "", exitClean, "audit", "verify", "--database", state)
	for _, format := range []string{"jsonl", "ocsf", "syslog"} {
		c.run(nil, "", exitClean, "audit", "export", "--database", state, "--format", format)
	}
	bundle, signers := filepath.Join(sealed, "bundle.zip"), filepath.Join(sealed, "signers")
	c.once(context.Background(), []string{sealed}, "", exitClean, "audit", "export", "--database", state, "--format", "bundle", "--key", key, "-o", bundle)
	c.searchZip(bundle)
	public, err := os.ReadFile(operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signers, []byte(regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]+`).FindString(string(public))), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(nil, "", exitClean, "audit", "verify", "--bundle", bundle, "--signers", signers)
	c.run(nil, "", exitClean, "audit", "prune", "--database", state, "--actor", "ann")
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	c.once(ctx, nil, "", exitClean, by("gitlab", "remediate", "serve", "--listen", "127.0.0.1:0", "-vv")...)
}
