package rules

import (
	"bytes"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Limits of one rules file. gitleaks' own defaults are 98 kB and 222 rules.
const (
	maxConfigBytes   = 5 << 20
	maxRules         = 10_000
	maxStopWordBytes = 1 << 20
	maxWarnings      = 1000 // a file
	maxExtends       = 2    // gitleaks follows two extends and ignores a third
)

// LoadOptions are what Load may use of the outside.
type LoadOptions struct {
	// Open reads the file that extend.path names. The caller keeps it inside
	// the tree that the configuration comes from. Nil: extend.path is an error.
	Open func(path string) ([]byte, error)
}

// Load reads a user's .gitleaks.toml as gitleaks 8.30.1 understands it (see
// docs/rules/gitleaks-differences.md). Only the rules it names run, unless it
// extends the defaults. What is wrong is a *ConfigError with its place.
func Load(name string, text []byte, opt LoadOptions) (*Set, error) {
	l := &loader{open: opt.Open}
	c, err := l.file(&source{name: name, text: text}, 0)
	if err != nil {
		return nil, err
	}
	return l.finish(c)
}

// loader follows a configuration through the files that it extends.
type loader struct {
	open     func(path string) ([]byte, error)
	chain    []*source // from the user's file to the one being read
	warnings []string
}

// warn adds a warning; beyond maxWarnings they are left out.
func (l *loader) warn(w *ConfigError) {
	if len(l.warnings) < maxWarnings {
		l.warnings = append(l.warnings, w.Error())
	}
}

// file reads one file and what it extends.
func (l *loader) file(src *source, depth int) (*collection, error) {
	if len(src.text) > maxConfigBytes {
		return nil, src.errorAt(0, "", "the file is larger than %d MiB", maxConfigBytes>>20)
	}
	root, err := parseTOML(src, false)
	if err != nil {
		return nil, err
	}
	l.chain = append(l.chain, src)
	f := &fields{src: src}
	c := readCollection(f, root, userDocument)
	x := readExtend(f, root)
	l.warnings = append(l.warnings, f.warnings...)
	if f.err != nil {
		return nil, f.err
	}
	base, err := l.base(x, depth)
	if err != nil || base == nil {
		return c, err
	}
	return c, c.extend(l, x, base)
}

// extension is the [extend] table.
type extension struct {
	src        *source
	at         int
	useDefault bool
	path       string
	disabled   []string
	disabledAt int
}

func readExtend(f *fields, root *value) extension {
	x := extension{src: f.src}
	t := f.table(root, "extend")
	if t == nil {
		return x
	}
	f.only(t, "[extend]", "usedefault", "path", "url", "disabledrules")
	x.at = t.at
	x.useDefault = f.flag(t, "usedefault")
	x.path = f.text(t, "path")
	x.disabled = f.texts(t, "disabledrules")
	x.disabledAt = t.keyAt("disabledrules")
	if t.keys["path"] != nil {
		x.at = t.keys["path"].at
	}
	return x
}

// base loads what a file extends; nil when it extends nothing.
func (l *loader) base(x extension, depth int) (*collection, error) {
	switch {
	case !x.useDefault && x.path == "":
		return nil, nil
	case depth == maxExtends:
		l.warn(x.src.errorAt(x.at, "", "extend is ignored here: only %d levels are followed", maxExtends))
		return nil, nil
	case x.useDefault && x.path != "":
		return nil, x.src.errorAt(x.at, "", "extend.path and extend.useDefault cannot be used together")
	case x.useDefault:
		c, err := defaultCollection()
		if err != nil {
			return nil, err
		}
		return c.clone(), nil
	}
	return l.openBase(x, depth)
}

func (l *loader) openBase(x extension, depth int) (*collection, error) {
	if l.open == nil {
		return nil, x.src.errorAt(x.at, "", "extend.path cannot be followed here: no files are at hand")
	}
	text, err := l.open(x.path)
	if err != nil {
		e := x.src.errorAt(x.at, "", "open extend.path: %v", err)
		e.cause = err
		return nil, e
	}
	for _, seen := range l.chain {
		if path.Clean(seen.name) == path.Clean(x.path) || bytes.Equal(seen.text, text) {
			return nil, x.src.errorAt(x.at, "", "extend.path leads back to %s", seen.name)
		}
	}
	return l.file(&source{name: x.path, text: text}, depth+1)
}

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
