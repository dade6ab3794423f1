package report

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible makes text harmless for a terminal, a log and XML: what does not
// print (control characters, escapes, line ends, direction marks, invalid
// bytes) becomes a backslash escape, and so does what starts a command of a
// continuous-integration system. Nothing is left out, so that no two pieces
// grow together.
func visible(text string) string {
	if isVisible(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(escaped(r))
		}
		text = text[size:]
	}
	return strings.ReplaceAll(out.String(), commandMark, `#\x23`)
}

// Line is text that a repository wrote, as one line for a terminal or a log.
func Line(text string) string { return disarm(visible(text)) }

// Markdown is text that somebody else wrote, to be taken literally in Markdown. In an
// element code GitHub looks for no @mentions in it.
func Markdown(text string) string { return markdownText(text) }

// commandMark begins a command wherever it stands in a line of a log:
// "##[error]" on GitHub, "##vso[task.setvariable]" on Azure DevOps,
// "##teamcity[message]".
const commandMark = "##"

// disarm is a line that GitHub does not take for a workflow command, which
// begins a line with "::" after any blanks:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func disarm(line string) string {
	if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "::") {
		return line[:len(line)-len(rest)] + `\x3a` + rest[1:]
	}
	return line
}

func isVisible(text string) bool {
	if strings.Contains(text, commandMark) {
		return false
	}
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u{%x}`, r)
}

// xmlText is visible text for an XML attribute or element.
func xmlText(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(visible(text))) // a Builder takes every write
	return out.String()
}

// markdownText is visible text that Markdown and HTML take literally. A
// character reference never has a meaning of its own in Markdown:
// https://github.github.com/gfm/#entity-and-numeric-character-references
func markdownText(text string) string {
	var out strings.Builder
	var before rune
	for _, r := range visible(text) {
		switch {
		case r >= 0x80 || r == ' ' || r == '-' || r == '/' || r == ',' || isWord(r):
			out.WriteRune(r)
		case r == '.' && before != 'w' && before != 'W': // "www." alone makes a link
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, "&#%d;", r)
		}
		before = r
	}
	return out.String()
}

func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// markdownCode is markdownText in an element in which GitHub and GitLab look
// for no @mentions, #references and commit ids.
func markdownCode(text string) string {
	if text == "" {
		return ""
	}
	return "<code>" + markdownText(text) + "</code>"
}

// sarifText is visible text for a SARIF message, where brackets make links
// and braces are placeholders (SARIF 2.1.0, 3.11.5 and 3.11.6).
func sarifText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `{`, `{{`, `}`, `}}`).Replace(visible(text))
}

// relativeURI is a path as a relative reference: percent-encoded, without a
// scheme, host, root or dot segment that a reader would resolve elsewhere.
func relativeURI(path string) string {
	segments := strings.Split(path, "/")
	kept := segments[:0]
	for _, s := range segments {
		switch s {
		case "", ".":
			continue
		case "..":
			s = "%2E%2E"
		default:
			s = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
		}
		kept = append(kept, s)
	}
	return strings.Join(kept, "/")
}

// clip keeps text to a number of characters.
func clip(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// clipMiddle keeps the beginning and the end, as a path is best recognised.
func clipMiddle(text string, limit int) string {
	runes := []rune(text)
	if limit < 8 || len(runes) <= limit {
		return text
	}
	head := (limit - 1) / 3
	return string(runes[:head]) + "…" + string(runes[len(runes)-(limit-1-head):])
}
