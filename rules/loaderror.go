package rules

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// ConfigError says what is wrong in a rules file and where. It never quotes
// more of the file than ids, keys, choices and a few characters of a pattern.
type ConfigError struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1
	Rule   string
	Msg    string

	cause error // of a file that did not open
}

func (e *ConfigError) Unwrap() error { return e.cause }

func (e *ConfigError) Error() string {
	rule := ""
	if e.Rule != "" {
		rule = fmt.Sprintf("rule %q: ", e.Rule)
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", e.File, e.Line, e.Column, rule, e.Msg)
}

// source is a text with a name, for messages that point into it.
type source struct {
	name  string
	text  []byte
	lines []int // offsets where lines start, made at the first message
}

// position turns a byte offset into a line and a column, both from 1.
func (s *source) position(offset int) (line, column int) {
	if s.lines == nil {
		s.lines = []int{0}
		for i, b := range s.text {
			if b == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	i, found := slices.BinarySearch(s.lines, offset)
	if !found {
		i--
	}
	return i + 1, offset - s.lines[i] + 1
}

func (s *source) errorAt(offset int, rule, format string, args ...any) *ConfigError {
	line, column := s.position(offset)
	return &ConfigError{File: s.name, Line: line, Column: column, Rule: rule, Msg: fmt.Sprintf(format, args...)}
}

// maxQuoted is the longest part of a pattern that an error repeats. Patterns
// of allowlists may spell out the very values that they allow.
const maxQuoted = 8

// explainPattern turns a refusal by Go's parser into a sentence with a hint.
// Syntax: https://github.com/google/re2/wiki/Syntax
func explainPattern(what, pattern string, err error) string {
	var parse *syntax.Error
	if !errors.As(err, &parse) {
		return what + " does not parse"
	}
	text := fmt.Sprintf("%s does not parse: %s", what, parse.Code)
	if len(parse.Expr) <= maxQuoted && parse.Expr != pattern {
		text += fmt.Sprintf(": `%s`", parse.Expr)
	}
	if hint := patternHint(parse); hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

func patternHint(e *syntax.Error) string {
	switch {
	case hasAnyPrefix(e.Expr, "(?=", "(?!", "(?<=", "(?<!"):
		return "RE2 has no lookaround; match the context and take the value with a group and secretGroup"
	case e.Code == syntax.ErrInvalidEscape && len(e.Expr) == 2 && e.Expr[1] >= '1' && e.Expr[1] <= '9':
		return "RE2 has no back-references"
	case hasAnyPrefix(e.Expr, "(?>"):
		return "RE2 has no atomic groups; it never backtracks, a plain group does"
	case e.Code == syntax.ErrInvalidRepeatOp:
		return "RE2 has no possessive quantifiers and no repeat of a repeat"
	case e.Code == syntax.ErrInvalidRepeatSize:
		return "a repeat counts to 1000 at most"
	}
	return ""
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
