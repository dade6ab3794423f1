package rewrite

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// asMail is a text as mails write it.
func asMail(t *testing.T, text string, binary bool) string {
	t.Helper()
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	w.Binary = binary
	_, err := io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func readMail(t *testing.T, text string) string {
	t.Helper()
	out, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A value leaves a mail wherever a line ends in it, and nothing else does.
func TestValuesInMails(t *testing.T) {
	for _, v := range []string{gittest.Letters(12), gittest.Letters(20), gittest.Letters(41), gittest.Letters(90), gittest.Letters(200),
		"p=ss@w+r/d==" + gittest.Letters(8), "grüße=" + gittest.Letters(30), "a b\n" + gittest.Letters(30) + "\nc=d"} {
		e := newEditor(&Spec{Literals: []Literal{lit(v)}})
		for before := range 80 {
			whole := gittest.Letters(before) + " " + v + " " + gittest.Letters(90) + "\n"
			for _, end := range []string{"\r\n", "\n"} {
				in := strings.ReplaceAll(asMail(t, whole, false), "\r\n", end)
				for name, in := range map[string]string{"": in, "low digits": lowQuoted(in), "a card": cardOf(in)} {
					if !e.matcher.has([]byte(in)) {
						t.Fatalf("%s: a value of %d bytes behind %d is not found", name, len(v), before)
					}
					out, err := e.blob([]byte(in))
					if err != nil {
						t.Fatal(err)
					}
					if got, want := strings.ReplaceAll(readMail(t, string(out)), "\r\n", "\n"), strings.ReplaceAll(whole, v, Placeholder); got != want {
						t.Fatalf("%s: a value of %d bytes behind %d: %q, not %q", name, len(v), before, got, want)
					}
				}
			}
		}
	}
}

// lowQuoted has the digits of escapes low.
func lowQuoted(text string) string {
	return regexp.MustCompile(`=[0-9A-F]{2}`).ReplaceAllStringFunc(text, strings.ToLower)
}

// cardOf escapes what need not be, too, where the lines have room.
func cardOf(text string) string {
	return strings.NewReplacer("@", "=40", "+", "=2B", "/", "=2F").Replace(text)
}

// Half of a value is none, nor is what only looks like it.
func TestHalfAValueInAMailIsNone(t *testing.T) {
	v := gittest.Letters(30)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	for _, text := range []string{v[:15] + "=\n" + v[16:], v[:20] + "= \n" + v[20:25], v[:20] + "\n" + v[20:], v[1:10] + "=\r\n" + v[10:], v[:29] + "=\n"} {
		if out, err := e.blob([]byte(text)); err != nil || string(out) != text {
			t.Errorf("%v, %q becomes %q", err, text, out)
		}
	}
}

// Where nothing may move as many bytes stay, and lines end where they did.
func TestMailsInBinaries(t *testing.T) {
	v := gittest.Letters(30)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	for at := 1; at < len(v); at++ {
		in := "\x00" + v[:at] + "=\r\n" + v[at:]
		if out, err := e.blob([]byte(in)); err != nil || string(out) != "\x00"+mask(at)+"=\r\n"+mask(len(v)-at) {
			t.Errorf("%v, %q", err, out)
		}
	}
}

// A key leaves a mail whatever layout it has in there, and wherever that ends lines, too; a line
// before or behind it may stay where one ends in that.
func TestKeysInMails(t *testing.T) {
	for _, kind := range []string{"long", "short", "ssh"} {
		for range 3 {
			key := pemKey(t, kind)
			e := newEditor(&Spec{Literals: []Literal{lit(key)}})
			for before := range 8 {
				for name, with := range map[string]string{"JSON": `\n`, "YAML": "\n  ", "Java": "\\n\" +\n  \""} {
					in := asMail(t, gittest.Letters(1+before*9)+` = "`+strings.ReplaceAll(key, "\n", with)+`";`+"\n", false)
					out, err := e.blob([]byte(in))
					if got := readMail(t, string(out)); err != nil || strings.Count(got, Placeholder) != 1 || len(got) > 200 || !strings.HasSuffix(strings.TrimSpace(got), `";`) {
						t.Fatalf("%s as %s behind %d: %v, %s", kind, name, before, err, shorten(string(out)))
					}
				}
			}
		}
	}
}

// What replaces a value holds none, in no spelling.
func TestAReplacementHoldsNoSpelling(t *testing.T) {
	v, key := gittest.Letters(40), pemKey(t, "long")
	for name, with := range map[string]string{
		"a mail": v[:20] + "=\n" + v[20:], "base64": base64.StdEncoding.EncodeToString([]byte(v)), "a key": strings.ReplaceAll(key, "\n", "\n  "),
	} {
		l := lit(v)
		l.With = with
		if err := (&Spec{Literals: []Literal{l, lit(key)}}).Check(); !errors.Is(err, ErrSpec) || strings.Contains(err.Error(), v[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := lit(v)
	l.With = "a=\nb " + v[:20]
	if err := (&Spec{Literals: []Literal{l, lit(key)}}).Check(); err != nil {
		t.Error(err)
	}
}
