package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rollout"
)

// nobody is an address at which nobody listens any more.
func nobody() string {
	server := httptest.NewServer(nil)
	defer server.Close()
	return server.Listener.Addr().String()
}

// rollout writes a description and the operator's file, and keeps a plan whose
// value is planted. Nobody answers at the database.
func (c *canary) rollout(state string) (operator, spec, digest string) {
	dir, host := c.t.TempDir(), nobody()
	operator, spec = filepath.Join(dir, "operator.toml"), filepath.Join(dir, "rollout.toml")
	admin, token := filepath.Join(dir, "admin"), filepath.Join(dir, "token")
	text := fmt.Sprintf(`name = "shop"
[database]
kind = "postgresql"
host = %q
group = "shop"
users = ["blue", "green"]
[deliver]
write = ["true"]
check = ["true"]
[move]
do = ["true"]
at = ["true"]
[[stages]]
name = "all"
share = 100
gate = {unused = true}
`, host)
	for path, text := range map[string]string{
		spec: text, admin: "postgres://admin:" + c.letters("an administrator's password") + "@" + host + "/postgres?sslmode=disable\n", token: c.letters("Vault's token"),
		operator: fmt.Sprintf("[settings.vault-database]\naddress = \"https://%s\"\n[credentials.vault-database]\ntoken = %q\n[credentials.postgres-role]\nadmin = %q\n", host, token, admin),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.settle(dir)
	return operator, spec, c.kept(state, operator, text)
}

// kept keeps a plan, and plants the value that follows from it.
func (c *canary) kept(state, operator, text string) string {
	key, err := secret.ParseKey(c.env[keyVariable])
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := store.Open(c.t.Context(), state, store.Options{Key: key})
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	spec, err := rollout.ParseSpec([]byte(text))
	if err != nil {
		c.t.Fatal(err)
	}
	file, err := os.ReadFile(operator)
	if err != nil {
		c.t.Fatal(err)
	}
	policy, err := remediate.ParsePolicy(file)
	if err != nil {
		c.t.Fatal(err)
	}
	e := rollout.Engine{Engine: &remediate.Engine{Store: s, Key: key, Clock: remediate.WallClock{Time: time.Now}, Actor: "ann", Policy: policy}}
	_, digest, err := e.Plan(c.t.Context(), rollout.Wish{Spec: spec, Old: "blue", New: "green"})
	if err != nil {
		c.t.Fatal(err)
	}
	_, p, err := e.Read(c.t.Context(), digest)
	if err != nil {
		c.t.Fatal(err)
	}
	c.plant("the password of a rollout", p.Value(key).Reveal())
	return digest
}

func TestNoRolloutShowsAValue(t *testing.T) {
	c := newCanary(t)
	state := filepath.Join(c.root, "state", "leakgate.db")
	operator, spec, digest := c.rollout(state)
	by := func(args ...string) []string {
		return append(args, "--database", state, "--operator", operator, "--actor", "ann")
	}
	c.run(nil, "", exitUndecided, by("remediate", "rollout", "plan", spec)...)
	c.run(nil, "", exitUndecided, by("remediate", "rollout", "apply", digest)...)
	c.run(nil, "", exitUndecided, by("remediate", "rollout", "apply", digest, "--wait")...)
	c.run(nil, "", exitClean, by("remediate", "rollout", "status", digest)...)
	c.run(nil, "", exitBlocked, by("remediate", "rollout", "back", digest)...)
	leaked := c.letters("a password on standard input") + "\n"
	for _, what := range []string{"rotate-role", "rotate-root"} {
		c.run(nil, leaked, exitUndecided, by("remediate", "vault-db", what, "app", "--role", "app", "--server", "db.acme.test", "--execute")...)
	}
	c.run(nil, "", exitUsage, by("remediate", "vault-db", "revoke-lease", c.letters("no lease"))...)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: \"http://%s\"}}]\nusers: [{name: a, user: {token: %s}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n",
		nobody(), c.plant("a token of a kubeconfig", hex.EncodeToString([]byte(c.letters("a token")))))
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := []string{"--namespace", "shop", "--secret", "db", "--key", "password", "--kubeconfig", kubeconfig}
	c.run(nil, leaked, exitUndecided, by(append([]string{"remediate", "follow"}, at...)...)...)
	c.run(nil, leaked, exitUndecided, by(append([]string{"remediate", "follow", "--sync", "--limit", "1ms"}, at...)...)...)
	certificate := filepath.Join(t.TempDir(), "leaked.pem")
	for name, text := range map[string]string{"by mistake the key": c.letters("a key instead of its certificate"), "the certificate": testCertificate(t)} {
		if err := os.WriteFile(certificate, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: exitUsage, false: exitUndecided}[name == "by mistake the key"]
		renew := by("remediate", "renew", certificate, "--namespace", "shop", "--certificate", "web", "--served", nobody(), "--kubeconfig", kubeconfig)
		c.run(nil, "", want, renew...)
		c.run(nil, "", want, append(renew, "--execute", "--limit", "1ms", "--list", "http://"+nobody())...)
	}
	c.run(nil, "", exitClean, "audit", "export", "--database", state)
}

// testCertificate is one of a key that nobody keeps.
func testCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{"web.shop"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
