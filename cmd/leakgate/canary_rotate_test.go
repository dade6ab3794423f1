package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// rotations is an operator's file with a place that is written and one that
// nobody answers for.
func (c *canary) rotations() (operator string) {
	c.t.Helper()
	dir := c.t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		c.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.env["VAULT_TOKEN"] = c.letters("the token of a store")
	operator = filepath.Join(dir, "operator.toml")
	for path, text := range map[string]string{
		filepath.Join(dir, "certificate.pem"): string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		filepath.Join(dir, "sealed.yaml"):     "kind: SealedSecret\nmetadata: {name: app, namespace: prod}\nspec:\n  encryptedData:\n    password: AgBy3i4OJSWK\n",
		operator: fmt.Sprintf("[[store]]\nname = \"file\"\nkind = \"sealed-secret\"\npath = %q\nkey = \"password\"\nmint = \"stdin\"\ngrace = \"0s\"\nproof = [\"sh\", \"-c\", \"cat; echo used\"]\nsettings = {certificate = %q}\n", filepath.Join(dir, "sealed.yaml"), filepath.Join(dir, "certificate.pem")) +
			"[[store]]\nname = \"vault\"\nkind = \"vault\"\naddress = \"https://127.0.0.1:1\"\npath = \"kv/app\"\nkey = \"password\"\ncredentials = {token = \"env:VAULT_TOKEN\"}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.settle(dir)
	return operator
}

func TestNoRotationShowsAValue(t *testing.T) {
	c := newCanary(t)
	operator := c.rotations()
	state := filepath.Join(c.root, "state", "leakgate.db")
	by := func(args ...string) []string {
		return append(append([]string{"remediate", "rotate"}, args...), "--database", state, "--operator", operator, "--actor", "ann")
	}
	fresh := c.letters("a value that is handed in") + "\n"
	c.run(nil, "", exitClean, by("stores")...)
	c.run(nil, "", exitBlocked, by("plan", "vault", "--reason", "it leaked")...)
	c.run(nil, "", exitUsage, by("plan", "elsewhere")...)
	var out bytes.Buffer
	c.stdout = &out
	c.once(context.Background(), nil, "", exitClean, by("plan", "file")...)
	c.stdout = nil
	m := regexp.MustCompile(`rotate apply ([0-9a-f]{64})`).FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("no plan: %s", c.hide(out.String()))
	}
	c.run([]string{filepath.Dir(operator)}, fresh, exitClean, by("apply", m[1])...)
	c.run(nil, fresh, exitBlocked, by("undo", m[1])...)
	c.run(nil, "", exitClean, by("status", m[1])...)
	c.run(nil, "", exitClean, "audit", "export", "--database", state)
}
