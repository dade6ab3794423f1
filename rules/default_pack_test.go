package rules

import (
	"strings"
	"testing"
)

func readTestPack(t *testing.T, text string) *collection {
	t.Helper()
	pack, err := readBuiltin("pack.toml", []byte(text), document{origin: "leakgate", meta: true})
	if err != nil {
		t.Fatal(err)
	}
	return pack
}

func TestPackReplacesAndDescribesRules(t *testing.T) {
	c, err := gitleaksCollection()
	if err != nil {
		t.Fatal(err)
	}
	pack := readTestPack(t, `
[[rules]]
id = "jwt"
regex = "new"
severity = "low"
[[rules]]
id = "own"
regex = "own"
[[meta]]
id = "jwt"
severity = "critical"
confidence = "possible"
provider = "P"
examples = {true = ["a"]}
[[meta]]
id = "adafruit-api-key"
severity = "medium"
advice = "Rotate it."
`)
	if err := c.addPack(pack); err != nil {
		t.Fatal(err)
	}
	if err := c.describe(pack.meta); err != nil {
		t.Fatal(err)
	}
	s := c.set(nil)
	jwt, adafruit := s.Rule("jwt"), s.Rule("adafruit-api-key")
	if len(s.Rules) != 223 || s.Rule("own").Origin != "leakgate" || jwt.Regex.String() != "new" || len(jwt.Keywords) != 0 {
		t.Errorf("%d rules, jwt %+v", len(s.Rules), jwt)
	}
	if jwt.Severity != Low || jwt.Confidence != Possible || jwt.Provider != "P" || len(jwt.Examples.True) != 1 {
		t.Errorf("what a rule says of itself wins over [[meta]]: %+v", jwt)
	}
	if adafruit.Severity != Medium || adafruit.Confidence != Likely || adafruit.Advice != "Rotate it." || adafruit.Origin != "gitleaks" {
		t.Errorf("%+v", adafruit)
	}
}

func TestMistakesInPacksAreErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[[rules]]\nid='a'\nregex='a'\nhue=1":                        "unknown key",
		"[[rules]]\nid='a'\nregex='a'\n[[rules]]\nid='a'\nregex='b'": "same id",
		"[[meta]]\nid='jwt'\nregex='a'":                              "has no key",
		"[[rules]]\nid='a'\nregex='('":                               "does not parse",
	} {
		_, err := readBuiltin("pack.toml", []byte(text), document{origin: "leakgate", meta: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	c := readTestPack(t, "[[rules]]\nid='a'\nregex='a'")
	if err := c.addPack(readTestPack(t, "[[rules]]\nid='a'\nregex='b'")); err == nil {
		t.Error("two packs hold one rule")
	}
	for _, meta := range []string{"[[meta]]\nid='nosuch'", "[[meta]]\nid='a'\n[[meta]]\nid='a'"} {
		if err := c.describe(readTestPack(t, meta).meta); err == nil {
			t.Errorf("%q is no error", meta)
		}
	}
}
