package sops_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/getsops/sops/v3/shamir"
	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/secret"
)

const twoSecrets = `apiVersion: v1
kind: Secret
metadata:
  name: a
  labels: {n: "1", m: 2}
stringData:
  user: admin
  port: 5432
  ratio: 0.5
  on: true
  since: 2026-01-02T03:04:05Z
  empty: ""
  list: [one, two]
---
apiVersion: v1
kind: Secret
metadata: {name: b}
data:
  k: dGV4dA==
`

// split gives the documents of an encrypted file and the metadata of the first.
func split(t *testing.T, text string) (docs [][]byte, m sops.Metadata) {
	t.Helper()
	for _, part := range strings.Split(text, "\n---\n") {
		docs = append(docs, []byte(part))
	}
	var first struct {
		Sops map[string]any `yaml:"sops"`
	}
	if err := yaml.Unmarshal(docs[0], &first); err != nil {
		t.Fatal(err)
	}
	for key, v := range first.Sops { // as texts, which is how documents are read
		if _, ok := v.(bool); ok {
			first.Sops[key] = "true"
		}
	}
	m, problems := sops.ReadMetadata(first.Sops)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return docs, m
}

func TestMACFitsWhatWasEncryptedAndNothingElse(t *testing.T) {
	key := sopstest.Key(t)
	ids, err := sops.Identities(secret.New("# a comment\n" + key.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []sopstest.File{{Rule: sopstest.DataRule}, {}, {Rule: sopstest.DataRule, OnlyMAC: true}, {Rule: "unencrypted_regex: ^(apiVersion|kind|metadata)$"}} {
		f.For = append(f.For, key)
		text := f.Encrypt(t, twoSecrets)
		check := func(text string) error {
			docs, m := split(t, text)
			return sops.VerifyMAC(docs, m, ids)
		}
		if err := check(text); err != nil {
			t.Errorf("%s: %v", f.Rule, err)
		}
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if !strings.Contains(line, "ENC[") || strings.Contains(line, "mac:") {
				continue
			}
			without := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "\n")
			if err := check(without); !errors.Is(err, sops.ErrMAC) {
				t.Errorf("%s: without line %d the MAC still fits: %v", f.Rule, i+1, err)
			}
		}
		if other, err := sops.Identities(secret.New(sopstest.Key(t).String())); err != nil {
			t.Error(err)
		} else if docs, m := split(t, text); !errors.Is(sops.VerifyMAC(docs, m, other), sops.ErrNoKey) {
			t.Error("another key seems to open the document")
		}
	}
}

// sshKey is a new private key of SSH, in PEM, and its public key.
func sshKey(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	named, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(named)))
}

func TestIdentitiesOfSeveralKinds(t *testing.T) {
	private, _ := sshKey(t)
	x25519 := sopstest.Key(t).String()
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"none":              {"", 0},
		"age":               {"# mine\n" + x25519 + "\r\n", 1},
		"SSH":               {private, 1},
		"both":              {x25519 + "\n" + private + x25519, 3},
		"plugin":            {"AGE-PLUGIN-YUBIKEY-1QQQ\n" + x25519, 1},
		"a word":            {"nonsense", -1},
		"SSH cut off":       {private[:len(private)/2], -1},
		"SSH without lines": {"-----BEGIN OPENSSH PRIVATE KEY-----", -1},
	} {
		ids, err := sops.Identities(secret.New(c.text))
		if (err != nil) != (c.want < 0) || err == nil && len(ids) != c.want {
			t.Errorf("%s: %d identities, %v", name, len(ids), err)
		}
	}
}

