package report

import (
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestVisibleEscapesWhatDoesNotPrint(t *testing.T) {
	for text, want := range map[string]string{
		"plain größe 鍵":            "plain größe 鍵",
		"a\nb\tc\rd":               `a\nb\tc\rd`,
		"\x1b[31m\x00\x7f":         `\x1b[31m\x00\x7f`,
		"\u202e\u200b\u0085\ufeff": `\u{202e}\u{200b}\u{85}\u{feff}`,
		"\xff\xfe":                 `\xff\xfe`,
		"\ufffd":                   "\ufffd",
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRelativeURIsStayInsideTheRepository(t *testing.T) {
	for path, want := range map[string]string{
		"a/b c.txt":    "a/b%20c.txt",
		"/etc/passwd":  "etc/passwd",
		"//host/x":     "host/x",
		"../up/./x":    "%2E%2E/up/x",
		"javascript:x": "javascript%3Ax",
		"a?b#c%d":      "a%3Fb%23c%25d",
		"größe\xff":    "gr%C3%B6%C3%9Fe%FF",
		"a.zip!in/b":   "a.zip%21in/b",
		"C:\\x":        "C%3A%5Cx",
	} {
		if got := relativeURI(path); got != want {
			t.Errorf("relativeURI(%q) = %q, want %q", path, got, want)
		}
	}
}

// FuzzEscape: whatever a repository holds, each format keeps its form and the
// text can be read back.
func FuzzEscape(f *testing.F) {
	f.Add("config/app.env")
	f.Add(hostile)
	f.Add("|\n|---|\n``` </details> www.example.org a@b.cd &amp; ![x](y)")
	f.Fuzz(func(t *testing.T, text string) {
		shown := visible(text)
		for _, r := range shown {
			if !unicode.IsPrint(r) {
				t.Errorf("visible lets %U through", r)
			}
		}
		if utf8.ValidString(text) && isVisible(text) && shown != text {
			t.Errorf("visible changes %q to %q", text, shown)
		}
		if md := markdownText(text); html.UnescapeString(md) != shown || strings.ContainsAny(md, "|`<>*_[]()\n@\\!~:\"'") {
			t.Errorf("Markdown of %q is %q", text, md)
		}
		if back, err := url.PathUnescape(relativeURI(text)); err != nil || strings.ReplaceAll(relativeURI(text), "%2E%2E", "") != "" && len(back) > len(text) {
			t.Errorf("uri of %q: %v", text, err)
		}
		r := blocked()
		for i := range r.Verdict.Findings {
			g := &r.Verdict.Findings[i]
			g.At.Path, g.At.Field, g.Commit.Author, g.Reason, g.Context = text, text, text, text, text
		}
		r.Result.Coverage.Missed[0].Reason, r.Verdict.Notices[0].Text, r.Result.Range.Text = text, text, text
		if tests, _, _, _ := junitCounts(t, write(t, "junit", r)); tests != 8 {
			t.Errorf("%d tests in JUnit", tests)
		}
		if rows := tableRows(t, write(t, "markdown", r)); rows != len(r.Verdict.Findings) {
			t.Errorf("%d rows in Markdown", rows)
		}
		if lines := strings.Count(write(t, "text", r), "\n"); lines != strings.Count(write(t, "text", plainCopy(r)), "\n") {
			t.Errorf("%d lines of text", lines)
		}
		for _, format := range []string{"json", "sarif", "gitlab"} {
			if !json.Valid([]byte(write(t, format, r))) {
				t.Errorf("%s is not JSON", format)
			}
		}
	})
}

// plainCopy is the report with every text that FuzzEscape changes made plain,
// but empty where it was empty.
func plainCopy(r *Report) *Report {
	plain := blocked()
	word := ""
	if r.Result.Range.Text != "" {
		word = "x"
	}
	for i := range plain.Verdict.Findings {
		g := &plain.Verdict.Findings[i]
		g.At.Path, g.At.Field, g.Commit.Author, g.Reason, g.Context = word, word, word, word, word
	}
	plain.Result.Coverage.Missed[0].Reason, plain.Verdict.Notices[0].Text, plain.Result.Range.Text = word, word, word
	return plain
}
