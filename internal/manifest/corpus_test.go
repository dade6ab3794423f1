package manifest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"crypto/aes"
	"crypto/cipher"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/leakgate/leakgate/test/attacks"
)

// least is how many cases each class of attack has.
const least = 6

// TestCorpus judges testdata/corpus: each file is a class of attacks. A case is
// two files of an archive, "NAME = RULE", which has to have a fault of that rule
// that is refused ("warn RULE": reported), and before it "NAME = twin", the
// nearest legitimate document, which has none. What would look like a secret is
// written as %(secret 24), a sealed value as %(seal 16), base64 as %(base64 x).
func TestCorpus(t *testing.T) {
	classes, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(classes) == 0 {
		t.Fatalf("no classes: %v", err)
	}
	var list attacks.List
	for _, class := range classes {
		t.Run(strings.TrimSuffix(filepath.Base(class), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(class)
			if err != nil {
				t.Fatal(err)
			}
			twins, tried := map[string]bool{}, 0
			for _, file := range archive.Files {
				name, rule, _ := strings.Cut(file.Name, " = ")
				text := expand(t, string(file.Data))
				if rule == "twin" {
					twins[name] = true
					list.Legitimate = append(list.Legitimate, strings.TrimPrefix(t.Name(), "TestCorpus/")+": "+name)
					legitimate(t, name, text)
					continue
				}
				if !twins[name] {
					t.Errorf("%s has no twin", name)
				}
				tried++
				attack(t, name, rule, text)
				list.Attacks = append(list.Attacks, attacks.Case{Class: strings.TrimPrefix(t.Name(), "TestCorpus/"), Name: name, Rule: rule})
			}
			if tried < least {
				t.Errorf("%d cases, at least %d are due", tried, least)
			}
		})
	}
	list.Hold(t, "../../testdata/attacks/manifest.txt", *update)
}

func judged(t *testing.T, c Checker, text string) []Fault {
	t.Helper()
	docs, err := Parse("in.yaml", []byte(text))
	if err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	faults := c.Faults(docs)
	for _, f := range faults {
		if f.Value.IsZero() && slices.Contains(valueRules, f.Rule) {
			t.Errorf("%s has no value, and its rule says that all have one", f.Rule)
		}
	}
	return faults
}

func legitimate(t *testing.T, name, text string) {
	t.Helper()
	for _, f := range judged(t, Checker{}, text) {
		t.Errorf("%s, twin: %s at %d:%d %s: %s\n%s", name, f.Rule, f.Line, f.Column, f.Path, f.Reason, text)
	}
}

// attack wants a fault of the rule, at a place in the text and with a remedy.
func attack(t *testing.T, name, rule, text string) {
	t.Helper()
	rule, warn := strings.CutPrefix(rule, "warn ")
	want(t, name, Checker{}, text, rule, !warn)
}

func want(t *testing.T, name string, c Checker, text, rule string, deny bool) {
	t.Helper()
	if harmless := rule == RuleTwice; !harmless && !Looks([]byte(text)) && !LooksJudged([]byte(text)) {
		t.Errorf("%s: a scan would not read it", name)
	}
	var got []string
	for _, f := range judged(t, c, text) {
		got = append(got, f.Rule)
		if f.Rule != rule {
			continue
		}
		if f.Deny != deny {
			t.Errorf("%s: deny is %v", name, f.Deny)
		}
		if f.Line < 1 || f.Column < 1 || f.Start < 0 || f.End > len(text) || f.Start > f.End || f.Fix == "" || f.Reason == "" {
			t.Errorf("%s: a fault without its place, reason or remedy: %d:%d [%d,%d] %q %q", name, f.Line, f.Column, f.Start, f.End, f.Reason, f.Fix)
		}
		if v := f.Value.Reveal(); len(v) > 5 && (strings.Contains(f.Reason, v) || strings.Contains(f.Fix, v)) {
			t.Errorf("%s: the value is in the message", name)
		}
		return
	}
	t.Errorf("%s: no %s, but %v\n%s", name, rule, got, text)
}

var macro = regexp.MustCompile(`%\((\w+)(?: ([^)]*))?\)`)

func expand(t *testing.T, text string) string {
	t.Helper()
	return macro.ReplaceAllStringFunc(text, func(m string) string {
		parts := macro.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		switch parts[1] {
		case "secret":
			if parts[2] == "manifest" {
				return base64.StdEncoding.EncodeToString([]byte("kind: Secret\nstringData: {any: " + letters(20) + "}\n"))
			}
			return letters(n)
		case "random": // with digits in several places, as nobody names a thing
			return "a1B2" + letters(12) + "7x3"
		case "seal":
			return sealValue(t, n, 256)
		case "sealsize": // a session key of another length
			return sealValue(t, 20, n)
		case "sealcut": // cut off behind as many bytes
			raw, _ := base64.StdEncoding.DecodeString(sealValue(t, 20, 256))
			return base64.StdEncoding.EncodeToString(raw[:n])
		case "base64":
			return base64.StdEncoding.EncodeToString([]byte(parts[2]))
		case "secret64":
			return base64.StdEncoding.EncodeToString([]byte(letters(n)))
		}
		t.Fatalf("no macro %s", parts[1])
		return ""
	})
}

func letters(n int) string {
	const alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	for i := range raw {
		raw[i] = alphabet[int(raw[i])%len(alphabet)]
	}
	copy(raw, "q7Z") // of every kind of characters
	return string(raw)
}

var sealingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// sealValue seals a random value of n bytes as the controller's library does;
// with another size than 256 it lies about the length of its session key.
func sealValue(t testing.TB, n, size int) string {
	t.Helper()
	session := make([]byte, 32)
	_, _ = rand.Read(session) // never fails
	block, err := aes.NewCipher(session)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &sealingKey().PublicKey, session, []byte("ns/name"))
	if err != nil {
		t.Fatal(err)
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(size))
	out = append(out, key...)
	out = gcm.Seal(out, make([]byte, 12), []byte(letters(n))[:n], nil)
	return base64.StdEncoding.EncodeToString(out)
}

func TestEveryFaultRuleIsDescribed(t *testing.T) {
	source, err := os.ReadFile("faultrules.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range FaultRules() {
		if seen[r.ID] || r.Title == "" || r.Advice == "" {
			t.Errorf("%s is described twice or not at all", r.ID)
		}
		seen[r.ID] = true
	}
	for _, m := range regexp.MustCompile(`Rule\w+\s+= "([a-z0-9-]+)"`).FindAllStringSubmatch(string(source), -1) {
		if !seen[m[1]] {
			t.Error(m[1] + " has no line in the table")
		}
	}
	page, err := os.ReadFile("../../docs/manifests.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range FaultRules() {
		if row := "| `" + r.ID + "` | " + r.Title + " | "; !strings.Contains(string(page), row) {
			t.Errorf("docs/manifests.md has no row %q", row)
		}
	}
	if len(seen) < 40 {
		t.Error(fmt.Sprint("only ", len(seen), " rules"))
	}
}
