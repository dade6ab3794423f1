package rewrite

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// sshKey makes a key and a list of signers that allows it.
func sshKey(t *testing.T) (key, allowed string) {
	t.Helper()
	half, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(half)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, allowed = filepath.Join(dir, "key"), filepath.Join(dir, "allowed")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(allowed, []byte("* "+string(ssh.MarshalAuthorizedKey(public))), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, allowed
}

// TestSignAgain has git verify what is signed again, and signs nothing that was not signed.
func TestSignAgain(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		key, allowed := sshKey(t)
		header := map[string]string{"sha1": "gpgsig", "sha256": "gpgsig-sha256"}[g.format]
		g.File("leak", g.value)
		plain := g.Commit("not signed")
		signed := g.raw("commit", "tree "+g.Git("rev-parse", "HEAD^{tree}")+"\nparent "+plain+"\nauthor "+who+"\ncommitter "+who+"\n"+header+" "+signature+"\n\nsigned\n")
		g.Git("reset", "-q", "--hard", signed)
		g.Git("update-ref", "refs/tags/v1", g.raw("tag", "object "+signed+"\ntype commit\ntag v1\ntagger "+who+"\n\nv1\n"+strings.ReplaceAll(signature, "\n ", "\n")+"\n"))
		signer, err := LoadSSHSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Apply(context.Background(), open(t, g.Dir), &g.spec, Options{Signer: signer}, elsewhere(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Signatures) != 2 || r.Signed != 2 {
			t.Errorf("%d signatures fall, %d are made anew", len(r.Signatures), r.Signed)
		}
		if strings.Contains(g.Git("cat-file", "-p", "HEAD~1"), "gpgsig") {
			t.Error("what was not signed is signed now")
		}
		if _, err := exec.LookPath("ssh-keygen"); err != nil {
			t.Skip("no ssh-keygen to verify with; test/e2e/run approve installs one")
		}
		g.Git("config", "gpg.ssh.allowedSignersFile", allowed)
		g.Git("verify-commit", "HEAD")
		g.Git("verify-tag", "v1")
	})
}
