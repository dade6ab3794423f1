package gate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoosenedPolicyIsTold(t *testing.T) {
	for _, c := range []struct{ base, head, want string }{
		{"", "", ""},
		{"", "mode: audit", "2: it only audits"},
		{"mode: audit", "", ""},
		{"", "fail_on: [critical, high, medium]", "2: it no longer blocks severity low"},
		{"fail_on: [critical]", "fail_on: [critical, low]", ""},
		{"", "block: [likely]", "2: it no longer blocks confidence certain"},
		{"", "block: [possible, likely, certain]", ""},
		{"paths: {exclude: [a]}", "paths:\n  exclude: [b, a]", `3: it excludes "b"`},
		{"paths: {exclude: [a, b]}", "paths: {exclude: [a]}", ""},
		{"", "rules: {disable: [a]}", `2: it disables the rule "a"`},
		{"", "rules: {only: [a]}", "2: it uses only some of the rules"},
		{"rules: {only: [a, b]}", "rules: {only: [b, c]}", `2: it no longer uses the rule "a"`},
		{"rules: {only: [a]}", "", ""},
		{"", "rules: {severity: {a: low}}", `2: it low becomes the severity of "a"`},
		{"rules: {severity: {a: low}}", "rules: {severity: {a: low}}", ""},
		{"rules: {severity: {a: high}}", "rules: {}", `0: it no longer sets the severity of "a"`},
		{"", "limits: {max_blob: 1kB}", "2: it changes limits.max_blob from unset to 1000"},
		{"limits: {decode_depth: 5}", "limits: {decode_depth: 1}", "2: it changes limits.decode_depth from 5 to 1"},
		{"", "environments: {dev: {paths: [a]}}", "2: it changes what belongs to dev or its severity"},
		{"environments: {prod: {paths: [a]}}", "", "0: it changes what belongs to prod or its severity"},
		{"", anException, `2: it adds or widens the exception of fingerprint "f1", owner "@team"`},
		{anException, anException, ""},
		{anException, "", ""},
		{anException, strings.Replace(anException, "2027-01-31", "2027-02-01", 1), `2: it adds or widens the exception of fingerprint "f1", owner "@team"`},
		{anException, strings.Replace(anException, "2027-01-31", "2027-01-30", 1), ""},
		{anException, strings.Replace(anException, blobA, blobB, 1), `2: it adds or widens the exception of fingerprint "f1", owner "@team"`},
		{"", aFormException, `2: it adds or widens the exception of the rule "store-fake-provider", owner "@team"`},
		{aFormException, aFormException, ""},
		{aFormException, strings.Replace(aFormException, "2027-01-31", "2027-01-30", 1), ""},
		{aFormException, strings.Replace(aFormException, "test/", "live/", 1), `2: it adds or widens the exception of the rule "store-fake-provider", owner "@team"`},
		{aFormException, anException, `2: it adds or widens the exception of fingerprint "f1", owner "@team"`},
		{strings.Replace(anException, "{", "{rule: a, ", 1), anException, `2: it adds or widens the exception of fingerprint "f1", owner "@team"`},
	} {
		var got []string
		base, err := ParsePolicy("p.yaml", []byte("version: 1\n"+c.base))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ProposedPolicy(base, "p.yaml", []byte("version: 1\n"+c.head)) {
			got = append(got, fmt.Sprintf("%d: %s", n.Line, strings.TrimPrefix(n.Text, "this change loosens the policy, not obeyed yet: ")))
			if n.Block || n.Path != "p.yaml" {
				t.Errorf("%+v", n)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("from %q to %q:\n%s", c.base, c.head, diff)
		}
	}
}

func TestRemovedOrBrokenPolicyIsTold(t *testing.T) {
	base, err := ParsePolicy("p.yaml", []byte("version: 1\nblock: [possible, likely, certain]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if n := ProposedPolicy(base, "p.yaml", nil); len(n) != 1 || !strings.Contains(n[0].Text, "no longer blocks confidence possible") {
		t.Errorf("removed: %+v", n)
	}
	if n := ProposedPolicy(base, "p.yaml", []byte("mode: x")); len(n) != 1 || !n[0].Block || !strings.Contains(n[0].Text, "cannot be read") {
		t.Errorf("broken: %+v", n)
	}
	if n := ProposedPolicy(Defaults(), "p.yaml", nil); len(n) != 0 {
		t.Errorf("never there: %+v", n)
	}
}

func TestAddedIgnoreLinesAreTold(t *testing.T) {
	got := AddedLines("i", []byte("one\n"), []byte("# why\ntwo\n\n  one\r\nthree"))
	want := []Notice{
		{Path: "i", Line: 2, Text: "an ignore line that this change adds is not obeyed"},
		{Path: "i", Line: 5, Text: "an ignore line that this change adds is not obeyed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&many, i)
	}
	if got := AddedLines("i", nil, []byte(many.String())); len(got) != maxTold+1 || !strings.HasPrefix(got[maxTold].Text, "950 more") {
		t.Errorf("%d notices, the last %+v", len(got), got[len(got)-1])
	}
}

func TestChangedFileIsTold(t *testing.T) {
	for _, c := range []struct {
		before, after []byte
		want          string
	}{
		{nil, nil, ""}, {[]byte("a"), []byte("a"), ""}, {[]byte{}, nil, "removes"}, {nil, []byte{}, "adds"}, {[]byte("a"), []byte("b"), "edits"},
	} {
		n := ChangedFile("f", c.before, c.after)
		if (len(n) == 0) != (c.want == "") || len(n) == 1 && !strings.Contains(n[0].Text, c.want) {
			t.Errorf("%q to %q: %+v", c.before, c.after, n)
		}
	}
}

func TestExplainGivesEachValueItsOrigin(t *testing.T) {
	p, err := ParsePolicy("p.yaml", []byte("version: 1\nmode: audit\nrules:\n  disable: [a]\n  severity:\n    b: low\nenvironments:\n  prod:\n    paths: [x/]\n"+
		"exceptions:\n  - fingerprint: f1\n    blob: "+blobA+"\n    reason: r\n    owner: o\n    expires: 2027-01-31\napp: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range Explain(p) {
		fmt.Fprintln(&got, s.Key, s.Value, s.Origin)
	}
	want := `mode audit p.yaml:2
fail_on [low, medium, high, critical] default
block [likely, certain] default
paths.exclude [] default
rules.disable [a] p.yaml:4
rules.only [] default
rules.severity.b low p.yaml:6
limits.max_blob unset default
limits.archive_depth unset default
limits.archive_bytes unset default
limits.decode_depth unset default
environments.prod.paths ["x/"] p.yaml:9
environments.prod.branches [] default
environments.prod.namespaces [] default
environments.prod.severity raise default
exceptions[0].fingerprint "f1" p.yaml:11
exceptions[0].blob ` + blobA + ` p.yaml:12
exceptions[0].reason "r" p.yaml:13
exceptions[0].owner "o" p.yaml:14
exceptions[0].expires 2027-01-31 p.yaml:15
app.public_detail false default
app.comment true default
app.code_scanning true default
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}
