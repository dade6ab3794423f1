package gate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/leakgate/leakgate/rules"
)

const organisation = `version: 1
mode: audit
fail_on: [critical]
paths: {exclude: [vendor/]}
rules: {disable: [generic-api-key], severity: {aws-access-token: critical}}
exceptions:
  - {rule: store-fake-provider, paths: [e2e/], reason: tests, owner: "@sec", expires: 2027-01-31}
locked: [mode, rules]
enroll:
  - {all: true, stage: observe, except: [legacy-*]}
  - {names: [Web-*], stage: warn}
  - {topics: [production], stage: block}
  - {properties: {tier: [prod, edge], region: [eu]}, stage: block}
`

func parsedOrganisation(t *testing.T, text string) Organisation {
	t.Helper()
	o, err := ParseOrganisation("acme/.github/leakgate.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOrganisationGivesAndLocks(t *testing.T) {
	repo, err := ParsePolicy(".leakgate.yaml", []byte(`version: 1
mode: enforce
fail_on: [high]
rules: {disable: [slack-token]}
exceptions:
  - {rule: store-fake-provider, names: [x], reason: mine, owner: "@me", expires: 2027-02-28}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, notices := Merge(parsedOrganisation(t, organisation), repo)
	if !p.Audit || !slices.Equal(p.FailOn, []rules.Severity{rules.High}) || !slices.Equal(p.Rules.Disable, []string{"generic-api-key"}) || len(p.Rules.Severity) != 1 {
		t.Errorf("audit %v, fail on %v, disabled %v", p.Audit, p.FailOn, p.Rules.Disable)
	}
	if !p.Excludes("vendor/a") || len(p.Exceptions) != 2 {
		t.Errorf("exclude %v, %d exceptions", p.Excludes("vendor/a"), len(p.Exceptions))
	}
	var told []string
	for _, n := range notices {
		told = append(told, fmt.Sprintf("%s:%d %s %v", n.Path, n.Line, n.Text, n.Block))
	}
	if diff := cmp.Diff([]string{
		".leakgate.yaml:2 mode is locked by acme/.github/leakgate.yaml and not obeyed here false",
		".leakgate.yaml:4 rules.disable is locked by acme/.github/leakgate.yaml and not obeyed here false",
	}, told); diff != "" {
		t.Error(diff)
	}
	origin := map[string]string{}
	for _, s := range Explain(p) {
		origin[s.Key] = s.Origin
	}
	for key, want := range map[string]string{
		"mode": "acme/.github/leakgate.yaml:2", "fail_on": ".leakgate.yaml:3", "paths.exclude": "acme/.github/leakgate.yaml:4", "rules.disable": "acme/.github/leakgate.yaml:5", "block": "default",
		"exceptions[0].reason": "acme/.github/leakgate.yaml:7", "exceptions[1].reason": ".leakgate.yaml:6", "rules.severity.aws-access-token": "acme/.github/leakgate.yaml:5",
	} {
		if origin[key] != want {
			t.Errorf("%s is from %q, want %q", key, origin[key], want)
		}
	}
}

func TestRepositoryWithoutPolicyHasItsOrganisations(t *testing.T) {
	p, notices := Merge(parsedOrganisation(t, organisation), Defaults())
	if !p.Audit || len(p.FailOn) != 1 || len(notices) != 0 || len(p.Block) != 2 {
		t.Errorf("%+v, %v", p, notices)
	}
	if p, _ := Merge(Organisation{}, Defaults()); cmp.Diff(Explain(p), Explain(Defaults())) != "" {
		t.Error("no organisation changes something")
	}
}

// Under an organisation that locks, a change that loosens locked keys changes nothing,
// and one that removes the policy falls back to the organisation, not to the defaults.
func TestProposalIsWeighedUnderTheOrganisation(t *testing.T) {
	locked := strings.Replace(organisation, "mode: audit", "mode: enforce", 1)
	base, _ := Merge(parsedOrganisation(t, locked), Defaults())
	if n := ProposedPolicy(base, ".leakgate.yaml", []byte("version: 1\nmode: audit\n")); len(n) != 0 {
		t.Errorf("a locked key: %v", n)
	}
	if n := ProposedPolicy(base, ".leakgate.yaml", []byte("version: 1\nfail_on: [low]\n")); len(n) != 1 {
		t.Errorf("an open key: %v", n)
	}
}

func TestStageIsTheStrictest(t *testing.T) {
	o := parsedOrganisation(t, organisation)
	for _, c := range []struct {
		repo Repository
		want Stage
	}{
		{Repository{Name: "app"}, Observe},
		{Repository{Name: "legacy-app"}, NotEnrolled},
		{Repository{Name: "legacy-app", Own: true}, Enforced},
		{Repository{Name: "app", Own: true}, Observe},
		{Repository{Name: "WEB-shop"}, Warning},
		{Repository{Name: "web-shop", Topics: []string{"production"}}, Enforced},
		{Repository{Name: "a", Properties: map[string][]string{"tier": {"edge"}, "region": {"us", "eu"}}}, Enforced},
		{Repository{Name: "a", Properties: map[string][]string{"tier": {"edge"}}}, Observe},
	} {
		if got := o.StageOf(c.repo); got != c.want {
			t.Errorf("%+v is at %s, want %s", c.repo, got, c.want)
		}
	}
	if got := (Organisation{}).StageOf(Repository{Name: "app"}); got != NotEnrolled {
		t.Errorf("without a policy anywhere: %s", got)
	}
}

func TestBrokenOrganisationSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1\nlocked: [mod]\n":                                `2:10: no key of a policy "mod"; did you mean "mode"?`,
		"version: 1\nenroll: [{stage: warn}]\n":                      "2:10: say which repositories",
		"version: 1\nenroll: [{all: true}]\n":                        `2:10: the key "stage" is missing`,
		"version: 1\nenroll: [{all: true, stage: shout}]\n":          "2:29: one of observe, warn, block",
		"version: 1\nenroll: [{names: ['[a'], stage: warn}]\n":       "2:19: a \"[\" is not closed",
		"version: 1\nenroll: [{properties: {a: []}, stage: warn}]\n": "2:27: the list is empty",
		"version: 1\nmode: loud\n":                                   "2:7: one of enforce, audit",
	} {
		if _, err := ParseOrganisation("leakgate.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "leakgate.yaml:"+want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if organisationSchema(t).Validate(asJSON(t, text)) == nil && !strings.Contains(text, "'[a'") {
			t.Errorf("the schema accepts\n%s", text)
		}
	}
	if _, err := ParsePolicy(".leakgate.yaml", []byte("version: 1\nenroll: []\n")); err == nil {
		t.Error("a repository enrols itself by a key that is its organisation's")
	}
	if err := organisationSchema(t).Validate(asJSON(t, organisation)); err != nil {
		t.Error(err)
	}
	for _, key := range settingKeys() {
		if err := organisationSchema(t).Validate(asJSON(t, "version: 1\nlocked: ["+key+"]\n")); err != nil {
			t.Errorf("the schema does not know %s", key)
		}
	}
}

func organisationSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := OrganisationSchema()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("organisation.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("organisation.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
