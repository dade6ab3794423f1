package rules

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

var allowlistKeys = []string{"description", "condition", "commits", "paths", "regextarget", "regexes", "stopwords"}

// readRuleAllowlists reads both forms: gitleaks still takes the old
// [rules.allowlist], but not next to the new one.
func readRuleAllowlists(f *fields, t *value, d document) []*Allowlist {
	tables := f.tables(t, "allowlists")
	if old := f.table(t, "allowlist"); old != nil {
		if len(tables) > 0 {
			f.fail(old.at, "[rules.allowlist] is deprecated, it cannot be used alongside [[rules.allowlists]]; move it into a further [[rules.allowlists]]")
			return nil
		}
		tables = []*value{old}
	}
	var list []*Allowlist
	for _, a := range tables {
		f.only(a, "[[rules.allowlists]]", allowlistKeys...)
		list = append(list, readAllowlist(f, a, d))
	}
	return list
}

func readAllowlist(f *fields, t *value, d document) *Allowlist {
	a := &Allowlist{
		Description: f.text(t, "description"),
		Commits:     foldedWords(f, t, "commits"),
		Paths:       readJoined(f, t, "paths", d),
		Regexes:     readJoined(f, t, "regexes", d),
		StopWords:   foldedWords(f, t, "stopwords"),
	}
	a.MatchAll = readCondition(f, t)
	a.RegexTarget = readRegexTarget(f, t)
	if len(a.Commits) == 0 && a.Paths == nil && a.Regexes == nil && len(a.StopWords) == 0 {
		f.fail(t.at, "an allowlist must hold at least one of commits, paths, regexes and stopwords")
	}
	return a
}

func readCondition(f *fields, t *value) bool {
	text := f.text(t, "condition")
	switch strings.ToUpper(text) {
	case "AND", "&&":
		return true
	case "", "OR", "||":
		return false
	}
	f.fail(t.keyAt("condition"), "unknown allowlist condition %q (expected 'and', 'or')", text)
	return false
}

func readRegexTarget(f *fields, t *value) string {
	switch text := f.text(t, "regextarget"); text {
	case "", "secret":
		return ""
	case "match", "line":
		return text
	default:
		f.fail(t.keyAt("regextarget"), "unknown allowlist regexTarget %q (expected 'secret', 'match', 'line')", text)
		return ""
	}
}

// foldedWords are lower case, sorted and unique. Empty ones are left out.
func foldedWords(f *fields, t *value, name string) []string {
	var words []string
	size := 0
	for _, w := range f.texts(t, name) {
		w = strings.ToLower(w)
		if name == "commits" {
			w = strings.TrimSpace(w)
		}
		if w == "" {
			f.warn(t.keyAt(name), "an empty string in %s is ignored", name)
			continue
		}
		words = append(words, w)
		size += len(w)
	}
	if name == "stopwords" && size > maxStopWordBytes {
		f.fail(t.keyAt(name), "more than %d kB of stop words", maxStopWordBytes>>10)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// readJoined reads a list of patterns as the one alternation that gitleaks
// makes of it. Patterns that parse alone may not parse together (one that
// leaves a \Q open), so both are checked.
func readJoined(f *fields, t *value, name string, d document) *Pattern {
	texts := f.texts(t, name)
	if len(texts) == 0 {
		return nil
	}
	for i, text := range texts {
		at := itemAt(t.keys[name], i)
		checkPattern(f, at, name, text, maxPatternBytes, d)
		if text == "" {
			f.warn(at, "an empty pattern in %s matches everything", name)
		}
	}
	joined := joinPatterns(texts)
	if f.err == nil {
		checkPattern(f, t.keyAt(name), name+" joined with |", joined, maxJoinedBytes, d)
	}
	return NewPattern(joined)
}

func itemAt(list *value, i int) int {
	if list.kind == unstable.Array {
		return list.items[i].at
	}
	return list.at
}

// joinPatterns gives the alternation that gitleaks 8.30.1 compiles
// (config/utils.go, joinRegexOr): without a group around each pattern, so that
// an inline flag of one reaches the later ones.
func joinPatterns(patterns []string) string {
	return "(?:" + strings.Join(patterns, "|") + ")"
}
