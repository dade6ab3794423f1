package report

import (
	"encoding/json"
	"encoding/xml"
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
		"###[x]##vso[y]":           `#\x23#[x]#\x23vso[y]`,
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

var hostileTexts = []string{"config/app.env", hostile, "|\n|---|\n``` </details> www.example.org a@b.cd &amp; ![x](y)"}

// FuzzEscape: what is shown prints, holds no syntax of its format, and can be read back.
func FuzzEscape(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := visible(text)
		for _, r := range shown {
			if !unicode.IsPrint(r) {
				t.Errorf("visible lets %U through", r)
			}
		}
		if strings.Contains(shown, commandMark) {
			t.Errorf("visible lets a command through: %q", shown)
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
		var doc string
		if err := xml.Unmarshal([]byte("<a>"+xmlText(text)+"</a>"), &doc); err != nil || doc != shown {
			t.Errorf("XML of %q is read as %q: %v", text, doc, err)
		}
		if line := disarm(shown); strings.HasPrefix(strings.TrimSpace(line), "::") {
			t.Errorf("a command remains in %q", line)
		}
	})
}

// FuzzFormats: whatever a repository holds, each format keeps its form.
func FuzzFormats(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := blocked()
		for i := range r.Verdict.Findings {
			g := &r.Verdict.Findings[i]
			g.At.Path, g.At.Field, g.Commit.Author, g.Reason, g.Context, g.Fix = text, text, text, text, text, text
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
		for _, format := range Formats() {
			noCommands(t, format, write(t, format, r))
		}
		for _, format := range []string{"json", "sarif", "gitlab"} {
			if !json.Valid([]byte(write(t, format, r))) {
				t.Errorf("%s is not JSON", format)
			}
		}
	})
}

// noCommands fails when a build's log would take a line for a command. The
// headings of Markdown are our own.
func noCommands(t testing.TB, format, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(line, "## ")
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##") {
			t.Errorf("%s has a command in %q", format, line)
		}
	}
}

func TestNoLineIsACommandForABuildsLog(t *testing.T) {
	all, _ := canaries(t)
	r := blocked()
	for i := range r.Verdict.Findings[:5] {
		r.Verdict.Findings[i].At.Path = "::add-mask::x"
		r.Verdict.Findings[i].Reason = " ::stop-commands::x"
	}
	for _, format := range Formats() {
		noCommands(t, format, write(t, format, all))
		noCommands(t, format, write(t, format, r))
	}
	if out := write(t, "text", r); !strings.Contains(out, `\x3a:add-mask::x`) {
		t.Error("the path is not shown")
	}
}

// plainCopy is the report with every text that FuzzFormats changes made plain,
// but empty where it was empty.
func plainCopy(r *Report) *Report {
	plain := blocked()
	word := ""
	if r.Result.Range.Text != "" {
		word = "x"
	}
	for i := range plain.Verdict.Findings {
		g := &plain.Verdict.Findings[i]
		g.At.Path, g.At.Field, g.Commit.Author, g.Reason, g.Context, g.Fix = word, word, word, word, word, word
	}
	plain.Result.Coverage.Missed[0].Reason, plain.Verdict.Notices[0].Text, plain.Result.Range.Text = word, word, word
	return plain
}
