package manifest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// A CorpusCase is an attack of the corpora with its twin, for a real API server.
type CorpusCase struct {
	Class, Name, Rule string
	Attack, Twin      string
}

// DeniedCases are the attacks of testdata/corpus that are refused wherever they are seen.
func DeniedCases(t *testing.T) (cases []CorpusCase) {
	classes, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range classes {
		archive, err := txtar.ParseFile(class)
		if err != nil {
			t.Fatal(err)
		}
		twins := map[string]string{}
		for _, file := range archive.Files {
			name, rule, _ := strings.Cut(file.Name, " = ")
			text := expand(t, string(file.Data))
			switch {
			case rule == "twin":
				twins[name] = text
			case !strings.HasPrefix(rule, "warn "):
				cases = append(cases, CorpusCase{strings.TrimSuffix(filepath.Base(class), ".txtar"), name, rule, text, twins[name]})
			}
		}
	}
	return cases
}

// resource is plainSecret as a SopsSecret, the one form in which what sops encrypted
// reaches an API server.
const resource = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: db
  namespace: app
spec:
  secretTemplates:
  - name: db
    type: Opaque
    stringData:
      username: administrator
      password: "%(secret 24)"
      port: 5432
    data:
      key: "%(secret64 32)"
`

// SOPSCases are the attacks on files of sops as SopsSecrets, those that can be made so and
// are seen without a key and without a file of rules, and the recipient of all of them.
func SOPSCases(t *testing.T) (recipient string, cases []CorpusCase) {
	all := sopsCases(t)
	known := dataRule
	for _, c := range all {
		if len(c.check.Formats.SOPS.Recipients.Age) > 0 {
			recipient, known.For = c.check.Formats.SOPS.Recipients.Age[0], c.file.For
			break
		}
	}
	for _, c := range all {
		if c.warn || c.lax || c.check.Prescribed != nil || !c.check.Keys.IsZero() || c.check.Known != nil || c.check.Formats.SOPS.WholeMAC || c.check.Formats.SOPS.VerifyMAC {
			continue
		}
		twin := known.Encrypt(t, expand(t, resource))
		edited := c.edit(twin)
		if edited != twin {
			cases = append(cases, CorpusCase{c.class, c.name, c.rule, edited, twin})
		}
	}
	return recipient, cases
}

// DeniedRules are those by which an object of a cluster is refused, where documents of sops
// have to be for the recipient.
func DeniedRules(object []byte, recipient string) (rules []string) {
	docs, err := Parse("object", object)
	if err != nil {
		return nil
	}
	c := Checker{InCluster: true}
	c.Formats.SOPS.Recipients.Age = []string{recipient}
	for _, f := range c.Faults(docs) {
		if f.Deny {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}
