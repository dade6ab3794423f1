package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/manifest/sopstest"
)

const sopsSecret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  user: somebody\n"

// checked is what check says of a file of sops, by a policy that wants its MAC verified.
func checkedWith(t *testing.T, text string, env map[string]string, flags ...string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{".leakgate.yaml": "version: 1\nkubernetes: {formats: {sops: {verify_mac: true}}}\n", "a.sops.yaml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	w := &world{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: time.Now, env: func(name string) string { return env[name] }}
	code = w.run(t.Context(), append([]string{"check", "a.sops.yaml"}, flags...))
	return code, stdout.String() + stderr.String()
}

// changed is the text with one value, which nobody encrypted, taken for another.
func changed(text string) string { return strings.Replace(text, "name: a", "name: b", 1) }

func block(text string) string {
	return "    enc: |\n      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ") + "\n"
}

func TestMACsAreVerifiedByGPG(t *testing.T) {
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("no gpg; test/e2e/run approve installs one")
	}
	home, err := os.MkdirTemp("", "gpg") // a short path: gpg's sockets lie in it
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(context.Background(), gpg, append([]string{"--homedir", home, "--batch", "--quiet", "--no-tty", "--trust-model", "always"}, args...)...)
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %v: %v", args, err)
		}
		return out
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // it may not be running
		_ = os.RemoveAll(home)
	})
	run(nil, "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "test <test@example.com>", "default", "default", "1d")
	text := sopstest.File{Rule: sopstest.DataRule, Also: func(key []byte) string {
		enc := run(key, "--armor", "--encrypt", "--recipient", "test@example.com")
		return "  pgp:\n  - fp: " + strings.Repeat("A", 40) + "\n    created_at: \"2026-03-01T12:00:00Z\"\n" + block(string(enc))
	}}.Encrypt(t, sopsSecret)
	// gpg reads the environment of the process itself.
	t.Setenv("GNUPGHOME", home)
	keyring := map[string]string{"GNUPGHOME": home}
	if code, out := checkedWith(t, text, keyring); strings.Contains(out, "sops-mac") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, out := checkedWith(t, changed(text), keyring); code != 1 || !strings.Contains(out, "sops-mac-mismatch") {
		t.Errorf("changed: exit %d: %s", code, out)
	}
	for name, env := range map[string]map[string]string{"no keyring": nil, "no gpg": keyring} {
		flags := map[string][]string{"no gpg": {"--gpg", ""}}[name]
		if code, out := checkedWith(t, text, env, flags...); code != 1 || !strings.Contains(out, "sops-mac-unverified") {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
	}
}

// A Vault is only asked where the environment says that it is, and gets its token.
func TestMACsAreVerifiedByVault(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("X-Vault-Token"))
		var in struct{ Ciphertext string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || r.URL.Path != "/v1/transit/decrypt/sops" {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(rw, `{"data":{"plaintext":"`+strings.TrimPrefix(in.Ciphertext, "vault:v1:")+`"}}`) // the client sees what is missing
	}))
	defer server.Close()
	encrypted := func(address, engine string) string {
		return sopstest.File{Rule: sopstest.DataRule, Also: func(key []byte) string {
			return "  hc_vault:\n  - vault_address: " + address + "\n    engine_path: " + engine + "\n    key_name: sops\n    created_at: \"2026-03-01T12:00:00Z\"\n    enc: vault:v1:" +
				base64.StdEncoding.EncodeToString(key) + "\n"
		}}.Encrypt(t, sopsSecret)
	}
	env := map[string]string{"VAULT_ADDR": server.URL + "/", "VAULT_TOKEN": "not-a-token"}
	if code, out := checkedWith(t, encrypted(server.URL, "transit"), env, "--vault-transit"); strings.Contains(out, "sops-mac") || len(asked) != 1 {
		t.Errorf("exit %d, asked %v: %s", code, asked, out)
	}
	if code, out := checkedWith(t, changed(encrypted(server.URL, "transit")), env, "--vault-transit"); code != 1 || !strings.Contains(out, "sops-mac-mismatch") {
		t.Errorf("changed: exit %d: %s", code, out)
	}
	asked = nil
	for name, c := range map[string]struct {
		text  string
		flags []string
	}{
		"another Vault": {encrypted("http://127.0.0.1:1", "transit"), []string{"--vault-transit"}},
		"a longer host": {encrypted(server.URL+".example.com", "transit"), []string{"--vault-transit"}},
		"a way out":     {encrypted(server.URL, "transit/../../sys"), []string{"--vault-transit"}},
		"not asked":     {encrypted(server.URL, "transit"), nil},
	} {
		if code, out := checkedWith(t, c.text, env, c.flags...); code != 1 || !strings.Contains(out, "sops-mac-unverified") {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the Vault was asked: %v", asked)
	}
	if code, out := checkedWith(t, sopsSecret, nil, "--vault-transit"); code != 2 || !strings.Contains(out, "VAULT_ADDR") {
		t.Errorf("without an address: exit %d: %s", code, out)
	}
}
