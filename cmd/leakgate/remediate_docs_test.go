package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rollout"
)

var (
	tomlBlock = regexp.MustCompile("(?s)```toml\n(.*?)```")
	someKey   = regexp.MustCompile(`ssh-ed25519 AAAA…`)
	verbShown = regexp.MustCompile(`leakgate ((?:remediate|audit|seal)(?: [a-z]+(?:-[a-z]+)*)+)`)
)

var remediationDocs = []string{"remediation.md", "rotation.md", "rollout.md", "audit.md", "evidence.md", "metrics.md", "stores.md"}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	check(t, err)
	return string(text)
}

// What the docs show of the operator's file is taken, once the keys are real ones.
func TestTheOperatorsFileOfTheDocsIsTaken(t *testing.T) {
	parsed := 0
	for _, name := range remediationDocs {
		for _, m := range tomlBlock.FindAllStringSubmatch(readDoc(t, name), -1) {
			text := someKey.ReplaceAllStringFunc(m[1], func(string) string {
				_, public, err := sshKey()
				check(t, err)
				return strings.TrimSpace(public)
			})
			switch {
			case strings.HasPrefix(strings.TrimSpace(text), "proof = "): // a line of a place
				continue
			case strings.HasPrefix(text, "name = "): // the file of a rollout
				if _, err := rollout.ParseSpec([]byte(text)); err != nil {
					t.Errorf("%s: %v in\n%s", name, err, text)
				}
				continue
			}
			if _, err := remediate.ParsePolicy([]byte(text)); err != nil {
				t.Errorf("%s: %v in\n%s", name, err, text)
			}
			parsed++
		}
	}
	if parsed < 5 {
		t.Errorf("only %d were found", parsed)
	}
}

// Every verb that the docs name is there.
func TestTheVerbsOfTheDocsAreThere(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range remediationDocs {
		for _, m := range verbShown.FindAllStringSubmatch(readDoc(t, name), -1) {
			words := strings.Fields(m[1])
			leaf, _, err := (&world{}).root().Find(words)
			if err != nil || leaf.CommandPath() == "leakgate "+words[0] {
				t.Errorf("%s: leakgate %s: %v", name, m[1], err)
				continue
			}
			seen[leaf.CommandPath()] = true
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %v were found", seen)
	}
}
