package rules

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// document says who wrote a file: some keys are for built-in ones only.
type document struct {
	origin  string // of its rules; "" for FILE:LINE
	trusted bool   // checked by tests, not again at every start
	meta    bool   // may hold [[meta]] tables
}

var userDocument = document{}

// pos is a place in a file.
type pos struct {
	src *source
	at  int
}

func (p pos) errorf(rule, format string, args ...any) *ConfigError {
	return p.src.errorAt(p.at, rule, format, args...)
}

// entry is a rule on its way into a Set, with the places of what is checked
// only when everything is merged.
type entry struct {
	rule           *Rule
	at, regex, grp pos
	required       []pos
	severitySet    bool
	confidenceSet  bool
	partsSet       bool // has required or skipReport, which do not survive a merge
}

// target is an allowlist for named rules.
type target struct {
	pos
	rule  string
	list  *Allowlist
	depth int
}

// collection is the content of one file, or of several merged ones.
type collection struct {
	rules      map[string]*entry
	allowlists []*Allowlist
	targets    []target
	disabled   map[string]bool
	meta       []*entry
}

// readCollection reads the rules and allowlists of a document.
func readCollection(f *fields, root *value, d document) *collection {
	c := &collection{rules: map[string]*entry{}, disabled: map[string]bool{}}
	known := []string{"title", "description", "extend", "rules", "allowlist", "allowlists", "minversion"}
	if d.meta {
		known = append(known, "meta")
		for _, t := range f.tables(root, "meta") {
			c.meta = append(c.meta, readMeta(f, t))
		}
	}
	f.only(root, "the file", known...)
	tables := f.tables(root, "rules")
	if len(tables) > maxRules {
		f.fail(root.keyAt("rules"), "more than %d rules", maxRules)
		return c
	}
	for _, t := range tables {
		c.add(f, readRule(f, t, d))
	}
	c.readGlobalAllowlists(f, root, d)
	return c
}

// add keeps the later of two rules with one id, as gitleaks does.
func (c *collection) add(f *fields, e *entry) {
	id := e.rule.ID
	if before := c.rules[id]; before != nil && strings.TrimSpace(id) != "" {
		line, _ := before.at.src.position(before.at.at)
		f.warn(e.at.at, "rule %q replaces the one of line %d, which has the same id", id, line)
	}
	c.rules[id] = e
}

func (c *collection) readGlobalAllowlists(f *fields, root *value, d document) {
	list := f.tables(root, "allowlists")
	// A table without keys never reaches gitleaks: viper drops it.
	if old := root.keys["allowlist"]; old != nil && (old.kind != unstable.Table || len(old.keys) > 0) {
		if len(list) > 0 {
			f.fail(old.at, "[allowlist] is deprecated, it cannot be used alongside [[allowlists]]; move it into a further [[allowlists]]")
			return
		}
		if old = f.table(root, "allowlist"); old != nil {
			list = append(list, old)
		}
	}
	for _, t := range list {
		f.only(t, "[[allowlists]]", append([]string{"targetrules"}, allowlistKeys...)...)
		a := readAllowlist(f, t, d)
		targets := f.texts(t, "targetrules")
		for _, id := range targets {
			c.targets = append(c.targets, target{pos{f.src, t.keyAt("targetrules")}, id, a, 0})
		}
		if len(targets) == 0 {
			c.allowlists = append(c.allowlists, a)
		}
	}
}
