package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// fields reads the keys of tables and remembers the first thing that is wrong
// and what was not understood. It converts between kinds of scalars as
// gitleaks does (numbers in quotes, one string for a list), because files that
// work there must work here.
type fields struct {
	src      *source
	rule     string // id of the rule being read, for messages
	err      error
	warnings []string
}

func (f *fields) fail(at int, format string, args ...any) {
	if f.err == nil {
		f.err = f.src.errorAt(at, f.rule, format, args...)
	}
}

// warn adds a warning; beyond maxWarnings they are left out.
func (f *fields) warn(at int, format string, args ...any) {
	if len(f.warnings) < maxWarnings {
		f.warnings = append(f.warnings, f.src.errorAt(at, f.rule, format, args...).Error())
	}
}

// only warns about every key of a table that is not known.
func (f *fields) only(t *value, where string, known ...string) {
	var unknown []string
	for name := range t.keys {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		key := t.keys[name] // as it is written, or a value in it would not be known for one
		f.warn(key.at, "unknown key %q in %s is ignored", key.name, where)
	}
}

func (f *fields) text(t *value, name string) string {
	v := t.keys[name]
	if v == nil {
		return ""
	}
	return f.scalar(v, name)
}

func (f *fields) scalar(v *value, name string) string {
	switch v.kind {
	case unstable.Array, unstable.Table:
		f.fail(v.at, "%s must be a string", name)
		return ""
	case unstable.Bool:
		if v.text == "true" {
			return "1"
		}
		return "0"
	}
	return v.text
}

func (f *fields) texts(t *value, name string) []string {
	v := t.keys[name]
	switch {
	case v == nil:
		return nil
	case v.kind == unstable.Table:
		f.fail(v.at, "%s must be a list of strings", name)
		return nil
	case v.kind == unstable.String:
		return f.split(v, name)
	case v.kind != unstable.Array:
		return []string{f.scalar(v, name)}
	}
	list := make([]string, 0, len(v.items))
	for _, item := range v.items {
		list = append(list, f.scalar(item, name))
	}
	return list
}

// split is what viper does with one string where a list belongs.
func (f *fields) split(v *value, name string) []string {
	f.warn(v.at, "%s is one string, it is split at its commas; write a list", name)
	if v.text == "" {
		return nil
	}
	return strings.Split(v.text, ",")
}

func (f *fields) flag(t *value, name string) bool {
	v := t.keys[name]
	if v == nil {
		return false
	}
	switch v.kind {
	case unstable.Integer, unstable.Float:
		return f.number(t, name) != 0
	case unstable.Bool, unstable.String:
		if on, err := strconv.ParseBool(v.text); err == nil || v.text == "" {
			return on
		}
	}
	f.fail(v.at, "%s must be true or false", name)
	return false
}

func (f *fields) number(t *value, name string) float64 {
	v := t.keys[name]
	if v == nil {
		return 0
	}
	n, err := parseNumber(v)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		f.fail(v.at, "%s must be a number", name)
		return 0
	}
	return n
}

func parseNumber(v *value) (float64, error) {
	text := strings.ReplaceAll(v.text, "_", "")
	switch v.kind {
	case unstable.Integer:
		n, err := strconv.ParseInt(text, 0, 64)
		return float64(n), err
	case unstable.Float, unstable.String:
		if v.text == "" {
			return 0, nil
		}
		return strconv.ParseFloat(text, 64)
	case unstable.Bool:
		return map[bool]float64{true: 1}[v.text == "true"], nil
	}
	return 0, fmt.Errorf("kind %v", v.kind)
}

// whole reads a number that is cut to an integer; nil when it is not there.
func (f *fields) whole(t *value, name string) *int {
	if t.keys[name] == nil {
		return nil
	}
	n := f.number(t, name)
	if math.Abs(n) > math.MaxInt32 {
		f.fail(t.keys[name].at, "%s is out of range", name)
		return nil
	}
	i := int(n)
	return &i
}

// table returns a table, or nil when it is not there.
func (f *fields) table(t *value, name string) *value {
	v := t.keys[name]
	if v == nil || v.kind == unstable.Table {
		return v
	}
	f.fail(v.at, "%s must be one table, written [%s]", name, name)
	return nil
}

// tables returns a list of tables; one table counts as a list of one.
func (f *fields) tables(t *value, name string) []*value {
	v := t.keys[name]
	switch {
	case v == nil:
		return nil
	case v.kind == unstable.Table && len(v.keys) == 0:
		return nil
	case v.kind == unstable.Table:
		return []*value{v}
	case v.kind != unstable.Array:
		f.fail(v.at, "%s must be a list of tables, written [[%s]]", name, name)
		return nil
	}
	for _, item := range v.items {
		if item.kind != unstable.Table {
			f.fail(item.at, "%s must hold tables only", name)
			return nil
		}
	}
	return v.items
}

// at is where a key was written, or its table when the key is missing.
func (t *value) keyAt(name string) int {
	if v := t.keys[name]; v != nil {
		return v.at
	}
	return t.at
}
