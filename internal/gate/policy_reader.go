package gate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// reader walks the nodes of a policy and collects what is wrong with them.
type reader struct {
	name     string
	problems []error
	lines    map[string]int // key, as in "paths.exclude", to its line
}

// keys are what a mapping may hold, each with what reads its value.
type keys map[string]func(*yaml.Node)

// problem notes what is wrong at a node; beyond maxProblems it only says so.
func (r *reader) problem(n *yaml.Node, text string) {
	switch {
	case len(r.problems) < maxProblems:
		r.problems = append(r.problems, fmt.Errorf("%s:%d:%d: %s", r.name, n.Line, n.Column, text))
	case !r.full():
		r.problems = append(r.problems, errors.New("and more"))
	}
}

// full reports that no further problem is told, so that none needs its words.
func (r *reader) full() bool { return len(r.problems) > maxProblems }

// maxNesting is far beyond every key of a policy and small against the stack.
const maxNesting = 32

// plainTags are the types JSON has too, and the date, which is read as text.
var plainTags = []string{"!!map", "!!seq", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp"}

// check refuses, in every section, what a policy does not use: aliases, types
// beyond JSON, keys that are not plain text and keys that come twice.
func (r *reader) check(n *yaml.Node, depth int) {
	switch {
	case depth > maxNesting:
		r.problem(n, "nested too deeply")
		return
	case n.Kind == yaml.AliasNode:
		r.problem(n, "a policy has no aliases; write the value out")
		return
	case !slices.Contains(plainTags, n.ShortTag()):
		r.problem(n, "a policy has no types of its own; leave the tag out")
	case n.Kind == yaml.MappingNode:
		r.checkKeys(n)
	}
	for _, child := range n.Content {
		r.check(child, depth+1)
	}
}

func (r *reader) checkKeys(n *yaml.Node) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Value == "" {
			r.problem(key, "a key is plain text; quote it")
			continue
		}
		if line, twice := first[key.Value]; twice {
			r.problem(key, fmt.Sprintf("%s stands here twice, first in line %d", shown(key.Value), line))
		}
		first[key.Value] = key.Line
	}
}

// mapping reads each key of n by its entry in the table. at is the name of the
// mapping with a dot, "" for the document.
func (r *reader) mapping(n *yaml.Node, at string, table keys, required ...string) {
	if !r.isMapping(n) {
		return
	}
	present := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !r.full(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, known := table[key.Value]
		if !known {
			r.problem(key, "unknown key"+unknown(key.Value, sortedKeys(table)))
			continue
		}
		present[key.Value] = true
		r.lines[at+key.Value] = key.Line
		read(value)
	}
	for _, key := range required {
		if !present[key] {
			r.problem(n, fmt.Sprintf("the key %q is missing", key))
		}
	}
}

func (r *reader) isMapping(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		r.problem(n, `keys with values are expected here, as in "key: value"`)
	}
	return n.Kind == yaml.MappingNode
}

func (r *reader) list(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, "a list is expected here, as in [first, second]")
		return nil
	}
	return n.Content
}

// maxText is the most characters of one text.
const maxText = 1024

// text reads a scalar that is text in every reading of YAML, or a date.
func (r *reader) text(n *yaml.Node) string {
	tag := n.ShortTag()
	switch {
	case n.Kind != yaml.ScalarNode || tag == "!!null":
		r.problem(n, "text is expected here")
	case tag != "!!str" && tag != "!!timestamp":
		r.problem(n, "text is expected here; quote it")
	case strings.TrimSpace(n.Value) == "":
		r.problem(n, "the text is empty")
	case utf8.RuneCountInString(n.Value) > maxText:
		r.problem(n, fmt.Sprintf("a text has at most %d characters", maxText))
	default:
		return n.Value
	}
	return ""
}

// word reads one of the names and returns its index, -1 for a problem.
func (r *reader) word(n *yaml.Node, names []string) int {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		if i := slices.Index(names, n.Value); i >= 0 {
			return i
		}
	}
	if r.full() {
		return -1
	}
	r.problem(n, "one of "+strings.Join(names, ", ")+" is expected here"+hint(n.Value, names))
	return -1
}

// shownPattern is what may be repeated in an error: a word, not a value.
var shownPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z_.-]{0,29}$`)

func shown(key string) string {
	if shownPattern.MatchString(key) {
		return fmt.Sprintf("%q", key)
	}
	return "a key"
}

func unknown(key string, known []string) string {
	text := ""
	if shownPattern.MatchString(key) {
		text = fmt.Sprintf(" %q", key)
	}
	if h := hint(key, known); h != "" {
		return text + h
	}
	return text + "; known here: " + strings.Join(known, ", ")
}

// hint is the nearest of the known words, if one is near enough.
func hint(word string, known []string) string {
	best, least := "", 3
	if len(word) > 30 {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(strings.ReplaceAll(word, "-", "_")), k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of single bytes to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
