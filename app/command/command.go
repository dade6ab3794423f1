// Package command reads what people ask the App for: in comments, by a line that starts
// with /leakgate, and by the buttons of a check run. It does nothing of it.
package command

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The verbs.
const (
	Recheck       = "recheck"
	Explain       = "explain"
	FalsePositive = "false-positive"
	Fix           = "fix"
)

// Command is one thing that somebody asks for.
type Command struct {
	Verb       string
	Credential string // LG-…; "" for all of them, or where the verb needs none
	Reason     string // of a false positive
}

// Role is what somebody needs on the repository to be obeyed, as GitHub names it. Who
// opened the pull request may also do what Own says.
func (c Command) Role() string {
	if c.Verb == FalsePositive || c.Verb == Fix {
		return "write"
	}
	return "triage"
}

// Own says that the author of the pull request is obeyed, whatever his role.
func (c Command) Own() bool { return c.Verb == Recheck || c.Verb == Explain }

var (
	idPattern = regexp.MustCompile(`^LG-[A-Z2-7]{16}$`)
	errUsage  = errors.New("/leakgate recheck, /leakgate explain LG-…, /leakgate false-positive LG-… REASON, /leakgate fix LG-…")
)

// maxReason is that of a text in a policy, in characters.
const maxReason = 1024

// Asks says whether a comment may hold a command, without reading it.
func Asks(body string) bool { return find(body) != "" }

// find is the first line that is a command. A line in a quotation or of code is none.
func find(body string) string {
	fenced := false
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n \t")
		if strings.HasPrefix(strings.TrimSpace(line), "```") || strings.HasPrefix(strings.TrimSpace(line), "~~~") {
			fenced = !fenced
		}
		if rest, ok := strings.CutPrefix(line, "/leakgate"); ok && !fenced && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return line
		}
	}
	return ""
}

// Parse reads a comment: false where it holds no command, an error that says how one is
// written where it holds a wrong one. The error repeats nothing of the comment.
func Parse(body string) (Command, bool, error) {
	line := find(body)
	if line == "" {
		return Command{}, false, nil
	}
	words := strings.Fields(line)[1:]
	if len(words) == 0 {
		return Command{}, true, fmt.Errorf("say what to do: %w", errUsage)
	}
	c := Command{Verb: strings.ToLower(words[0])}
	words = words[1:]
	switch c.Verb {
	case Recheck:
		if len(words) > 0 {
			return c, true, fmt.Errorf("recheck stands alone: %w", errUsage)
		}
		return c, true, nil
	case Explain, Fix, FalsePositive:
	default:
		return Command{}, true, fmt.Errorf("that is no command of leakgate: %w", errUsage)
	}
	if len(words) == 0 || !idPattern.MatchString(strings.ToUpper(words[0])) {
		return c, true, fmt.Errorf("%s needs the id of a credential, as the check run shows it: %w", c.Verb, errUsage)
	}
	c.Credential = strings.ToUpper(words[0])
	c.Reason = strings.Join(words[1:], " ")
	switch {
	case c.Verb == FalsePositive && c.Reason == "":
		return c, true, fmt.Errorf("false-positive needs a reason, which the policy will show: %w", errUsage)
	case c.Verb != FalsePositive && c.Reason != "":
		return c, true, fmt.Errorf("%s takes one id and nothing after it: %w", c.Verb, errUsage)
	case utf8.RuneCountInString(c.Reason) > maxReason || !utf8.ValidString(c.Reason):
		return c, true, fmt.Errorf("a reason has at most %d characters", maxReason)
	}
	return c, true, nil
}