// What the test helper encrypts sops decrypts, and what sops encrypts verifies.
func TestSOPSItselfAgrees(t *testing.T) {
	program, err := exec.LookPath("sops")
	if err != nil {
		t.Skip("needs the sops program: test/e2e/run sops builds it, and fails where this is skipped")
	}
	key := sopstest.Key(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "SOPS_AGE_KEY="+key.String(), "SOPS_AGE_RECIPIENTS="+key.Recipient().String())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("sops %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	ids, err := sops.Identities(secret.New(key.String()))
	if err != nil {
		t.Fatal(err)
	}
	private, public := sshKey(t)
	if err := os.WriteFile(file, []byte(twoSecrets), 0o600); err != nil {
		t.Fatal(err)
	}
	docs, m := split(t, run("-e", "--age", public, file))
	if bySSH, err := sops.Identities(secret.New(private)); err != nil || sops.VerifyMAC(docs, m, bySSH) != nil {
		t.Errorf("for a key of SSH: %v, %v", err, sops.VerifyMAC(docs, m, bySSH))
	}
	for _, f := range []sopstest.File{{Rule: sopstest.DataRule}, {}, {Rule: sopstest.DataRule, OnlyMAC: true}} {
		f.For = append(f.For, key)
		if err := os.WriteFile(file, []byte(f.Encrypt(t, twoSecrets)), 0o600); err != nil {
			t.Fatal(err)
		}
		if plain := run("-d", file); !strings.Contains(plain, "user: admin") {
			t.Errorf("%s: sops decrypts something else", f.Rule)
		}
		args := []string{"-e", "--age", key.Recipient().String()}
		if f.Rule != "" {
			args = append(args, "--encrypted-regex", "^(data|stringData)$")
		}
		if f.OnlyMAC {
			args = append(args, "--mac-only-encrypted")
		}
		if err := os.WriteFile(file, []byte("# a comment\n"+strings.Replace(twoSecrets, "  user:", "  # said: here\n  user:", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		docs, m := split(t, run(append(args, file)...))
		if err := sops.VerifyMAC(docs, m, ids); err != nil {
			t.Errorf("%s: what sops encrypted does not verify: %v", f.Rule, err)
		}
		if len(f.For) > 0 && !f.OnlyMAC {
			verifies(t, run, ids, dir, args)
		}
	}
}

// verifies holds other forms of files against sops: JSON, comments in lists,
// blocks of text, anchors.
func verifies(t *testing.T, run func(...string) string, ids []age.Identity, dir string, args []string) {
	t.Helper()
	for name, text := range map[string]string{
		"a.json": `{"kind": "Secret", "count": 3, "ratio": 1.50, "stringData": {"a": "one", "b": [1, 2.5, true, null, ""], "big": 9007199254740993}}`,
		"b.yaml": "# head\nkind: Secret # line\nstringData:\n  # one\n  list:\n  # two\n  - a # three\n  - b\n  # foot\n  block: |\n    line\n    # no comment\n\n  folded: >-\n    a\n    b\n  quoted: '12'\n  date: 2026-01-02\n  hex: 0x1F\n  octal: 0o17\n  exp: 1e3\n  no: no\n  tilde: ~\n",
		"c.yaml": "kind: Secret\nx: &x {a: one, n: 5}\nstringData:\n  all: *x\n  list: [&y two, *y]\n",
		"d.yaml": "kind: Secret\nempty: {}\nstringData: {a: {}, b: [], c: x}\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		docs, m := split(t, run(append(args, file)...))
		if err := sops.VerifyMAC(docs, m, ids); err != nil {
			t.Errorf("%s %v: what sops encrypted does not verify: %v\n%s", name, args, err, docs[0])
		}
	}
}

// Groups are opened each by whatever opens one of its recipients.
func TestMACOfKeyGroupsThatSeveralOpen(t *testing.T) {
	parts := map[string][]byte{}
	text := sopstest.File{Rule: sopstest.DataRule, Also: func(key []byte) string {
		shares, err := shamir.Split(key, 3, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, kind := range []string{"pgp", "hc_vault", "kms"} {
			parts[kind] = shares[i]
		}
		return "  shamir_threshold: \"2\"\n  key_groups:\n  - pgp:\n    - {fp: A, enc: pgp}\n  - hc_vault:\n    - {vault_address: \"https://v\", engine_path: t, key_name: k, enc: hc_vault}\n" +
			"  - kms:\n    - {arn: \"arn:a\", enc: kms}\n"
	}}.Encrypt(t, twoSecrets[:strings.Index(twoSecrets, "---")])
	docs, m := split(t, text)
	opening := func(kinds ...string) sops.Opener {
		return func(r sops.Recipient) ([]byte, bool) {
			return parts[r.Enc], r.Kind == r.Enc && slices.Contains(kinds, r.Kind)
		}
	}
	for _, kinds := range [][]string{{"pgp", "hc_vault"}, {"hc_vault", "kms"}, {"pgp", "hc_vault", "kms"}} {
		if err := sops.VerifyMAC(docs, m, nil, opening(kinds...)); err != nil {
			t.Errorf("%v: %v", kinds, err)
		}
	}
	if err := sops.VerifyMAC(docs, m, nil, opening("pgp")); !errors.Is(err, sops.ErrNoKey) {
		t.Errorf("one of three: %v", err)
	}
	docs[0] = bytes.Replace(docs[0], []byte("name: a"), []byte("name: b"), 1)
	if err := sops.VerifyMAC(docs, m, nil, opening("pgp"), opening("kms")); !errors.Is(err, sops.ErrMAC) {
		t.Errorf("changed: %v", err)
	}
	parts["kms"] = []byte("no share")
	if err := sops.VerifyMAC(docs, m, nil, opening("pgp", "kms")); err == nil {
		t.Error("a share that is none opens the document")
	}
}
