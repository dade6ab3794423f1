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

// TestSignAgainByGPG has the real gpg sign and git verify it.
func TestSignAgainByGPG(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("no gpg to sign with; test/e2e/run approve installs one")
	}
	home, err := os.MkdirTemp("", "g") // gpg's sockets take no long path
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	const user = "signer@example.org"
	if out, err := exec.Command("gpg", "--batch", "--passphrase", "", "--quick-gen-key", user, "ed25519", "sign").CombinedOutput(); err != nil {
		t.Fatalf("gpg: %v\n%s", err, out)
	}
	for _, format := range []string{"sha1", "sha256"} {
		g := newGround(t, format)
		header := map[string]string{"sha1": "gpgsig", "sha256": "gpgsig-sha256"}[format]
		g.File("leak", g.value)
		signed := g.raw("commit", "tree "+g.Git("rev-parse", "HEAD^{tree}")+"\nparent "+g.Git("rev-parse", "HEAD")+"\nauthor "+who+"\ncommitter "+who+"\n"+header+" "+signature+"\n\nsigned\n")
		g.Git("reset", "-q", "--hard", signed)
		g.Git("update-ref", "refs/tags/v1", g.raw("tag", "object "+signed+"\ntype commit\ntag v1\ntagger "+who+"\n\nv1\n"+strings.ReplaceAll(signature, "\n ", "\n")+"\n"))
		r, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{Signer: GPGSigner{User: user}}, elsewhere(t))
		if err != nil || r.Signed != 2 {
			t.Fatalf("%s: %+v, %v", format, r, err)
		}
		for _, args := range [][]string{{"verify-commit", "HEAD"}, {"verify-tag", "v1"}} {
			cmd := exec.Command("git", append([]string{"-C", g.Dir}, args...)...)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Good signature") {
				t.Errorf("%s: git %v: %v\n%s", format, args, err, out)
			}
		}
		if _, err := Run(t.Context(), open(t, g.Dir), &Spec{Literals: []Literal{lit("signed")}}, Options{Write: true, Signer: GPGSigner{User: "nobody@example.org"}}); err == nil || !strings.Contains(err.Error(), "gpg: ") {
			t.Errorf("a key that is not there: %v", err)
		}
	}
}
