// Package attacks counts the attack set: what is tried, the rule that refuses it, and
// what is legitimate beside it. The cases are run where their code is, each corpus by its
// own test, which then holds its list in testdata/attacks: a line of a list is a case that
// ran and came out as it has to, with its legitimate twin.
package attacks

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Case is one attack, with the rule that refuses it.
type Case struct{ Class, Name, Rule string }

// List is what one corpus has.
type List struct {
	Attacks    []Case
	Legitimate []string
}

func (l List) String() string {
	var out strings.Builder
	for _, c := range l.Attacks {
		fmt.Fprintf(&out, "attack: %s: %s = %s\n", c.Class, c.Name, c.Rule)
	}
	for _, name := range l.Legitimate {
		fmt.Fprintf(&out, "legitimate: %s\n", name)
	}
	return out.String()
}

// Read reads a list.
func Read(file string) (l List, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return l, err
	}
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		at := strings.LastIndex(rest, " = ")
		class, name, named := strings.Cut(rest[:max(at, 0)], ": ")
		switch {
		case kind == "legitimate" && rest != "":
			l.Legitimate = append(l.Legitimate, rest)
		case kind == "attack" && named && at > 0:
			l.Attacks = append(l.Attacks, Case{class, name, rest[at+len(" = "):]})
		default:
			return l, fmt.Errorf("%s: %q is no line of a list", file, line)
		}
	}
	return l, nil
}

// Hold fails where a case that the list has did not run. With update it writes the list.
func (l List) Hold(t testing.TB, file string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, []byte(l.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	listed, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range listed.Attacks {
		if !slices.Contains(l.Attacks, c) {
			t.Errorf("%s lists the attack %v, which is not tried: make golden, if that is right", file, c)
		}
	}
	for _, name := range listed.Legitimate {
		if !slices.Contains(l.Legitimate, name) {
			t.Errorf("%s lists %q as legitimate, which is not tried: make golden, if that is right", file, name)
		}
	}
}
