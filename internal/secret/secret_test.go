package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const value = "canary-7Qx/+z9 value"

func TestSecretShowsNothingThroughAnyFormatter(t *testing.T) {
	type holder struct {
		S   Secret
		P   *Secret
		Any any
	}
	s := New(value)
	h := holder{s, &s, s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb, s, h)
	}
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "h", h)
	for _, form := range Forms(s) {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is visible in %q", form, out.String())
		}
	}
}

func TestPreviewShowsAtMostFourCharactersAndAQuarter(t *testing.T) {
	for _, c := range []struct{ value, prefix, want string }{
		{"ghp_0123456789", "ghp_", "ghp_…(14)"},
		{"abcdefgh", "", "ab…(8)"},
		{"abc", "", "…(3)"},
		{"abc", "abc", "…(3)"},
		{strings.Repeat("x", 400), "", "xxxx…(400)"},
		{"github_pat_0123456789", "github_pat_", "gith…(21)"},
		{"\x1b[31mabcdefghijkl", "", "·[31…(17)"},
		{"", "", "…(0)"},
	} {
		if got := New(c.value).Preview(c.prefix); got != c.want {
			t.Errorf("Preview(%q) of %q = %q, want %q", c.prefix, c.value, got, c.want)
		}
	}
}

func TestEqualComparesValuesNotPointers(t *testing.T) {
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || !(Secret{}).Equal(New("")) {
		t.Error("Equal must compare values")
	}
}

func TestIDIsStableUnderOneKeyAndUnrelatedUnderAnother(t *testing.T) {
	a, b := mustKey(t), mustKey(t)
	if a.ID(New("x")) != a.ID(New("x")) || a.ID(New("x")) == a.ID(New("y")) || a.ID(New("x")) == b.ID(New("x")) {
		t.Error("an id must depend on exactly key and value")
	}
	if id := a.ID(New("x")); len(id) != len("LG-")+16 {
		t.Errorf("id %q does not show 80 bits", id)
	}
}

func TestAccountsHaveKeysOfTheirOwn(t *testing.T) {
	k, x := mustKey(t), New("x")
	of := func(from Key, account int64) Key {
		own, err := from.For(account)
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	one, two := of(k, 1), of(k, 2)
	if one.ID(x) == two.ID(x) || one.ID(x) == k.ID(x) || one.HMAC("p", x) == two.HMAC("p", x) {
		t.Error("two accounts can be linked")
	}
	if one.ID(x) != of(k, 1).ID(x) || one.ID(x) == of(mustKey(t), 1).ID(x) || one.Stable() {
		t.Error("the key of an account is another each time")
	}
	for _, bad := range []int64{0, -1} {
		if _, err := k.For(bad); err == nil {
			t.Errorf("there is a key for account %d", bad)
		}
	}
}

func TestLoadKeyMakesAPrivateFileOnceAndReadsItAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leakgate", "key")
	first, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadKey(path)
	if err != nil || first.ID(New("x")) != second.ID(New("x")) || !second.Stable() {
		t.Fatalf("the key changed between two loads: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("key file has mode %v", info.Mode())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read was accepted: %v", err)
	}
}

func TestRedactorRemovesEveryForm(t *testing.T) {
	var r Redactor
	r.Add(New(value))
	for _, text := range []string{
		value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), url.QueryEscape(value), url.PathEscape(value),
		base64.StdEncoding.EncodeToString([]byte(value)),
		base64.URLEncoding.EncodeToString([]byte("u:" + value)),
		base64.StdEncoding.EncodeToString([]byte("x" + value + "tail")),
	} {
		got := r.Redact("before " + text + " after")
		if !strings.Contains(got, redacted) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
			t.Errorf("redacting %q gave %q", text, got)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(r.Writer(&out), "say %s", value)
	if out.String() != "say "+redacted {
		t.Errorf("the writer let through %q", out.String())
	}
}

func mustKey(t *testing.T) Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
