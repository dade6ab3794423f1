package rules

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

// Ignores are the entries of a .gitleaksignore, each of which takes back the
// findings of one rule on one line. They are safe for concurrent use.
type Ignores struct {
	Warnings []string // lines that are no entry, as "FILE:LINE: text"

	file    string
	entries []*ignore
	byText  map[string]*ignore
}

type ignore struct {
	line int
	text string
	used atomic.Bool
}

// ParseIgnores reads lines of the form path:rule:line or
// commit:path:rule:line. A path may contain colons, which gitleaks warns of
// and then matches all the same.
func ParseIgnores(name string, text []byte) (*Ignores, error) {
	if len(text) > maxConfigBytes {
		return nil, fmt.Errorf("%s: the file is larger than %d MiB", name, maxConfigBytes>>20)
	}
	g := &Ignores{file: name, byText: map[string]*ignore{}}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	number := 0
	for line := range bytes.Lines(text) {
		number++
		g.add(number, string(bytes.TrimSpace(line)))
	}
	return g, nil
}

func (g *Ignores) add(number int, line string) {
	if line == "" || line[0] == '#' {
		return
	}
	text, ok := normalIgnore(line)
	if !ok {
		g.Warnings = append(g.Warnings, fmt.Sprintf("%s:%d: not an entry; write path:rule:line or commit:path:rule:line", g.file, number))
		return
	}
	if g.byText[text] == nil {
		e := &ignore{line: number, text: text}
		g.byText[text] = e
		g.entries = append(g.entries, e)
	}
}

// normalIgnore parses from the right, since only the path may hold a colon,
// and turns the backslashes of a path into slashes.
func normalIgnore(line string) (string, bool) {
	place, number, ok := cutLast(line)
	if _, err := strconv.ParseUint(number, 10, 31); err != nil || !ok {
		return "", false
	}
	place, rule, ok := cutLast(place)
	if !ok || place == "" || rule == "" {
		return "", false
	}
	return strings.ReplaceAll(place, `\`, "/") + ":" + rule + ":" + number, true
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// Match reports whether an entry ignores the finding, and marks the entry as
// used. The commit is "" outside a history; line counts from 1, or is 0 for a
// finding on a path.
func (g *Ignores) Match(commit, path, rule string, line int) bool {
	if g == nil || len(g.byText) == 0 {
		return false
	}
	var space [256]byte
	text := append(space[:0], commit...)
	text = append(text, ':')
	text = append(text, path...)
	text = append(text, ':')
	text = append(text, rule...)
	text = append(text, ':')
	text = strconv.AppendInt(text, int64(line), 10)
	anywhere := g.mark(text[len(commit)+1:])
	return commit != "" && g.mark(text) || anywhere
}

func (g *Ignores) mark(text []byte) bool {
	e := g.byText[string(text)]
	if e == nil {
		return false
	}
	e.used.Store(true)
	return true
}

// Unused names the entries that matched nothing so far, as "FILE:LINE: text".
func (g *Ignores) Unused() []string {
	if g == nil {
		return nil
	}
	var unused []string
	for _, e := range g.entries {
		if !e.used.Load() {
			unused = append(unused, fmt.Sprintf("%s:%d: %s", g.file, e.line, e.text))
		}
	}
	return unused
}
