package rewrite

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// maxLine is the longest line of a file of replacements, in bytes.
const maxLine = 16 << 20

// ReadText reads a file of replacements as `git filter-repo --replace-text` and BFG
// take it: one a line, `literal:`, `regex:` or `glob:` before what is to be
// replaced (literal when nothing is), and after the last `==>` what stands in its
// place ([Placeholder] when nothing is said). Errors name lines and no values.
// See https://htmlpreview.github.io/?https://github.com/newren/git-filter-repo/blob/docs/html/git-filter-repo.html.
func ReadText(from io.Reader) (Spec, error) {
	var spec Spec
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			continue
		}
		if err := spec.addLine(line); err != nil {
			return Spec{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return spec, lines.Err()
}

func (s *Spec) addLine(line string) error {
	what, with := line, Placeholder
	if at := strings.LastIndex(line, "==>"); at >= 0 {
		what, with = line[:at], line[at+len("==>"):]
	}
	if expression, ok := strings.CutPrefix(what, "regex:"); ok {
		return s.addRegex(expression, with)
	}
	if glob, ok := strings.CutPrefix(what, "glob:"); ok {
		return s.addGlob(glob, with)
	}
	what = strings.TrimPrefix(what, "literal:")
	if what == "" {
		return fmt.Errorf("%w: there is nothing before ==>", ErrSpec)
	}
	s.Literals = append(s.Literals, Literal{secret.New(what), with})
	return nil
}

// addRegex takes an expression of Python or Java. What RE2 does not know is refused.
func (s *Spec) addRegex(expression, with string) error {
	match, err := regexp.Compile(expression)
	if err != nil || expression == "" {
		return fmt.Errorf("%w: the expression is not one of RE2, which has no look-around and no back references (https://github.com/google/re2/wiki/Syntax)", ErrSpec)
	}
	template, err := expandTemplate(with)
	if err != nil {
		return err
	}
	s.Patterns = append(s.Patterns, Pattern{match, template})
	return nil
}

var (
	group   = regexp.MustCompile(`\\(\d+|g<(\w+)>|.)`)
	dollars = regexp.MustCompile(`\$[\d{]`)
)

// expandTemplate translates \1 and \g<name>. $1 is a group in BFG and plain text in
// git-filter-repo, so it is refused.
func expandTemplate(with string) (string, error) {
	if dollars.MatchString(with) {
		return "", fmt.Errorf("%w: $1 means a group in BFG and nothing in git-filter-repo; write \\1", ErrSpec)
	}
	var bad error
	out := group.ReplaceAllStringFunc(strings.ReplaceAll(with, "$", "$$"), func(m string) string {
		switch {
		case m[1] == 'g' && len(m) > 2:
			return "${" + m[3:len(m)-1] + "}"
		case m[1] >= '0' && m[1] <= '9':
			return "${" + m[1:] + "}"
		case m == `\\`:
			return `\`
		case m == `\n`:
			return "\n"
		case m == `\t`:
			return "\t"
		}
		bad = fmt.Errorf("%w: the replacement has a backslash that means nothing; write \\\\ for one", ErrSpec)
		return m
	})
	return out, bad
}

// addGlob takes * for any characters of a line, ? for one, and [abc] or [!abc].
func (s *Spec) addGlob(glob, with string) error {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(`[^\n]*`)
		case '?':
			b.WriteString(`[^\n]`)
		case '[':
			class, n := globClass(glob[i:])
			b.WriteString(class)
			i += n - 1
		default:
			b.WriteString(regexp.QuoteMeta(string(rune(c))))
		}
	}
	match, err := regexp.Compile(latin(b.String(), glob))
	if err != nil || glob == "" {
		return fmt.Errorf("%w: the glob cannot be read", ErrSpec)
	}
	s.Patterns = append(s.Patterns, Pattern{match, strings.ReplaceAll(with, "$", "$$")})
	return nil
}

// latin gives the expression of a glob; one beyond ASCII is written by characters.
func latin(byBytes, glob string) string {
	for i := range len(glob) {
		if glob[i] >= 0x80 {
			out := regexp.QuoteMeta(glob)
			return strings.NewReplacer(`\*`, `[^\n]*`, `\?`, `[^\n]`, `\[`, `[`, `\]`, `]`).Replace(out)
		}
	}
	return byBytes
}

// globClass translates a class in brackets; a bracket that nothing closes is itself.
func globClass(glob string) (expression string, used int) {
	end := strings.IndexByte(glob[1:], ']')
	if end <= 0 {
		return `\[`, 1
	}
	inside := strings.ReplaceAll(glob[1:1+end], `\`, `\\`)
	if rest, not := strings.CutPrefix(inside, "!"); not {
		inside = "^" + rest
	}
	return "[" + inside + "]", end + 2
}
