package hub

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span shows a name that others chose as code. Every character that could be
// markup, a mention, a link or a mark that steers the text becomes an entity or a
// replacement character, see https://github.github.com/gfm/#entity-and-numeric-character-references.
func span(name string) string { return "<code>" + plain(clip(name, longest)) + "</code>" }

// longest is how much of a name is shown, in characters: as entities fifty of them have
// to fit into the 65,536 that GitHub takes.
const longest = 80

// plain is that without the frame, for text that people wrote.
func plain(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == ' ' || r == '/':
			out.WriteRune(r)
		case r == utf8.RuneError || !unicode.IsPrint(r):
			out.WriteRune(utf8.RuneError)
		default:
			fmt.Fprintf(&out, "&#%d;", r)
		}
	}
	return out.String()
}

// fenced is a block of commands. Its fence is longer than any that could end it.
func fenced(lines ...string) string {
	fence := "```"
	text := strings.Join(lines, "\n")
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "sh\n" + text + "\n" + fence + "\n"
}

// word makes one word for a shell of a name that others chose. One that holds
// marks that do not print is not shown as a command: "" then.
func word(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.HasPrefix(name, "-") {
		return ""
	}
	if !strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("/._-", r) && !(r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)))
	}) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
