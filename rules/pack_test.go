package rules

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// exampleSeeds are the seeds that every template is expanded with: a random
// text can have too little entropy or hit a stop word by chance.
const exampleSeeds = 12

func TestEveryRuleFindsItsTrueExamplesAndNoFalseOne(t *testing.T) {
	s := mustDefault(t)
	for _, r := range s.Rules {
		if len(r.Examples.True) == 0 || len(r.Examples.False) == 0 {
			t.Errorf("%s: needs a true and a false example", r.ID)
		}
		for _, template := range r.Examples.True {
			if n := timesFound(t, s, r, template); n < exampleSeeds-2 {
				t.Errorf("%s: found %d of %d expansions of %q", r.ID, n, exampleSeeds, template)
			}
		}
		for _, template := range r.Examples.False {
			if n := timesFound(t, s, r, template); n > 0 {
				t.Errorf("%s: found %d expansions of the false example %q", r.ID, n, template)
			}
		}
	}
}

func timesFound(t *testing.T, s *Set, r *Rule, template string) int {
	t.Helper()
	n := 0
	for seed := range uint64(exampleSeeds) {
		text, err := ExpandExample(template, seed)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		if len(plainFind(s, r, text)) > 0 {
			n++
		}
	}
	return n
}

func TestCertainRulesVerifyTheirOwnExamples(t *testing.T) {
	s := mustDefault(t)
	for _, r := range s.Rules {
		if (r.Confidence == Certain) != (r.Check != "") {
			t.Errorf("%s is %v with the check %q: certain rules have a check, and only they", r.ID, r.Confidence, r.Check)
		}
		if r.Check == "" {
			continue
		}
		if checks[r.Check].verify == nil {
			t.Errorf("%s names the unknown check %q", r.ID, r.Check)
			continue
		}
		if !anyValid(t, s, r) {
			t.Errorf("%s: no true example is proven by the check %q", r.ID, r.Check)
		}
	}
}

func anyValid(t *testing.T, s *Set, r *Rule) bool {
	t.Helper()
	for _, template := range r.Examples.True {
		text, err := ExpandExample(template, 1)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		for _, value := range plainFind(s, r, text) {
			if r.Verify(secret.New(value)) == Valid {
				return true
			}
		}
	}
	return false
}

// withoutKeywords are the rules that are searched in every text, each with why.
var withoutKeywords = map[string]string{
	"pkcs12-file":      "a rule on paths",
	"rails-master-key": "its path names a few small files",
}

func TestEveryRuleSaysWhatItFindsAndWhatToDo(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, r := range mustDefault(t).Rules {
		switch {
		case seen[r.ID] || !kebab.MatchString(r.ID):
			t.Errorf("%s: the id is not unique or not kebab-case", r.ID)
		case len(r.Description) < 10 || len(r.Advice) < 30:
			t.Errorf("%s: needs a description and advice", r.ID)
		case len(r.Keywords) == 0 && withoutKeywords[r.ID] == "":
			t.Errorf("%s: no keywords, so every text is searched", r.ID)
		case r.Provider == "" && !genericRule[r.ID]:
			t.Errorf("%s: neither a provider nor a generic rule", r.ID)
		case r.Regex == nil && r.Path == nil:
			t.Errorf("%s: matches nothing", r.ID)
		}
		seen[r.ID] = true
	}
}

// genericRule are the rules whose values no single provider issues.
var genericRule = map[string]bool{
	"curl-auth-header": true, "curl-auth-user": true, "generic-api-key": true, "jwt": true, "jwt-base64": true,
	"pkcs12-file": true, "private-key": true, "putty-private-key": true, "htpasswd-hash": true, "shadow-hash": true,
	"jwk-private-key": true, "private-key-der": true, "http-basic-authorization": true, "sql-user-password": true,
	"powershell-plain-password": true, "password-assignment": true,
	"database-url-password": true, "url-password": true, "connection-string-password": true,
}

// placeholders stand where documentation and templates leave a value out.
var placeholders = []string{
	"", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
	"****************************************", "........................................",
	"<token>", "<your-token-here>", "${TOKEN}", "$TOKEN", "$(cat token)", "{{ .Values.token }}", "{{token}}",
	"%TOKEN%", "#{token}", "changeme", "your-token", "YOUR_TOKEN", "REPLACE_ME", "0000000000000000000000000000000000000000",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "null", "undefined", "REDACTED", "[redacted]",
}

func TestOwnRulesFindNoPlaceholders(t *testing.T) {
	s := mustDefault(t)
	for _, r := range s.Rules {
		if r.Origin != "leakgate" || r.Regex == nil {
			continue
		}
		for _, template := range r.Examples.True {
			for _, text := range maskedExample(template) {
				if found := plainFind(s, r, text); len(found) > 0 {
					t.Errorf("%s finds a placeholder in %q", r.ID, text)
				}
			}
		}
	}
}

// maskedExample is a template with each placeholder text in place of the value:
// from the first {class:N} to the last.
func maskedExample(template string) []string {
	first := placeholder.FindStringIndex(template)
	all := placeholder.FindAllStringIndex(template, -1)
	if first == nil {
		return nil
	}
	last := all[len(all)-1]
	var texts []string
	for _, p := range placeholders {
		texts = append(texts, template[:first[0]]+p+template[last[1]:])
	}
	return texts
}

// plainFind is the reading of a rule in its simplest form: keywords, regex,
// entropy, allowlists.
func plainFind(s *Set, r *Rule, text string) []string {
	if r.Regex == nil {
		if r.Path.MatchString(text) {
			return []string{text}
		}
		return nil
	}
	if !hasKeyword(r, text) {
		return nil
	}
	var found []string
	for _, span := range r.Regex.Regexp().FindAllStringIndex(text, -1) {
		match := strings.Trim(text[span[0]:span[1]], "\n")
		value := valueOf(r, match)
		if r.Entropy > 0 && shannon(value) <= r.Entropy {
			continue
		}
		if !plainAllowed(s, r, value, match, lineAt(text, span[0], span[1])) {
			found = append(found, value)
		}
	}
	return found
}

func hasKeyword(r *Rule, text string) bool {
	lower := strings.ToLower(text)
	for _, k := range r.Keywords {
		if strings.Contains(lower, k) {
			return true
		}
	}
	return len(r.Keywords) == 0
}

func valueOf(r *Rule, match string) string {
	groups := r.Regex.Regexp().FindStringSubmatch(match)
	if r.SecretGroup > 0 && r.SecretGroup < len(groups) {
		return groups[r.SecretGroup]
	}
	for i, g := range groups {
		if i > 0 && g != "" {
			return g
		}
	}
	return match
}

func lineAt(text string, from, to int) string {
	from = strings.LastIndexByte(text[:from], '\n') + 1
	if end := strings.IndexByte(text[to:], '\n'); end >= 0 {
		return text[from : to+end]
	}
	return text[from:]
}

func plainAllowed(s *Set, r *Rule, value, match, line string) bool {
	for _, a := range s.Allowlists {
		if a.AppliesTo(r) && a.Content(value, match, line) == Yes {
			return true
		}
	}
	for _, a := range r.Allowlists {
		if a.Content(value, match, line) == Yes {
			return true
		}
	}
	return false
}

func shannon(text string) float64 {
	counts := map[rune]int{}
	for _, c := range text {
		counts[c]++
	}
	var sum float64
	for _, n := range counts {
		p := float64(n) / float64(len(text))
		sum -= p * math.Log2(p)
	}
	return sum
}
