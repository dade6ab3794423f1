// Package sopstest encrypts documents as sops does, for tests: with a new age
// key each time, so that nothing in a test is a secret. It is held against sops
// itself by the test of internal/manifest/sops that runs where sops is installed.
package sopstest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

// File is a file to encrypt: for whom, and by which rule.
type File struct {
	Rule    string // a line of the metadata, as "encrypted_regex: ^(data|stringData)$"; "" for sops' default
	OnlyMAC bool
	Time    time.Time // of the last change; zero: a fixed day
	For     []*age.X25519Identity
	// Also gives lines of the metadata for recipients of another kind, by the key
	// that they shall open; with them nobody of age is needed.
	Also func(key []byte) string
}

// Key is a new age key.
func Key(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// DataRule is the rule of most repositories.
const DataRule = "encrypted_regex: ^(data|stringData)$"

// Encrypt encrypts a stream of YAML documents; without recipients for a new key.
func (f File) Encrypt(t testing.TB, text string) string {
	t.Helper()
	if len(f.For) == 0 && f.Also == nil {
		f.For = []*age.X25519Identity{Key(t)}
	}
	if f.Time.IsZero() {
		f.Time = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	}
	e := &encrypter{t: t, key: make([]byte, 32), sum: sha512.New(), only: f.OnlyMAC}
	_, _ = rand.Read(e.key) // never fails
	if f.OnlyMAC {
		e.sum.Write(sops.OnlyEncrypted)
	}
	meta := f.metadata(t, e)
	e.read(strings.ReplaceAll(meta, "@MAC@", "none"))
	var docs []*yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		if dec.Decode(&doc) != nil {
			break
		}
		e.node(&doc, nil)
		docs = append(docs, &doc)
	}
	mac := e.seal([]byte(fmt.Sprintf("%X", e.sum.Sum(nil))), f.Time.Format(time.RFC3339), "str")
	return emit(t, docs, strings.ReplaceAll(meta, "@MAC@", mac))
}

func emit(t testing.TB, docs []*yaml.Node, meta string) string {
	var out bytes.Buffer
	for i, doc := range docs {
		text, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
		out.WriteString(meta)
	}
	return out.String()
}

// metadata is the text of the metadata, with @MAC@ for the MAC.
func (f File) metadata(t testing.TB, e *encrypter) string {
	var out strings.Builder
	out.WriteString("sops:\n")
	if f.Also != nil {
		out.WriteString(f.Also(e.key))
	}
	if len(f.For) > 0 {
		out.WriteString("  age:\n")
	}
	for _, id := range f.For {
		out.WriteString("  - recipient: " + id.Recipient().String() + "\n    enc: |\n")
		for _, line := range strings.Split(strings.TrimSpace(Armor(t, e.key, id)), "\n") {
			out.WriteString("      " + line + "\n")
		}
	}
	fmt.Fprintf(&out, "  lastmodified: %q\n  mac: @MAC@\n", f.Time.Format(time.RFC3339))
	if f.Rule != "" {
		out.WriteString("  " + f.Rule + "\n")
	}
	if f.OnlyMAC {
		out.WriteString("  mac_only_encrypted: true\n")
	}
	out.WriteString("  version: 3.13.3\n")
	return out.String()
}

// Armor encrypts a key for age recipients, as the field enc has it.
func Armor(t testing.TB, key []byte, ids ...*age.X25519Identity) string {
	t.Helper()
	var to []age.Recipient
	for _, id := range ids {
		to = append(to, id.Recipient())
	}
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, to...)
	if err == nil {
		_, err = w.Write(key)
	}
	if err != nil || w.Close() != nil || a.Close() != nil {
		t.Fatal("age: ", err)
	}
	return out.String()
}

type encrypter struct {
	t    testing.TB
	key  []byte
	sum  hash.Hash
	rule sops.Rule
	only bool
}

// read takes the rule from the metadata.
func (e *encrypter) read(meta string) {
	var m struct{ Sops map[string]any }
	if err := yaml.Unmarshal([]byte(meta), &m); err != nil {
		e.t.Fatal(err)
	}
	delete(m.Sops, "mac_only_encrypted")
	got, _ := sops.ReadMetadata(m.Sops)
	e.rule = got.Rule
}

func (e *encrypter) node(n *yaml.Node, keys []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			e.node(n.Content[i+1], append(keys[:len(keys):len(keys)], n.Content[i].Value))
		}
	case yaml.ScalarNode:
		e.leaf(n, keys)
	default:
		for _, kid := range n.Content {
			e.node(kid, keys)
		}
	}
}

func (e *encrypter) leaf(n *yaml.Node, keys []string) {
	var value any
	if err := n.Decode(&value); err != nil {
		e.t.Fatal(err)
	}
	if value == nil {
		return
	}
	plain := sops.BytesOf(value)
	encrypted := e.rule.Encrypts(keys)
	if encrypted || !e.only {
		e.sum.Write(plain)
	}
	if !encrypted || len(plain) == 0 {
		return
	}
	kind := map[string]string{"!!int": "int", "!!bool": "bool", "!!float": "float", "!!timestamp": "time"}[n.ShortTag()]
	if kind == "" {
		kind = "str"
	}
	n.SetString(e.seal(plain, strings.Join(keys, ":")+":", kind))
	n.Style = 0
}

func (e *encrypter) seal(plain []byte, with, kind string) string {
	block, err := aes.NewCipher(e.key)
	if err != nil {
		e.t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, 32)
	if err != nil {
		e.t.Fatal(err)
	}
	iv := make([]byte, 32)
	_, _ = rand.Read(iv) // never fails
	out := gcm.Seal(nil, iv, plain, []byte(with))
	b64 := base64.StdEncoding.EncodeToString
	cut := len(out) - 16
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]", b64(out[:cut]), b64(iv), b64(out[cut:]), kind)
}
