package rewrite

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
)

// folded breaks a text into lines.
func folded(text string, width int, end string) string {
	var out []string
	for len(text) > width {
		out, text = append(out, text[:width]), text[width:]
	}
	return strings.Join(append(out, text), end)
}

// unfolded undoes every break and every base64.
func unfolded(text string) string {
	for _, cut := range []string{"\r", "\n", `\r`, `\n`, " ", "\t"} {
		text = strings.ReplaceAll(text, cut, "")
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return "?"
	}
	return string(raw)
}

// Base64 that is broken into lines holds values wherever the lines end.
func TestValuesInBrokenBase64(t *testing.T) {
	for n, v := range map[int]string{12: gittest.Letters(12), 20: gittest.Letters(20), 40: gittest.Letters(40), 90: gittest.Letters(90), 300: gittest.Letters(300)} {
		e := newEditor(&Spec{Literals: []Literal{lit(v)}})
		for before := range 100 {
			whole := gittest.Letters(before) + v + gittest.Letters(30)
			for _, width := range []int{64, 76} {
				for _, end := range []string{"\n", "\r\n", `\n`, "\n    "} {
					in := folded(base64.StdEncoding.EncodeToString([]byte(whole)), width, end)
					out, err := e.blob([]byte(in))
					if err != nil {
						t.Fatal(err)
					}
					if want := strings.ReplaceAll(whole, v, mask(len(v))); unfolded(string(out)) != want {
						t.Fatalf("%d bytes behind %d, lines of %d: %q, not %q", n, before, width, unfolded(string(out)), want)
					}
					if len(out) != len(in) || strings.Count(string(out), end) != strings.Count(in, end) {
						t.Fatal("what is around the value moved")
					}
				}
			}
		}
	}
}

// Half of a value is none, in base64 too.
func TestHalfAValueInBase64IsNone(t *testing.T) {
	v := gittest.Letters(40)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	for _, half := range []string{v[:37], v[3:], v[:20] + v[:20], v[20:] + v[:20]} {
		for _, width := range []int{32, 64, 1000} {
			in := folded(base64.StdEncoding.EncodeToString([]byte(half)), width, "\n")
			if out, err := e.blob([]byte(in)); err != nil || string(out) != in {
				t.Errorf("%v: %q becomes %q", err, in, out)
			}
		}
	}
}

// Pages, mails, YAML, SQL and shells write some characters otherwise.
func TestQuotedValues(t *testing.T) {
	v := "a&b<c>'\"=" + gittest.Letters(9)
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	for name, text := range map[string]string{
		"Go": html.EscapeString(v), "mail": strings.ReplaceAll(v, "=", "=3D"), "SQL": strings.ReplaceAll(v, "'", "''"), "shell": strings.ReplaceAll(v, "'", `'\''`),
		"Python": strings.NewReplacer("&#39;", "&#x27;", "&#34;", "&quot;").Replace(html.EscapeString(v)), "PHP": strings.NewReplacer("&#39;", "&#039;", "&#34;", "&quot;").Replace(html.EscapeString(v)),
		"XML": strings.NewReplacer("&#39;", "&apos;", "&#34;", "&quot;").Replace(html.EscapeString(v)), "text": strings.NewReplacer("&#39;", "'", "&#34;", `"`).Replace(html.EscapeString(v)),
	} {
		if out, err := e.blob([]byte("<" + text + ">")); err != nil || string(out) != "<"+Placeholder+">" {
			t.Errorf("%s: %v, %q", name, err, hide(string(out), v))
		}
	}
}

// Every spelling is found at each alignment, and leaves what is around it.
func TestSpellings(t *testing.T) {
	for _, v := range []string{"p@ss /w&~*'" + gittest.Letters(9), "grüße-" + gittest.Letters(8), "abc/d+", gittest.Letters(6)} {
		e := newEditor(&Spec{Literals: []Literal{lit(v)}})
		old, narrow := latin1(v)
		forms := map[string]string{
			"form":           strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(v)),
			"plus":           url.QueryEscape(v),
			"space":          strings.ReplaceAll(url.QueryEscape(v), "+", "%20"),
			"low digits":     lowDigits(url.QueryEscape(v)),
			"all":            strings.ToUpper(hexPercent(v)),
			"all, low":       hexPercent(v),
			"mixed hex":      mixed(hex.EncodeToString([]byte(v))),
			"ascii":          asciiJSON(v),
			"utf-16, base64": base64.StdEncoding.EncodeToString(encodeWide("x = "+v+" y", false)),
			"utf-16be":       base64.StdEncoding.EncodeToString(encodeWide("xy = "+v+" y", true)),
		}
		for skip := range 3 {
			forms[fmt.Sprint("base64 ", skip)] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("z", skip) + v))
			forms[fmt.Sprint("base64 utf-16 ", skip)] = base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte("z"), skip), encodeWide(v, false)...))
		}
		if narrow {
			forms["latin1"], forms["latin1, base64"], forms["latin1, url"] = old, base64.StdEncoding.EncodeToString([]byte("z"+old)), hexPercent(old)
		}
		for name, text := range forms {
			if out, err := e.blob([]byte("<" + text + ">")); err != nil || strings.Contains(string(out), text) || out[0] != '<' || out[len(out)-1] != '>' {
				t.Errorf("a value of %d bytes, %s: %v, %q", len(v), name, err, hide(string(out), v))
			}
		}
	}
}

func hexPercent(v string) (out string) {
	for i := range len(v) {
		out += fmt.Sprintf("%%%02x", v[i])
	}
	return out
}

func asciiJSON(v string) (out string) {
	for _, r := range v {
		if r < 0x80 {
			out += string(r)
		} else {
			out += fmt.Sprintf(`\u%04X`, r)
		}
	}
	return out
}

