package action

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Log is the only way to the log of a step. A runner takes some lines of a log
// for commands, and what a repository holds must not command it: text written
// here is made harmless line by line, and only [Log.Command] makes a command.
//
// Lines that begin with "::" after white space are commands, and "##[…]" or
// "##vso[…]" and the like are ones anywhere in a line:
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
// https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands
type Log struct {
	w    io.Writer
	line []byte // what was written of the current line
	err  error
}

// NewLog writes to the standard output of the step. Call Flush at the end.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// maxLine is where a line that does not end is broken, in bytes.
const maxLine = 64 << 10

// Write takes text that may come from anywhere.
func (l *Log) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			l.line = append(l.line, rest...)
			break
		}
		l.line = append(l.line, rest[:end]...)
		l.end()
		rest = rest[end+1:]
	}
	for len(l.line) > maxLine {
		whole := l.line
		l.line = whole[:maxLine:maxLine]
		l.end()
		l.line = whole[maxLine:]
	}
	return len(p), l.err
}

// Flush ends a line that was begun.
func (l *Log) Flush() {
	if len(l.line) > 0 {
		l.end()
	}
}

func (l *Log) end() {
	l.print(harmless(string(l.line)))
	l.line = l.line[:0]
}

func (l *Log) print(line string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, line+"\n")
	}
}

// Err is the first error of writing.
func (l *Log) Err() error { return l.err }

// Say prints one line of text.
func (l *Log) Say(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }

// Command prints a workflow command, as in "::error file=a.txt,line=3::message".
// Properties without a value are left out.
func (l *Log) Command(name, message string, properties ...Property) {
	l.Flush()
	var list []string
	for _, p := range properties {
		if p.Value != "" {
			list = append(list, p.Name+"="+escapeProperty(p.Value))
		}
	}
	if len(list) > 0 {
		name += " " + strings.Join(list, ",")
	}
	l.print("::" + name + "::" + escapeData(message))
}

// Property is one setting of a workflow command.
type Property struct{ Name, Value string }

// The escapes of workflow commands:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(text string) string     { return dataEscapes.Replace(oneTextLine(text)) }
func escapeProperty(text string) string { return propertyEscapes.Replace(oneTextLine(text)) }

// oneTextLine makes text valid UTF-8 without line separators that a reader of
// the log could obey and the escapes do not know.
func oneTextLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\r' && r != '\t' && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029') {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// harmless is a line that no runner takes for a command. What does not print
// becomes a space. Only ASCII counts when looking for the signs of a command,
// because some comparisons of text skip letters that others see.
func harmless(line string) string {
	var out strings.Builder
	before := rune(0) // the last ASCII character, 0 before the first
	colons := 0       // at the beginning of the line, ASCII and space aside
	for _, r := range line {
		switch {
		case r == utf8.RuneError, r != '\t' && !unicode.IsPrint(r):
			r = ' '
		case r == '#' && before == '#':
			out.WriteByte('\\')
		case r == ':' && colons >= 0:
			if colons++; colons == 2 {
				out.WriteByte('\\')
			}
		}
		out.WriteRune(r)
		if r < utf8.RuneSelf && r != ' ' && r != '\t' {
			before = r
			if r != ':' {
				colons = -1
			}
		}
	}
	return out.String()
}
