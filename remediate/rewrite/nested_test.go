package rewrite

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

func std(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Base64 in base64 holds values at each alignment, and what is around them stays.
func TestValuesInNestedBase64(t *testing.T) {
	for _, v := range []string{gittest.Letters(6), gittest.Letters(13), "a?b>c~" + gittest.Letters(20), gittest.Letters(90)} {
		e := newEditor(&Spec{Literals: []Literal{lit(v)}})
		for before := range 4 {
			for between := range 4 {
				for _, width := range []int{64, 76, 10000} {
					if len(v) < 12 && width < 10000 {
						continue // too short to be looked for in lines
					}
					inner := std("user" + gittest.Letters(before) + ":" + v + "+")
					whole := gittest.Letters(40+between) + inner + gittest.Letters(50)
					in := folded(std(whole), width, "\n")
					out, err := e.blob([]byte(in))
					want := strings.Replace(whole, inner, strings.Replace(inner, inner, std(strings.Replace(plainOf(t, inner), v, mask(len(v)), 1)), 1), 1)
					if got := unfolded(string(out)); err != nil || got != want || len(out) != len(in) {
						t.Fatalf("%d bytes, %d and %d before, lines of %d: %v", len(v), before, between, width, err)
					}
					deep := std(strings.Repeat("x", between) + "{" + std(whole) + "}")
					out, err = e.blob([]byte(deep))
					if got := plainOf(t, string(out))[between+1:]; err != nil || plainOf(t, got[:len(got)-1]) != want {
						t.Fatalf("%d bytes, %d and %d before, three times: %v", len(v), before, between, err)
					}
				}
			}
		}
	}
}

// What has the bits of a short value that are looked for three times deep, and not the value, stays.
func TestPartOfAValueInNestedBase64IsNone(t *testing.T) {
	e := newEditor(&Spec{Literals: []Literal{lit("aZ34Sp")}})
	for before := range 12 {
		in := std(strings.Repeat("x", before/4) + std(strings.Repeat("y", before%4)+std("useraZ3:aZ35Q1+")+"0") + "0")
		if out, err := e.blob([]byte(in)); err != nil || string(out) != in {
			t.Errorf("%v: %q becomes %q", err, in, out)
		}
	}
}

func plainOf(t *testing.T, text string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The login of a registry in a Secret is still one, without its password.
func TestLoginOfARegistry(t *testing.T) {
	v := gittest.Letters(24)
	login := func(password string) string {
		auth, err := json.Marshal(map[string]any{"auths": map[string]any{"registry.example": map[string]string{"username": "ci", "password": password, "auth": std("ci:" + password)}}})
		if err != nil {
			t.Fatal(err)
		}
		return "kind: Secret\ndata:\n  .dockerconfigjson: " + std(string(auth)) + "\n"
	}
	out, err := newEditor(&Spec{Literals: []Literal{lit(v)}}).blob([]byte(login(v)))
	if want := login(mask(len(v))); err != nil || string(out) != want {
		t.Errorf("%v: %s", err, hide(string(out), v))
	}
}

// Bytes are written as numbers in many ways, in lines and in one.
func TestValuesAsNumbers(t *testing.T) {
	each := func(v, format, between string) string {
		var out []string
		for i := range len(v) {
			out = append(out, fmt.Sprintf(format, v[i]))
		}
		return strings.Join(out, between)
	}
	lines := func(text, between string, per int, end string) string {
		parts := regexp.MustCompile(regexp.QuoteMeta(between)).Split(text, -1)
		var out strings.Builder
		for i, p := range parts {
			switch {
			case i > 0 && i%per == 0:
				out.WriteString(end)
			case i > 0:
				out.WriteString(between)
			}
			out.WriteString(p)
		}
		return out.String()
	}
	for _, v := range []string{gittest.Letters(7), gittest.Letters(12), "\x01\xfa k" + gittest.Letters(20), gittest.Letters(80)} {
		e := newEditor(&Spec{Literals: []Literal{lit(v)}})
		for name, by := range map[string]func(string) string{
			"colons":   func(v string) string { return each(v, "%02X", ":") },
			"blanks":   func(v string) string { return each(v, "%02x", " ") },
			"dashes":   func(v string) string { return each(v, "%02X", "-") },
			"source":   func(v string) string { return each(v, "0x%02x", ", ") },
			"close":    func(v string) string { return each(v, "0x%02x", ",") },
			"words":    func(v string) string { return each(v, "0x%02x", " ") },
			"escapes":  func(v string) string { return each(v, `\x%02x`, "") },
			"unicode":  func(v string) string { return each(v, `\u%04x`, "") },
			"octal":    func(v string) string { return each(v, `\%03o`, "") },
			"page":     func(v string) string { return each(v, "&#%d;", "") },
			"page hex": func(v string) string { return each(v, "&#x%x;", "") },
			"JSON":     func(v string) string { return "[" + each(v, "%d", ",") + "]" },
			"Go":       func(v string) string { return "[" + each(v, "%d", " ") + "]" },
			"Python":   func(v string) string { return "[" + each(v, "%d", ", ") + "]" },
			"utf-16":   func(v string) string { return fmt.Sprintf("%x", encodeWide(v, false)) },
			"utf-16be": func(v string) string { return fmt.Sprintf("%X", encodeWide(v, true)) },
			"xxd -p": func(v string) string {
				return folded(fmt.Sprintf("%x", "some bytes before "+v+" and behind"), 60, "\n")
			},
			"xxd -i": func(v string) string { return lines(each("before "+v+" behind", "0x%02x", ", "), ", ", 12, ",\n  ") },
			"openssl": func(v string) string {
				return lines(each("before "+v+" behind", "%02x", ":"), ":", 15, ":\n                ")
			},
			"dump":      func(v string) string { return lines(each("before "+v+" behind", "%02x", " "), " ", 16, "\n") },
			"url twice": func(v string) string { return url.QueryEscape(url.QueryEscape(v)) },
			"all twice": func(v string) string { return strings.ReplaceAll(hexPercent(v), "%", "%25") },
		} {
			if short := len(v) < 12; short && (name == "xxd -p" || name == "xxd -i" || name == "openssl" || name == "dump") {
				continue // too short to be looked for in lines
			}
			if strings.HasPrefix(name, "utf") && v[0] < ' ' || name == "page hex" && v[0] < ' ' {
				continue // no text
			}
			in := "<" + by(v) + ">"
			out, err := e.blob([]byte(in))
			if err != nil || strings.Contains(string(out), by(v)) || out[0] != '<' || out[len(out)-1] != '>' || string(out) == in {
				t.Errorf("%d bytes as %s: %v, %d bytes become %d", len(v), name, err, len(in), len(out))
			}
			if again, err := e.blob(out); err != nil || string(again) != string(out) {
				t.Errorf("%d bytes as %s: again changes something", len(v), name)
			}
			if half := "<" + by(v[:len(v)-1]+"\x7f") + ">"; v[0] >= ' ' {
				if out, err := e.blob([]byte(half)); err != nil || string(out) != half {
					t.Errorf("%d bytes as %s: another value is taken for it", len(v), name)
				}
			}
		}
	}
}

// JSON in JSON, base64 in addresses and JSON, and bytes beyond ASCII in strings.
func TestEscapedTwice(t *testing.T) {
	quoted := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	v := "pä\"ss<\\>/" + gittest.Letters(5) + "~?" + gittest.Letters(8)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	slashes, pluses := std("abc~~?"+v), std("~>>"+v)
	for name, in := range map[string]string{
		"JSON": quoted(map[string]string{"a": quoted(map[string]string{"b": v})}),
		"PHP":  quoted(strings.ReplaceAll(asciiJSON(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v)), "/", `\/`)),
		"URL":  "https://h/?x=" + url.QueryEscape(slashes) + "&y=" + url.QueryEscape(pluses),
		"/":    strings.ReplaceAll(slashes, "/", `\/`), ".NET": strings.ReplaceAll(pluses, "+", `\u002B`), "Go": strings.ReplaceAll(pluses, "+", "&#43;"),
		"repr": strings.NewReplacer("ä", `\xc3\xa4`).Replace(v), "git": strings.NewReplacer("ä", `\303\244`).Replace(v),
	} {
		out, err := e.blob([]byte("<" + in + ">"))
		if err != nil || strings.Contains(string(out), in) || strings.Contains(string(out), v[len(v)-8:]) {
			t.Errorf("%s: %v, %s", name, err, hide(string(out), v))
		}
	}
}

// What is around a key is looked at letter by letter, so that must cost little.
func TestLettersOfBase64AreLookedUp(t *testing.T) {
	enc := base64.RawStdEncoding
	if n := testing.AllocsPerRun(100, func() { isBase64(enc, 'A') }); n > 0 {
		t.Errorf("%v pieces of memory for a letter", n)
	}
	if !isBase64(enc, '+') || isBase64(enc, '-') || !isBase64(base64.RawURLEncoding, '_') || isBase64(base64.RawURLEncoding, '/') || isBase64(enc, '=') {
		t.Error("another alphabet")
	}
}
