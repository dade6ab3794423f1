package revoke

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

var update = flag.Bool("update", false, "rewrite docs/providers")

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryRuleHasAProviderOrARunbook(t *testing.T) {
	c := catalogue(t)
	set, err := rules.Default()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range append(append([]*rules.Rule{}, set.Rules...), scanner.ManifestRules()...) {
		known[r.ID] = true
		if len(c.ForRule(r.ID)) == 0 && c.Runbook(r.ID) == nil {
			t.Errorf("nothing says what to do about a value of %s", r.ID)
		}
	}
	seen := map[string]string{}
	for _, e := range c.Entries() {
		for _, rule := range e.Rules {
			if !known[rule] {
				t.Errorf("%s is for a rule %s that does not exist", e.Kind, rule)
			}
			if e.Class == ClassM && seen[rule] != "" {
				t.Errorf("%s has two runbooks, %s and %s", rule, e.Kind, seen[rule])
			}
			if e.Class == ClassM {
				seen[rule] = e.Kind
			}
		}
	}
}

func TestThereAreAsManyKindsAsPromised(t *testing.T) {
	count := map[Class]int{}
	for _, e := range catalogue(t).Entries() {
		count[e.Class]++
	}
	if count[ClassU]+count[ClassS] < 25 || count[ClassA] < 15 {
		t.Errorf("%v: at least 25 without an administrator and 15 with one", count)
	}
	t.Logf("%v", count)
}

func TestThePagesAreThoseOfTheData(t *testing.T) {
	folder := filepath.Join("..", "..", "docs", "providers")
	pages := catalogue(t).Pages()
	if *update {
		for name, text := range pages {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range pages {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != text {
			t.Errorf("docs/providers/%s is not what the data says: make docs", name)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := pages[f.Name()]; !ok {
			t.Errorf("docs/providers/%s belongs to nothing", f.Name())
		}
	}
}

// Registries of packages are the operator's choice, so that no repository and
// no line of code sends a token to one.
func TestNoHostOfAPackageRegistryIsInTheData(t *testing.T) {
	for _, id := range []string{"npm-token", "crates-io-token"} {
		p := catalogue(t).Provider(id)
		if len(p.Hosts) != 1 || p.Hosts[0] != "{{host}}" || p.Needs[0].Name != "host" || p.Needs[0].Default != "" {
			t.Errorf("%s has a host of its own: %v", id, p.Hosts)
		}
	}
}

// TestBadDataIsRefused: each change to a sound provider is refused at load.
func TestBadDataIsRefused(t *testing.T) {
	text, err := files.ReadFile("providers/fastly-token.toml")
	if err != nil {
		t.Fatal(err)
	}
	sound := string(text)
	if _, err := ParseProvider(text); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", `class = "S"`, `class = "S"` + "\ncolour = 1", "unknown key colour"},
		{"plain http", `url = "https://api.fastly.com/tokens/self"`, `url = "http://api.fastly.com/tokens/self"`, "not https"},
		{"a host that is not listed", `url = "https://api.fastly.com/tokens/self"`, `url = "https://api.fastly.com.example/tokens/self"`, "not https at one of the hosts"},
		{"a user before the host", `url = "https://api.fastly.com/tokens/self"`, `url = "https://api.fastly.com@elsewhere.example/x"`, "not https at one of the hosts"},
		{"the value in the address", `url = "https://api.fastly.com/tokens/self"`, `url = "https://api.fastly.com/tokens/{{secret}}"`, "secret_in_url"},
		{"a name that nothing gives", `{Fastly-Key = "{{secret}}"}`, `{Fastly-Key = "{{secret}}", X = "{{password}}"}`, "there is no {{password}}"},
		{"a request without the value", `{Fastly-Key = "{{secret}}"}`, `{Fastly-Key = "x"}`, "does not carry the value"},
		{"too many calls as death", `dead = [{status = [401]`, `dead = [{status = [429]`, "decides nothing"},
		{"an outage as death", `dead = [{status = [401]`, `dead = [{status = [503]`, "decides nothing"},
		{"a redirect as success", `done = [{status = [204]`, `done = [{status = [302]`, "decides nothing"},
		{"first of the list", `proof = "value"`, `proof = "list-value"`, "find belongs to"},
		{"an id that nothing tells", `proof = "value"`, `proof = "own-id"`, "does not come from the proof"},
		{"a check with effects", `effects = "none"`, `effects = "creates"`, "effects of a check"},
		{"no source", `source = "https://www`, `source = "http://www`, "source"},
	} {
		_, err := ParseProvider([]byte(strings.ReplaceAll(sound, c.old, c.new)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}
