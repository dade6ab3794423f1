package gitrepo

import "strings"

// wildcard is a pattern of an ignore file, compiled. It is run as an automaton over
// the text, so its time is at most the product of both lengths, whatever the stars.
type wildcard struct {
	prefix string // must stand at the start, literally
	steps  []wildcardStep
	never  bool // malformed: matches nothing
}

type stepKind uint8

const (
	stepByte       stepKind = iota // this byte
	stepSet                        // one byte of the set; never '/'
	stepName                       // "*": any bytes but '/'
	stepPath                       // "**": any bytes
	stepOptionPath                 // "**/": as stepPath, and the step after it ('/') may be left out as well
)

type wildcardStep struct {
	kind stepKind
	char byte
	set  *[256]bool
}

// compileWildcard takes what stands before the first special character off as a prefix
// first. "**" counts as crossing folders only between slashes or at an end, and
// git takes the end of that prefix for the start of the pattern: "a/b**" crosses.
func compileWildcard(pattern string) wildcard {
	literal := strings.IndexAny(pattern, `*?[\`)
	if literal < 0 {
		return wildcard{prefix: pattern}
	}
	g := wildcard{prefix: pattern[:literal]}
	rest := pattern[literal:]
	for at := 0; at < len(rest) && !g.never; {
		at += g.addStep(rest, at)
	}
	return g
}

// addStep compiles what stands at rest[at] and returns how many bytes that was.
func (g *wildcard) addStep(rest string, at int) int {
	switch c := rest[at]; c {
	case '?':
		var slash [256]bool
		slash['/'] = true
		g.steps = append(g.steps, wildcardStep{kind: stepSet, set: inverted(&slash)})
		return 1
	case '*':
		return g.addStars(rest, at)
	case '[':
		set, n, ok := parseSet(rest[at:])
		g.steps = append(g.steps, wildcardStep{kind: stepSet, set: set})
		g.never = !ok
		return n
	case '\\':
		if at+1 == len(rest) {
			g.never = true
			return 1
		}
		g.steps = append(g.steps, wildcardStep{char: rest[at+1]})
		return 2
	default:
		g.steps = append(g.steps, wildcardStep{char: c})
		return 1
	}
}

func (g *wildcard) addStars(rest string, at int) int {
	end := at
	for end < len(rest) && rest[end] == '*' {
		end++
	}
	after := rest[end:]
	kind := stepName
	if end-at > 1 && (at == 0 || rest[at-1] == '/') {
		switch {
		case strings.HasPrefix(after, "/"):
			kind = stepOptionPath
		case after == "" || strings.HasPrefix(after, `\/`):
			kind = stepPath
		}
	}
	g.steps = append(g.steps, wildcardStep{kind: kind})
	return end - at
}

// match reports whether the pattern describes the whole of text.
func (g wildcard) match(text string) bool {
	text, found := strings.CutPrefix(text, g.prefix)
	if g.never || !found {
		return false
	}
	if len(g.steps) == 0 {
		return text == ""
	}
	now, next := make([]bool, len(g.steps)+1), make([]bool, len(g.steps)+1)
	g.enter(now, 0)
	for i := range len(text) {
		if !g.consume(text[i], now, next) {
			return false
		}
		now, next = next, now
	}
	return now[len(g.steps)]
}

// enter marks step i as waiting for the next byte, and what may follow it at once.
func (g wildcard) enter(states []bool, i int) {
	for !states[i] {
		states[i] = true
		if i == len(g.steps) {
			return
		}
		switch g.steps[i].kind {
		case stepByte, stepSet:
			return
		case stepOptionPath:
			g.enter(states, i+2)
		}
		i++
	}
}

// consume moves the states from now to next over c; it reports whether any is left.
func (g wildcard) consume(c byte, now, next []bool) (alive bool) {
	clear(next)
	for i, step := range g.steps {
		if !now[i] {
			continue
		}
		switch {
		case step.kind == stepByte && step.char == c, step.kind == stepSet && step.set[c]:
			g.enter(next, i+1)
		case step.kind == stepName && c != '/', step.kind == stepPath, step.kind == stepOptionPath:
			// Only the loop goes on: a path that left out "**/" at the start cannot do so later.
			next[i] = true
			g.enter(next, i+1)
		default:
			continue
		}
		alive = true
	}
	return alive
}

func inverted(set *[256]bool) *[256]bool {
	var other [256]bool
	for c := range set {
		other[c] = !set[c]
	}
	other['/'] = false
	return &other
}
