package sops_test

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/secret"
)

// FuzzVerifyMAC: whatever is made of an encrypted file, verifying it ends without
// a panic, and no file with other values verifies.
func FuzzVerifyMAC(f *testing.F) {
	key := sopstest.Key(f)
	text := sopstest.File{Rule: sopstest.DataRule, For: []*sopstestKey{key}}.Encrypt(f, "kind: Secret\nstringData:\n  a: one\n  b: two\n")
	ids, err := sops.Identities(secret.New(key.String()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("kind: Secret", "kind: Other")
	f.Add("a:", "c:")
	f.Add("mac:", "mak:")
	f.Fuzz(func(t *testing.T, old, with string) {
		edited := strings.Replace(text, old, with, 1)
		var doc struct {
			Sops map[string]any `yaml:"sops"`
		}
		if old == "" || len(edited) > 1<<16 || !parses(edited, &doc) {
			return
		}
		m, _ := sops.ReadMetadata(doc.Sops)
		if err := sops.VerifyMAC([][]byte{[]byte(edited)}, m, ids); err == nil && !sameValues(text, edited) {
			t.Fatalf("%q for %q verifies", with, old)
		}
	})
}

// FuzzMetadata: metadata of any form are read without a panic, and a document
// that nobody can open has a problem.
func FuzzMetadata(f *testing.F) {
	f.Add("age: [{recipient: age1x, enc: y}]\nversion: '3'")
	f.Add("key_groups: [{age: [{recipient: age1x}]}, 5, null]\nshamir_threshold: 1")
	f.Add("kms: {a: b}\nencrypted_regex: '('\nunencrypted_suffix: x")
	f.Fuzz(func(t *testing.T, text string) {
		var from map[string]any
		if !parses(text, &from) {
			return
		}
		m, problems := sops.ReadMetadata(from)
		if len(m.Recipients()) == 0 && len(problems) == 0 {
			t.Fatal("no recipients and no problem")
		}
		for _, r := range m.Recipients() {
			r.Mismatch()
		}
		m.Rule.Encrypts([]string{"data", "a"})
		_, _ = sops.ParseCreationRules([]byte(text))
	})
}

// parses reads YAML; the parser panics on some texts.
func parses(text string, to any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return yaml.Unmarshal([]byte(text), to) == nil
}
