package detect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/rules"
)

func allowlist(paths string) *rules.Allowlist {
	return &rules.Allowlist{Paths: rules.NewPattern(paths)}
}

func acceptedAt(t *testing.T, d *Detector, text, path, commit string) int {
	t.Helper()
	found, err := d.Text(t.Context(), nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	verdict, n := d.Place(path), 0
	for i := range found {
		if d.Accept(&found[i], verdict, commit) {
			n++
		}
	}
	return n
}

func TestPlacesDecideWhereAMatchCounts(t *testing.T) {
	yamlOnly := rule("yaml", `key\d`, "key")
	yamlOnly.Path = rules.NewPattern(`\.yaml$`)
	byRule := rule("byrule", `key\d`, "key")
	byRule.Allowlists = []*rules.Allowlist{allowlist(`^docs/`)}
	both := rule("both", `key\d`, "key")
	both.Allowlists = []*rules.Allowlist{{MatchAll: true, Paths: rules.NewPattern(`^test/`), Regexes: rules.NewPattern(`1`)}}
	commits := rule("commits", `key\d`, "key")
	commits.Allowlists = []*rules.Allowlist{{Commits: []string{"c0ffee"}}}
	for _, c := range []struct {
		rule               *rules.Rule
		text, path, commit string
		want               int
	}{
		{yamlOnly, "key1", "a.yaml", "", 1},
		{yamlOnly, "key1", "a.json", "", 0},
		{byRule, "key1", "docs/a", "", 0},
		{byRule, "key1", "src/a", "", 1},
		{both, "key1", "test/a", "", 0},
		{both, "key2", "test/a", "", 1},
		{both, "key1", "src/a", "", 1},
		{commits, "key1", "a", "c0ffee", 0},
		{commits, "key1", "a", "decaf", 1},
		{commits, "key1", "a", "", 1},
	} {
		d, _ := custom(c.rule)
		if n := acceptedAt(t, d, c.text, c.path, c.commit); n != c.want {
			t.Errorf("%s: %q at %q in %q counts %d times, want %d", c.rule.ID, c.text, c.path, c.commit, n, c.want)
		}
	}
}

func TestBuiltInPathsExcuseDoubtfulRulesOnly(t *testing.T) {
	sure, doubtful := rule("sure", `key\d`, "key"), rule("doubtful", `key\d`, "key")
	sure.Confidence = rules.Likely
	list := allowlist(`\.lock$`)
	list.Default = true
	d := New(&rules.Set{Rules: []*rules.Rule{doubtful, sure}, Allowlists: []*rules.Allowlist{list}}, Options{})
	if n := acceptedAt(t, d, "key1", "a.lock", ""); n != 1 {
		t.Errorf("%d matches count in a lock file, want that of the sure rule", n)
	}
	if n := acceptedAt(t, d, "key1", "a.go", ""); n != 2 {
		t.Errorf("%d matches count elsewhere, want 2", n)
	}
}

func TestACompositeCountsOnlyWhereItsPartsDo(t *testing.T) {
	part, whole := rule("part", `id\d`), rule("whole", `key\d`, "key")
	part.SkipReport = true
	part.Path = rules.NewPattern(`\.env$`)
	whole.Required = []rules.Required{{RuleID: "part"}}
	d, _ := custom(whole, part)
	if a, b := acceptedAt(t, d, "key1 id2", "a.env", ""), acceptedAt(t, d, "key1 id2", "a.txt", ""); a != 1 || b != 0 {
		t.Errorf("counts %d in a.env and %d in a.txt, want 1 and 0", a, b)
	}
}

func TestPathRulesAreListed(t *testing.T) {
	r := &rules.Rule{ID: "p12", Path: rules.NewPattern(`\.p12$`)}
	d, _ := custom(r)
	if got := d.Place("a.p12").PathOnly; len(got) != 1 || !d.AcceptPath(r, d.Place("a.p12"), "") {
		t.Errorf("rules for a.p12: %d, want 1", len(got))
	}
	if got := d.Place("a.txt").PathOnly; len(got) != 0 {
		t.Errorf("rules for a.txt: %d, want none", len(got))
	}
}

func TestAllowCommentsAreReportedNotObeyed(t *testing.T) {
	d, _ := custom(rule("r", `key\d`, "key"))
	found, err := d.Text(t.Context(), nil, []byte("key1\nkey2 # gitleaks:allow\nkey3 // leakgate:allow\nkey4"))
	if err != nil {
		t.Fatal(err)
	}
	var got []bool
	for _, m := range found {
		got = append(got, m.Allowed)
	}
	if diff := cmp.Diff([]bool{false, true, true, false}, got); diff != "" {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
}

func TestFilterPrefersTheSpecificRule(t *testing.T) {
	d, _ := custom(rule("generic-key", `key=(\w+)`, "key"), rule("acme", `acme\w+`, "acme"))
	found, err := d.Text(t.Context(), nil, []byte("key=acme1\nkey=other\n key=acme1 \nacme1"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range Filter(found) {
		got = append(got, m.Rule.ID)
	}
	if diff := cmp.Diff("acme generic-key acme acme", strings.Join(got, " ")); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestValuesAreTakenBackByEntropyAndStopWords(t *testing.T) {
	r := rule("r", `key=(\w+)`, "key")
	r.Entropy = 2
	r.Allowlists = []*rules.Allowlist{{StopWords: []string{"example"}}}
	d, _ := custom(r)
	found, err := d.Text(t.Context(), nil, []byte("key=aaaaaaaa key=a1b2c3d4 key=EXAMPLEa1b2c3"))
	if err != nil || len(found) != 1 || found[0].Span != [2]int{17, 25} {
		t.Errorf("%d matches (%v), want the second value only", len(found), err)
	}
}