func lowDigits(text string) string {
	out := []byte(text)
	for i := range out {
		if isPercent(text, i) {
			out[i] = strings.ToLower(text[i : i+1])[0]
		}
	}
	return string(out)
}

func mixed(text string) string {
	out := []byte(text)
	for i := range out {
		if i%3 == 0 {
			out[i] = strings.ToUpper(text[i : i+1])[0]
		}
	}
	return string(out)
}

// A delta that brings one half of broken base64 brings the value.
func TestStretchesOfBrokenBase64(t *testing.T) {
	v := gittest.Letters(24)
	whole := []byte(strings.Repeat("a: b\n", 40) + folded(base64.StdEncoding.EncodeToString([]byte(gittest.Letters(70)+v+gittest.Letters(40))), 64, "\n") + strings.Repeat("c: d\n", 40))
	s := stretches{editor: newEditor(&Spec{Literals: []Literal{lit(v)}})}
	if !s.editor.matcher.has(whole) {
		t.Fatal("the value is not found at all")
	}
	for range 3000 {
		at := rand.N(len(whole) - 1)
		n := 1 + rand.N(min(30, len(whole)-at))
		base := append(append(bytes.Clone(whole[:at]), '!'), whole[at+n:]...)
		_, note := s.look(&gitrepo.Packed{Data: base})
		ops := append(copyOf(0, at), byte(n))
		ops = append(append(ops, whole[at:at+n]...), copyOf(at+1, len(base)-at-1)...)
		delta := append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(base))), uint64(len(whole))), ops...)
		if found, _ := s.look(&gitrepo.Packed{Data: whole, Delta: delta, Note: note}); !found {
			t.Fatalf("not found when bytes %d to %d are new", at, at+n)
		}
	}
}

// copyOf is the instruction of a delta that copies from its base.
func copyOf(from, size int) []byte {
	if size == 0 {
		return nil
	}
	return []byte{0x80 | 3 | 0x30, byte(from), byte(from >> 8), byte(size), byte(size >> 8)}
}

// In a repository all of them are gone, and the law holds.
func TestOddSpellingsLeaveHistory(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		std := base64.StdEncoding.EncodeToString
		files := map[string]string{
			"mime":  folded(std([]byte(gittest.Letters(50)+g.value+gittest.Letters(50))), 76, "\r\n") + "\r\n",
			"pem":   folded(std([]byte(gittest.Letters(45)+g.other+gittest.Letters(50))), 64, "\n") + "\n",
			"json":  `{"key": "` + folded(std([]byte(gittest.Letters(44)+g.value)), 64, `\n`) + `"}`,
			"hex":   mixed(hex.EncodeToString([]byte(g.value))),
			"shell": "powershell -enc " + std(encodeWide("login "+g.value, false)),
			"url":   "https://h/?p=" + lowDigits(url.QueryEscape(g.value)),
		}
		for name, text := range files {
			g.Write(name, text)
		}
		g.File("plain", g.value)
		g.holdsLaw()
		for name, text := range files {
			got, err := os.ReadFile(filepath.Join(g.Dir, name))
			if err != nil || string(got) == text || len(got) < len(text)-len(g.other) {
				t.Errorf("%s: %v, %q", name, err, hide(string(got), g.value))
			}
		}
	})
}

// What programs escape in addresses and in quotes is found, whichever of their ways it was.
func TestValuesAsProgramsEscapeThem(t *testing.T) {
	v := "a9;B&c:" + gittest.Letters(6) + `'x"$y\z/k@qé=`
	wide := string(encodeWide(v, false))
	each := func(format, between string) string {
		var out []string
		for i := range len(wide) {
			out = append(out, fmt.Sprintf(format, wide[i]))
		}
		return strings.Join(out, between)
	}
	e := newEditor(&Spec{Literals: []Literal{lit(v)}})
	for name, in := range map[string]string{
		"password of Go":       url.UserPassword("u", v).String(),
		"path of Go":           (&url.URL{Path: "/" + v}).EscapedPath(),
		"encodeURI":            strings.NewReplacer(`"`, "%22", `\`, "%5C", "é", "%C3%A9").Replace(v),
		"password of browsers": strings.NewReplacer(`"`, "%22", `\`, "%5C", ";", "%3B", ":", "%3A", "/", "%2F", "@", "%40", "=", "%3D", "é", "%C3%A9").Replace(v),
		"path of browsers":     strings.NewReplacer(`"`, "%22", "é", "%C3%A9").Replace(v),
		"query of browsers":    strings.NewReplacer(`"`, "%22", "'", "%27", "é", "%C3%A9").Replace(v),
		"shlex.quote":          strings.ReplaceAll(v, "'", `'"'"'`),
		"Compose":              strings.ReplaceAll(v, "$", "$$"),
		"double quotes":        strings.NewReplacer(`"`, `\"`, "$", `\$`, `\`, `\\`).Replace(v),
		"single quotes":        strings.NewReplacer("'", `\'`, `\`, `\\`).Replace(v),
		"printf %q":            strings.NewReplacer(";", `\;`, "&", `\&`, "'", `\'`, `"`, `\"`, "$", `\$`, `\`, `\\`).Replace(v),
		"mails":                strings.NewReplacer("=", "=3D", "é", "=C3=A9").Replace(v),
		"UTF-16 with colons":   each("%02X", ":"),
		"UTF-16 in C":          each("0x%02x", ", "),
	} {
		if in == v {
			t.Fatalf("%s: nothing is escaped", name)
		}
		if out, err := e.blob([]byte(in)); err != nil || strings.Contains(string(out), in) || !e.matcher.has([]byte(in)) {
			t.Errorf("%s: %v, %q stays", name, err, out)
		}
	}
}
