package rules

import (
	"bytes"
	"path"
)

// Limits of one rules file. gitleaks' own defaults are 98 kB and 222 rules.
const (
	maxConfigBytes   = 5 << 20
	maxRules         = 10_000
	maxStopWordBytes = 1 << 20
	maxPatternBytes  = 64 << 10
	maxJoinedBytes   = 1 << 20 // all patterns of one list
	maxWarnings      = 1000    // a file
	maxExtends       = 2       // gitleaks follows two extends and ignores a third
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
