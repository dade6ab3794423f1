package rules

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestExamplesExpandToTheirClasses(t *testing.T) {
	for template, want := range map[string]string{
		"plain {text} {\"a\": 1}":        `^plain \{text\} \{"a": 1\}$`,
		"{alnum:30}":                     `^[A-Za-z0-9]{30}$`,
		"{alpha:9}{lower:5}{upper:5}":    `^[A-Za-z]{9}[a-z]{5}[A-Z]{5}$`,
		"{digit:20}{hex:40}{HEX:40}":     `^[0-9]{20}[0-9a-f]{40}[0-9A-F]{40}$`,
		"{loweralnum:30}{upperalnum:30}": `^[a-z0-9]{30}[A-Z0-9]{30}$`,
		"{base32:30}":                    `^[A-Z2-7]{30}$`,
		"{base64:60}.{base64url:60}":     `^[A-Za-z0-9+/]{60}\.[A-Za-z0-9_-]{60}$`,
		"pre_{word:30}\npost":            `^pre_\w{30}\npost$`,
		"{hex:8-16}":                     `^[0-9a-f]{8,16}$`,
	} {
		got, err := ExpandExample(template, 7)
		if err != nil || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q does not match %s (%v)", template, got, want, err)
		}
	}
}

func TestExamplesDependOnTheSeedAlone(t *testing.T) {
	expand := func(seed uint64) string {
		text, err := ExpandExample("{alnum:40}", seed)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if expand(1) != expand(1) || expand(1) == expand(2) {
		t.Error("the seed does not decide")
	}
}

func TestExamplesAskTheCheckForWhatFollows(t *testing.T) {
	got, err := expandExample("a = ghp_{digit:2}{check:sum} b", 1, func(name, prefix string) (string, error) {
		return "<" + name + " of " + prefix[len("a = ghp_"):] + ">", nil
	})
	if err != nil || !regexp.MustCompile(`^a = ghp_(\d\d)<sum of \d\d> b$`).MatchString(got) {
		t.Errorf("%q, %v", got, err)
	}
	broken := errors.New("broken")
	_, err = expandExample("{check:sum}", 1, func(string, string) (string, error) { return "", broken })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestBadPlaceholdersAreErrors(t *testing.T) {
	for _, template := range []string{"{alnun:3}", "{alnum:x}", "{alnum:3-2}", "{alnum:-1}", "{alnum:999999}", "{check:no-such-check}"} {
		if text, err := ExpandExample(template, 1); err == nil || !strings.Contains(err.Error(), template) {
			t.Errorf("%s gave %q, %v", template, text, err)
		}
	}
}
