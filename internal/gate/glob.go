package gate

import (
	"errors"
	"path"
	"strings"
)

// Glob is a pattern over "/"-separated names, in the manner of .gitignore:
// "*", "?" and "[…]" stay inside one segment, "**" spans any number of them. A
// pattern with a "/" before its end starts at the root, any other matches at
// every depth. What matches a folder covers all that is in it; with a "/" at
// its end a pattern matches folders only.
type Glob struct {
	source   string
	segments []string
	inside   bool // the pattern ended in "/": only what lies inside a match counts
	whole    bool // the last segment must match too: see ParseName
}

// ParseGlob reads a pattern over paths.
func ParseGlob(text string) (Glob, error) {
	g := Glob{source: text, inside: strings.HasSuffix(text, "/")}
	body := strings.TrimSuffix(text, "/")
	if !strings.Contains(body, "/") && body != "**" {
		body = "**/" + body
	}
	return g, g.compile(strings.TrimPrefix(body, "/"))
}

// ParseName reads a pattern over whole names, as those of branches and
// namespaces: it starts at the root and must match to the end.
func ParseName(text string) (Glob, error) {
	g := Glob{source: text, whole: true}
	return g, g.compile(text)
}

// compile checks and keeps the segments. Neighbouring "**" are one.
func (g *Glob) compile(body string) error {
	if strings.HasPrefix(g.source, "!") {
		return errors.New(`a pattern cannot start with "!": nothing is taken back; write \! for the character`)
	}
	for _, segment := range strings.Split(body, "/") {
		segment = strings.ReplaceAll(segment, "[!", "[^")
		if _, err := path.Match(segment, ""); err != nil {
			return errors.New(`a "[" is not closed or a "\" stands at the end`)
		}
		if segment == "" || segment == "." || segment == ".." {
			return errors.New(`a pattern has no empty, "." or ".." segment`)
		}
		if n := len(g.segments); segment == "**" && n > 0 && g.segments[n-1] == "**" {
			continue
		}
		g.segments = append(g.segments, segment)
	}
	return nil
}

// String is the pattern as it was written.
func (g Glob) String() string { return g.source }

// Match reports whether the pattern covers the name. It walks the name once
// and keeps the set of segments reached, so no pattern makes it slow.
func (g Glob) Match(name string) bool {
	if len(g.segments) == 0 || name == "" {
		return false
	}
	names := strings.Split(name, "/")
	reached := make([]bool, len(g.segments)+1)
	reached[0] = true
	for i, n := range names {
		reached = g.step(reached, n)
		last := i == len(names)-1
		if reached[len(g.segments)] && (last && !g.inside || !last && !g.whole) {
			return true
		}
	}
	return false
}

// step is the set of positions reached after one more segment of the name.
func (g Glob) step(reached []bool, name string) []bool {
	next := make([]bool, len(reached))
	for i, segment := range g.segments {
		if segment == "**" {
			if reached[i] {
				next[i] = true
				reached[i+1] = reached[i+1] || i+1 < len(g.segments) // none of them
				next[i+1] = next[i+1] || i+1 == len(g.segments)      // at the end: at least one
			}
			continue
		}
		if !reached[i] {
			continue
		}
		if ok, _ := path.Match(segment, name); ok { // compile saw the error
			next[i+1] = true
		}
	}
	return next
}
