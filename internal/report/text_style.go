package report

import (
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
)

// palette colours words with the terminal's own sixteen colours; the zero
// palette leaves them as they are.
type palette struct{ on bool }

func paletteFor(color bool) palette { return palette{color} }

func (p palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string   { return p.paint("1", text) }
func (p palette) dim(text string) string    { return p.paint("2", text) }
func (p palette) red(text string) string    { return p.paint("31", text) }
func (p palette) green(text string) string  { return p.paint("32", text) }
func (p palette) yellow(text string) string { return p.paint("33", text) }

// decision is a badge; without colour it stands in brackets.
func (p palette) decision(d gate.Decision) string {
	word := strings.ToUpper(d.String())
	if !p.on {
		return "[" + word + "]"
	}
	code := map[gate.Decision]string{gate.Block: "1;37;41", gate.Warn: "30;43", gate.Allow: "30;42"}[d]
	return p.paint(orElse(code, "1;37;45"), " "+word+" ")
}

func (p palette) severity(s rules.Severity) string {
	code := map[rules.Severity]string{rules.Critical: "1;31", rules.High: "31", rules.Medium: "33"}[s]
	return p.paint(orElse(code, "36"), s.String())
}

var markdownLink = regexp.MustCompile(`\[([^\[\]]+)\]\(([^()\s]+)\)`)

// plainLinks is Markdown in one line, a link written out as "text (URL)".
func plainLinks(markdown string) string {
	return markdownLink.ReplaceAllString(strings.Join(strings.Fields(markdown), " "), "$1 ($2)")
}

// wrap breaks text at blanks into lines of at most width characters; a longer
// word stays whole, so that a URL can be clicked.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
