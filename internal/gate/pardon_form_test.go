package gate

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// aForm is a store of the provider fake, in a file.
func aForm(path, namespace, name string) scanner.Finding {
	return scanner.Finding{
		Rule: &rules.Rule{ID: "store-fake-provider"}, Fingerprint: "form of " + path + namespace + name, Confidence: rules.Likely, Severity: rules.High,
		At: scanner.Place{Kind: scanner.InManifest, Path: path, Blob: blobB, Field: "spec.provider.fake", Object: scanner.Object{Kind: "SecretStore", Namespace: namespace, Name: name}},
	}
}

func TestExceptionOfAFormHoldsWhereItSays(t *testing.T) {
	const usual = ", reason: r, owner: '@team', expires: 2027-01-31}]\n"
	for name, c := range map[string]struct {
		where string
		form  scanner.Finding
		want  Decision
	}{
		"path":                  {"paths: [test/]", aForm("test/store.yaml", "a", "b"), Allow},
		"rendered":              {"paths: [test/*.yaml]", aForm("test/kustomization.yaml!rendered", "a", "b"), Allow},
		"another path":          {"paths: [test/]", aForm("live/store.yaml", "a", "b"), Block},
		"namespace":             {"namespaces: [dev-*]", aForm("s.yaml", "dev-1", "b"), Allow},
		"another namespace":     {"namespaces: [dev-*]", aForm("s.yaml", "live", "b"), Block},
		"no namespace":          {"namespaces: ['*']", aForm("s.yaml", "", "b"), Block},
		"name":                  {"names: [b]", aForm("s.yaml", "a", "b"), Allow},
		"another name":          {"names: [b]", aForm("s.yaml", "a", "bb"), Block},
		"all of them":           {"paths: [s.yaml], namespaces: [a], names: [b]", aForm("s.yaml", "a", "b"), Allow},
		"one of them is not so": {"paths: [s.yaml], namespaces: [a], names: [b]", aForm("s.yaml", "a", "c"), Block},
	} {
		t.Run(name, func(t *testing.T) {
			v := Decide(withPolicy(t, input(c.form), "exceptions: [{rule: store-fake-provider, "+c.where+usual))
			if j := v.Findings[0]; j.Decision != c.want || (j.Reason == ReasonException) != (c.want == Allow) {
				t.Errorf("%v (%s)", j.Decision, j.Reason)
			}
		})
	}
}

func TestExceptionOfAFormEndsAndIsReported(t *testing.T) {
	in := withPolicy(t, input(aForm("test/store.yaml", "a", "b")), strings.Replace(aFormException, "2027-01-31", "2027-01-09", 1))
	wantJudged(t, Decide(in), Block, "likely confidence, high severity", `the exception of "@team" expired after 2027-01-09 and is not applied`)

	in = withPolicy(t, input(aForm("live/store.yaml", "a", "b")), strings.Replace(aFormException, "2027-01-31", "2027-12-31", 1))
	in.Whole = true
	wantJudged(t, Decide(in), Block, "likely confidence, high severity", "is not used: the rule store-fake-provider found nothing where it holds")
	in.Result.Findings[0].At.Path = "test/store.yaml"
	wantJudged(t, Decide(in), Allow, ReasonException)
}

func TestExceptionOfAFormIsOfItsRuleAndNeverOfAValue(t *testing.T) {
	other := aForm("test/store.yaml", "a", "b")
	other.Rule = &rules.Rule{ID: "sops-threshold"}
	v := Decide(withPolicy(t, input(other), aFormException))
	wantJudged(t, v, Block, "likely confidence, high severity")

	value := finding("f1", "value one")
	value.At.Kind, value.At.Path, value.Rule = scanner.InManifest, "test/store.yaml", &rules.Rule{ID: "store-fake-provider"}
	wantJudged(t, Decide(withPolicy(t, input(value), aFormException)), Block, ReasonValue)
}

func TestBaselineKnowsAFormByItsPlace(t *testing.T) {
	known, other := aForm("s.yaml", "a", "b"), aForm("s.yaml", "a", "c")
	b, left := NewBaseline(Decide(input(known)).Findings, Baseline{})
	if len(left) != 0 || len(b.Entries) != 1 || b.Entries[0].Blob != "" || b.Entries[0].Object != "SecretStore a/b" || b.Entries[0].Field != "spec.provider.fake" {
		t.Fatalf("%+v, left %d", b.Entries, len(left))
	}
	read, err := ParseBaseline("b.json", b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	known.At.Blob = blobA // edited elsewhere
	in := input(known, other)
	in.Baseline = read
	v := Decide(in)
	if v.Findings[0].Reason != ReasonBaseline || v.Findings[1].Decision != Block {
		t.Errorf("%v (%s), %v", v.Findings[0].Decision, v.Findings[0].Reason, v.Findings[1].Decision)
	}
	if again, _ := NewBaseline(v.Findings, read); len(again.Entries) != 2 {
		t.Errorf("%+v", again.Entries)
	}

	// An entry without a blob excepts no value, whatever its fingerprint.
	value := finding(known.Fingerprint, "value one")
	in = input(value)
	in.Baseline, in.Values = read, values{}
	if j := Decide(in).Findings[0]; j.Decision != Block {
		t.Errorf("%v (%s)", j.Decision, j.Reason)
	}
	if _, err := ParseBaseline("b.json", []byte(`{"schemaVersion": 1, "entries": [{"fingerprint": "f", "rule": "a-rule", "path": "p"}]}`)); err == nil {
		t.Error("an entry of a value needs a blob")
	}
}
