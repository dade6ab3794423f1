package rewrite

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/gittest"
)

// pemKey is a key of some length in bytes, of no use: random in a structure that keys have.
func pemKey(t *testing.T, kind string) string {
	t.Helper()
	var block *pem.Block
	switch kind {
	case "short":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	case "ssh":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if block, err = ssh.MarshalPrivateKey(key, "somebody"); err != nil {
			t.Fatal(err)
		}
	case "locked":
		block = &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,0011"}, Bytes: random(608)}
	default:
		block = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: append([]byte{0x30, 0x82, 0x04, 0xa0}, random(0x4a0)...)}
	}
	return strings.TrimSuffix(string(pem.EncodeToMemory(block)), "\n")
}

func random(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out)
	return out
}

// layouts are how files have a key, and what is to become of each.
func layouts(key string) map[string][2]string {
	lines := strings.Split(key, "\n")
	each := func(before, behind string) string { return before + strings.Join(lines, behind+before) }
	const p = Placeholder
	oneLine := strings.ReplaceAll(key, "\n", `\n`)
	out := map[string][2]string{
		"as it is":      {"a\n" + key + "\nb\n", "a\n" + p + "\nb\n"},
		"CRLF":          {"a\r\n" + each("", "\r\n") + "\r\nb", "a\r\n" + p + "\r\nb"},
		"CR":            {each("", "\r"), p},
		"YAML":          {"k:\n  tls.key: |\n    " + each("", "\n    ") + "\n  b: c\n", "k:\n  tls.key: |\n    " + p + "\n  b: c\n"},
		"tabs":          {"\tk = <<EOT\n\t\t" + each("", "\n\t\t") + "\n\tEOT\n", "\tk = <<EOT\n\t\t" + p + "\n\tEOT\n"},
		"JSON":          {`{"k": "` + oneLine + `\n"}`, `{"k": "` + p + `\n"}`},
		"JSON of PHP":   {`{"k": "` + strings.ReplaceAll(oneLine, "/", `\/`) + `\n"}`, `{"k": "` + p + `\n"}`},
		"JSON in JSON":  {`{"k": "{\"k\": \"` + strings.ReplaceAll(key, "\n", `\\n`) + `\"}"}`, `{"k": "{\"k\": \"` + p + `\"}"}`},
		"Windows JSON":  {`{"k": "` + strings.ReplaceAll(key, "\n", `\r\n`) + `"}`, `{"k": "` + p + `"}`},
		"dotenv":        {`KEY="` + oneLine + `"` + "\nA=b\n", `KEY="` + p + `"` + "\nA=b\n"},
		"blanks":        {"KEY=" + each("", " ") + "\n", "KEY=" + p + "\n"},
		"Java":          {`String k = "` + each("", `\n" +`+"\n        \"") + `\n";`, `String k = "` + p + `\n";`},
		"Java, before":  {`String k = "` + each("", `\n"`+"\n        + \"") + `\n";`, `String k = "` + p + `\n";`},
		"Go":            {"k := `" + each("", "\n") + "`\n", "k := `" + p + "`\n"},
		"JavaScript":    {"const k = [\n  '" + each("", "',\n  '") + "',\n].join('\\n');", "const k = [\n  '" + p + "',\n].join('\\n');"},
		"Python":        {`K = ("` + each("", `\n"`+"\n     \"") + `\n")`, `K = ("` + p + `\n")`},
		"PHP":           {`$k = '` + each("", "' . \"\\n\" .\n '") + `';`, `$k = '` + p + `';`},
		"C":             {`k = "` + each("", `\n\`+"\n") + `";`, `k = "` + p + `";`},
		"comment":       {"// " + each("", "\n// ") + "\nx()", "// " + p + "\nx()"},
		"hash":          {"# " + each("", "\n# ") + "\nx", "# " + p + "\nx"},
		"quoted mail":   {"> > " + each("", "\n> > ") + "\n\nhi", "> > " + p + "\n\nhi"},
		"patch":         {"+" + each("", "\n+") + "\n x\n", "+" + p + "\n x\n"},
		"page":          {"<p>" + each("", "<br>\n") + "</p>", "<p>" + p + "</p>"},
		"address":       {"?k=" + url.QueryEscape(key) + "&b=c", "?k=" + p + "&b=c"},
		"address, CRLF": {"?k=" + url.PathEscape(each("", "\r\n")) + "&b=c", "?k=" + p + "&b=c"},
		"XML":           {"<k>" + each("", "&#xA;") + "</k>", "<k>" + p + "</k>"},
	}
	if !strings.Contains(key, "Proc-Type") {
		body := lines[1 : len(lines)-1]
		out["no markers"] = [2]string{"k: |\n  " + strings.Join(body, "\n  ") + "\nb: c", "k: |\n  " + p + "\nb: c"}
		out["one line"] = [2]string{"k: " + strings.Join(body, "") + "\nb: c", "k: " + p + "\nb: c"}
		out["no footer"] = [2]string{"k: |\n  " + strings.Join(lines[:len(lines)-1], "\n  ") + "\n", "k: |\n  " + p + "\n"}
		out["no header"] = [2]string{"k: |\n  " + strings.Join(lines[1:], "\n  ") + "\n", "k: |\n  " + p + "\n"}
		out["wide"] = [2]string{"k: |\n  " + folded(strings.Join(body, ""), 76, "\n  ") + "\n", "k: |\n  " + p + "\n"}
		out["mail"] = [2]string{"k=\n" + strings.ReplaceAll(strings.Join(body, "\n"), "=", "=3D") + "\n", "k=\n" + p + "\n"}
	}
	return out
}

// asRule is what the rule for private keys takes from a text.
func asRule(text string) string {
	at, end := strings.Index(text, "-----BEGIN"), strings.LastIndex(text, "KEY-----")
	if at < 0 || end < at+40 {
		return ""
	}
	return text[at : end+len("KEY-----")]
}

// In whatever layout a key was found, its letters are known.
func TestLettersOfAKey(t *testing.T) {
	for _, kind := range []string{"long", "short", "ssh", "locked"} {
		key := pemKey(t, kind)
		want := lettersIn(key)
		if len(want) != 1 {
			t.Fatalf("%s: %d keys", kind, len(want))
		}
		for name, c := range layouts(key) {
			if v := asRule(c[0]); v != "" && !strings.HasPrefix(name, "no ") && !strings.HasPrefix(name, "address") && !slices.Equal(lettersIn(v), want) {
				t.Errorf("%s in %q: other letters", kind, name)
			}
		}
	}
}

// A key that is known in one layout leaves in every other, and nothing beside it changes.
func TestKeysInAnyLayout(t *testing.T) {
	for kind, from := range map[string]string{"long": "as it is", "short": "YAML", "ssh": "Java", "locked": "JSON"} {
		all := layouts(pemKey(t, kind))
		e := newEditor(&Spec{Literals: []Literal{lit(asRule(all[from][0]))}})
		for to, c := range all {
			if kind == "locked" && strings.HasPrefix(to, "address") {
				continue // its headers stay, escaped
			}
			out, err := e.blob([]byte(c[0]))
			if got := strings.ReplaceAll(string(out), url.QueryEscape(Placeholder), Placeholder); err != nil || got != c[1] {
				t.Errorf("%s, known from %q, in %q: %v, %s", kind, from, to, err, shorten(string(out)))
			}
			if again, err := e.blob(out); err != nil || !bytes.Equal(again, out) {
				t.Errorf("%s in %q: again changes something", kind, to)
			}
		}
	}
}

func shorten(text string) string {
	if len(text) > 240 {
		return fmt.Sprintf("%q…%q", text[:120], text[len(text)-120:])
	}
	return fmt.Sprintf("%q", text)
}

// Base64 of a key in whatever layout, as Secrets and files of settings have it, keeps its length.
func TestKeysInBase64(t *testing.T) {
	for _, kind := range []string{"long", "short", "ssh"} {
		key := pemKey(t, kind)
		e := newEditor(&Spec{Literals: []Literal{lit(strings.ReplaceAll(key, "\n", "\n      "))}})
		body := strings.Split(key, "\n")[1]
		for name, c := range layouts(key) {
			if kind == "short" && (strings.HasPrefix(name, "address") || name == "JSON of PHP") {
				continue // it may have no half of a line without what is escaped
			}
			for _, in := range []string{c[0], "x" + c[0]} {
				for depth := range 2 {
					for _, width := range []int{1 << 20, 64} {
						text := in
						for range depth + 1 {
							text = base64.StdEncoding.EncodeToString([]byte(text))
						}
						text = folded(text, width, "\n  ")
						out, err := e.blob([]byte(text))
						if err != nil || len(out) != len(text) {
							t.Fatalf("%v, %d bytes of %d", err, len(out), len(text))
						}
						for range depth + 1 {
							out = []byte(unfolded(string(out)))
						}
						if len(out) != len(in) || bytes.Contains(out, []byte(body[20:])) || bytes.Equal(out, []byte(in)) {
							t.Errorf("%s, %s, %d deep, lines of %d: %s", kind, name, depth, width, shorten(string(out)))
						}
					}
				}
			}
		}
	}
}

// What is not the whole key, or another one, stays; so does a certificate beside the key.
func TestOtherKeysStay(t *testing.T) {
	key, other := pemKey(t, "long"), pemKey(t, "long")
	certificate := strings.ReplaceAll(pemKey(t, "long"), "RSA PRIVATE KEY", "CERTIFICATE")
	e := newEditor(&Spec{Literals: []Literal{lit(certificate + "\n" + key)}})
	lines := strings.Split(key, "\n")
	part := strings.Join(append(append([]string{}, lines[:9]...), lines[10:]...), "\n  ")
	split := strings.Join(lines[:9], "\n") + "\nand then\n" + strings.Join(lines[9:], "\n")
	for name, text := range map[string]string{"another": other, "certificate": "  " + strings.ReplaceAll(certificate, "\n", "\n  "), "without a line": part, "something between": split} {
		if out, err := e.blob([]byte(text)); err != nil || string(out) != text {
			t.Errorf("%s: %v, %s", name, err, shorten(string(out)))
		}
	}
	both := "  " + strings.ReplaceAll(certificate+"\n"+other+"\n"+key+"\n"+other, "\n", "\n  ")
	want := strings.Replace(both, strings.ReplaceAll(key, "\n", "\n  "), Placeholder, 1)
	if out, err := e.blob([]byte(both)); err != nil || string(out) != want {
		t.Errorf("%v, %s", err, shorten(string(out)))
	}
}

// Where nothing may move, as many bytes stay, and ends of lines where they were.
func TestKeysInBinaries(t *testing.T) {
	key := pemKey(t, "long")
	e := newEditor(&Spec{Literals: []Literal{lit(key)}})
	in := "\x00\x01" + strings.ReplaceAll(key, "\n", "\n    ") + "\x00"
	out, err := e.blob([]byte(in))
	if err != nil || len(out) != len(in) || strings.Count(string(out), "\n    ") != strings.Count(in, "\n    ") || strings.Contains(string(out), strings.Split(key, "\n")[3]) {
		t.Errorf("%v, %s", err, shorten(string(out)))
	}
}

// Ordinary values cost no more than they did.
func TestOrdinaryValuesAreNoKeys(t *testing.T) {
	jwt := strings.ReplaceAll(gittest.Letters(120), "a", ".")
	for _, v := range []string{gittest.Letters(40), gittest.Letters(200), jwt, "-----BEGIN " + gittest.Letters(80), "-----BEGIN X-----\n" + gittest.Letters(20) + "\n-----END X-----"} {
		if forms := armoredForms(v, Placeholder); len(forms) > 0 {
			t.Errorf("%d spellings of %d bytes", len(forms), len(v))
		}
	}
}

// The file that Google gives out, and the same key for itself.
func TestAKeyOfAServiceAccount(t *testing.T) {
	key := strings.ReplaceAll(pemKey(t, "long"), "RSA ", "") + "\n"
	file, err := json.MarshalIndent(map[string]string{"type": "service_account", "private_key": key}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	_, v, _ := strings.Cut(string(file), `"private_key": "`)
	v, _, _ = strings.Cut(v, `"`)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	if out, err := e.blob([]byte("stringData:\n  key: |\n    " + strings.ReplaceAll(key, "\n", "\n    "))); err != nil || !strings.HasPrefix(string(out), "stringData:\n  key: |\n    "+Placeholder+"\n") {
		t.Errorf("%v, %s", err, shorten(string(out)))
	}
}
