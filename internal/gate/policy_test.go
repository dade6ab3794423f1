package gate

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/rules"
)

const anException = "exceptions: [{fingerprint: f1, blob: " + blobA + ", reason: a test value, owner: '@team', expires: 2027-01-31}]\n"

// aFormException is about a rule that has no value.
const aFormException = "exceptions: [{rule: store-fake-provider, paths: [test/, '*.demo.yaml'], reason: for tests, owner: '@team', expires: 2027-01-31}]\n"

// validPolicies are accepted by the parser and by the schema.
var validPolicies = []string{
	"version: 1",
	"{\"version\": 1, \"mode\": \"audit\"}",
	"version: 1\nmode: enforce\nfail_on: [critical, high]\nblock: [certain]\n",
	"version: 1\npaths: {exclude: [vendor/, '**/*.md', /a]}\n",
	"version: 1\n" + aFormException,
	"version: 1\nexceptions: [{rule: sops-threshold, namespaces: [a], names: [b*, c], reason: r, owner: o, expires: 2027-01-31}]",
	"version: 1\npaths: {}\nrules: {}\nlimits: {}\nenvironments: {}\nexceptions: []\n",
	"version: 1\nrules: {disable: [a-rule], only: [b, c], severity: {b: low, c: critical}}\n",
	"version: 1\nlimits: {max_blob: 10MiB, archive_depth: 0, archive_bytes: 500000, decode_depth: 16}\n",
	"version: 1\nlimits: {max_blob: '5', archive_bytes: 999999999GiB}\n",
	"version: 1\nenvironments: {prod: {paths: [deploy/prod/**], branches: [main, release/*], namespaces: [live-*], severity: critical}, dev: {}}\n",
	"version: 1\n" + anException,
	"version: 1\nremediate: {anything: {goes: [1, 2.5, null, true]}}\napp: {public_detail: true, comment: false}\n",
	"version: 1\napp: {}\n",
	"version: 1\nkubernetes: {}\n",
	wholeCluster,
}

// invalidPolicies are refused by both; want is part of the parser's error.
var invalidPolicies = []struct{ text, want string }{
	{"mode: audit", `p.yaml:1:1: the key "version" is missing`},
	{"version: 2", "p.yaml:1:10: this leakgate reads version 1"},
	{"version: '1'", "p.yaml:1:10: this leakgate reads version 1"},
	{"version: 1\nexcludes: []", `p.yaml:2:1: unknown key "excludes"`},
	{"version: 1\nfail-on: [high]", `p.yaml:2:1: unknown key "fail-on"; did you mean "fail_on"?`},
	{"version: 1\npaths:\n  exlude: [a]", `p.yaml:3:3: unknown key "exlude"; did you mean "exclude"?`},
	{"version: 1\nmode: audits", `p.yaml:2:7: one of enforce, audit is expected here; did you mean "audit"?`},
	{"version: 1\nmode: [audit]", "p.yaml:2:7: one of enforce, audit"},
	{"version: 1\nfail_on: []", `p.yaml:2:10: the list is empty; to block nothing write "mode: audit"`},
	{"version: 1\nfail_on: high", "p.yaml:2:10: a list is expected here"},
	{"version: 1\nfail_on: [high, high]", "p.yaml:2:17: stands in the list twice"},
	{"version: 1\nblock: [sure]", "p.yaml:2:9: one of possible, likely, certain"},
	{"version: 1\npaths:", "p.yaml:2:7: keys with values are expected here"},
	{"version: 1\npaths: {exclude: [7]}", "p.yaml:2:19: text is expected here; quote it"},
	{"version: 1\npaths: {exclude: ['']}", "p.yaml:2:19: the text is empty"},
	{"version: 1\npaths: {exclude: [~]}", "p.yaml:2:19: text is expected here"},
	{"version: 1\nrules: {only: []}", "p.yaml:2:15: an empty list would leave no rule"},
	{"version: 1\nrules: {severity: {a: extreme}}", "p.yaml:2:23: one of low, medium, high, critical"},
	{"version: 1\nlimits: {max_blob: 0}", "p.yaml:2:20: a size is"},
	{"version: 1\nlimits: {max_blob: 10 MiB}", "p.yaml:2:20: a size is"},
	{"version: 1\nlimits: {max_blob: 9999999999}", "p.yaml:2:20: a size is"},
	{"version: 1\nlimits: {archive_depth: 17}", "p.yaml:2:25: a depth is"},
	{"version: 1\nlimits: {decode_depth: -1}", "p.yaml:2:24: a depth is"},
	{"version: 1\nenvironments: {production: {}}", `p.yaml:2:16: unknown key "production"; known here: dev, prod, staging`},
	{"version: 1\nenvironments: {prod: {severity: up}}", "p.yaml:2:33: one of raise, lower, keep"},
	{"version: 1\nenvironments: {prod: {path: [a]}}", `p.yaml:2:23: unknown key "path"; did you mean "paths"?`},
	{"version: 1\nexceptions: [{rule: sops-threshold, reason: r, owner: o, expires: 2027-01-31}]", "say where it holds: paths, namespaces or names for a form"},
	{"version: 1\nexceptions: [{paths: [a], reason: r, owner: o, expires: 2027-01-31}]", `2:14: the key "rule" is missing`},
	{"version: 1\nexceptions: [{rule: sops-threshold, paths: [], reason: r, owner: o, expires: 2027-01-31}]", "the list is empty"},
	{"version: 1\nexceptions: [{rule: sops-threshold, names: [a], path: b, reason: r, owner: o, expires: 2027-01-31}]", "write two"},
	{"version: 1\nexceptions: [{rule: sops-threshold, names: [a], fingerprint: b, blob: " + blobA + ", reason: r, owner: o, expires: 2027-01-31}]", "write two"},
	{"version: 1\nexceptions: [{rule: sops-threshold, names: [a], owner: o, expires: 2027-01-31}]", `the key "reason" is missing`},
	{"version: 1\nexceptions: [{rule: sops-threshold, names: [a], reason: r, owner: o}]", `the key "expires" is missing`},
	{"version: 1\nexceptions: [{}]", `p.yaml:2:14: the key "fingerprint" is missing`},
	{"version: 1\n" + strings.Replace(anException, ", owner: '@team'", "", 1), `the key "owner" is missing`},
	{"version: 1\n" + strings.Replace(anException, ", reason: a test value", "", 1), `the key "reason" is missing`},
	{"version: 1\n" + strings.Replace(anException, ", expires: 2027-01-31", "", 1), `the key "expires" is missing`},
	{"version: 1\n" + strings.Replace(anException, "2027-01-31", "2027-02-30", 1), "a day is written as 2027-01-31"},
	{"version: 1\n" + strings.Replace(anException, "2027-01-31", "2027-1-31", 1), "a day is written as 2027-01-31"},
	{"version: 1\n" + strings.Replace(anException, blobA, blobA[:12], 1), "an object id has 40 or 64"},
	{"version: 1\n" + strings.Replace(anException, "a test value", "' '", 1), "the text is empty"},
	{"version: 1\nkubernetes: []", "p.yaml:2:13: keys with values are expected here"},
	{cluster("presets: {sealed-secret: {}}"), `there is no such preset "sealed-secret"; did you mean "sealed-secrets"?`},
	{cluster("presets: {flux: {users: [x]}}"), `unknown key "users"`},
	{cluster("presets: [flux]"), "keys with values are expected here"},
	{cluster("writers: [{name: a, claims: [{by: none}]}]"), "nobody is named"},
	{cluster("writers: [{name: a, users: [], claims: [{by: none}]}]"), "nobody is named"},
	{cluster("writers: [{name: a, users: [x]}]"), `the key "claims" is missing`},
	{cluster("writers: [{name: a, users: [x], claims: []}]"), "the list is empty; to trust the identity alone"},
	{cluster("writers: [{name: A, users: [x], claims: [{by: none}]}]"), "a name has small letters"},
	{cluster("writers: [{name: a, users: ['system:serviceaccount:a:b'], claims: [{by: none}]}]"), "named under service_accounts"},
	{cluster("writers: [{name: a, service_accounts: ['*/x'], claims: [{by: none}]}]"), "written as namespace/name"},
	{cluster("writers: [{name: a, service_accounts: ['x/*'], claims: [{by: none}]}]"), "written as namespace/name"},
	{cluster("writers: [{name: a, service_accounts: [x], claims: [{by: none}]}]"), "written as namespace/name"},
	{cluster("writers: [{name: a, users: [x], pod_bound: 'no', claims: [{by: none}]}]"), "true or false is expected"},
	{cluster("writers: [{name: a, users: [x], namespaces: [], claims: [{by: none}]}]"), "the list is empty; leave the key out"},
	{cluster("writers: [{name: a, users: [x], claims: [{by: magic}]}]"), "one of owner, reference"},
	{cluster("writers: [{name: a, users: [x], claims: [{by: owner}]}]"), `the key "kind" is missing`},
	{cluster("writers: [{name: a, users: [x], claims: [{by: owner, kind: secret}]}]"), "a kind is written as"},
	{cluster("writers: [{name: a, users: [x], claims: [{by: reference, kind: a.b/C}]}]"), `the key "names" is missing`},
	{cluster("writers: [{name: a, users: [x], claims: [{by: flux, kind: a.b/C}]}]"), "only the claims owner and reference"},
	{cluster("writers: [{name: a, users: [x], claims: [{by: owner, kind: a.b/C, keys: ['spec..x']}]}]"), "a path is written as"},
	{cluster("modes: {default: strict}"), "one of audit, warn, enforce"},
	{cluster("modes: {namespaces: {'prod-*': {mode: enforce}}}"), "the exact name of a namespace"},
	{cluster("modes: {namespaces: {prod: {}}}"), `the key "mode" is missing`},
	{cluster("modes: {rules: {Bad Rule: audit}}"), "the id of a rule has small letters"},
	{cluster("audit_days: 400"), "a number from 0 to 365"},
	{cluster("audit_days: 1.5"), "a number from 0 to 365"},
	{cluster("break_glass: {groups: ['system:authenticated']}"), "everyone is in this group"},
	{cluster("writers: [{name: a, groups: ['system:authenticated'], claims: [{by: none}]}]"), "everyone is in this group"},
	{cluster("presets: {helm: {groups: ['system:serviceaccounts']}}"), "everyone is in this group"},
	{cluster("break_glass: {max_hours: 0}"), "a number from 1 to 168"},
	{cluster("exceptions: [{rule: a, namespaces: [b], reason: c, owner: d}]"), `the key "expires" is missing`},
	{cluster("exceptions: [{rule: a, namespaces: [b], reason: c, owner: d, expires: 2027-01-31, subjects: [bob]}]"), "a subject is user:NAME"},
	{cluster("exceptions: [{rule: a, namespaces: [], reason: c, owner: d, expires: 2027-01-31}]"), "the list is empty"},
	{cluster("formats: {sops: {max_age_days: 0}}"), "a number from 1 to 100000"},
	{cluster("formats: {sops: {recipients: {gpg: [x]}}}"), `unknown key "gpg"`},
	{cluster("formats: {sealed_secret: {scopes: [wide]}}"), "one of strict, namespace-wide"},
	{cluster("formats: {sealed_secret: {key_bits: [12]}}"), "a number from 1024"},
	{cluster("formats: {vault: {skip_tls_verify: yes please}}"), "true or false"},
	{cluster("formats: {templates: {strict: very}}"), "true or false"},
	{cluster("formats: {templates: {literals: [a]}}"), `unknown key "literals"`},
	{cluster("formats: {placeholders: [envsubst]}"), "one of 1password"},
	{cluster("presets: {flux: {default_service_account: a/b}}"), "the name of a service account is expected"},
	{"version: 1\napp: {x: y}", `p.yaml:2:7: unknown key "x"; known here`},
	{"version: 1\napp: {comment: 1}", "p.yaml:2:16: "},
	{"version: 1\napp:", "p.yaml:2:5: keys with values are expected here"},
	{"[version, 1]", "p.yaml:1:1: keys with values are expected here"},
}

// parserOnly is refused by the parser where a schema has no say.
var parserOnly = []struct{ text, want string }{
	{"", `p.yaml: the file is empty; write at least "version: 1"`},
	{"version: 1\nversion: 1", `p.yaml:2:1: "version" stands here twice, first in line 1`},
	{"version: 1\napp: {x: {y: 1, y: 2}}", `p.yaml:2:17: "y" stands here twice, first in line 2`},
	{"version: 1\nremediate: &a {x: 1}\napp: *a", "p.yaml:3:6: a policy has no aliases"},
	{"version: 1\napp: {<<: {x: 1}}", "p.yaml:2:7: "},
	{"version: 1\napp: !mine {x: 1}", "p.yaml:2:6: a policy has no types of its own"},
	{"version: 1\napp: {1: x}", "p.yaml:2:7: a key is plain text; quote it"},
	{cluster("modes: {rules: {untrusted-writers: audit}}"), `there is no such rule "untrusted-writers"; did you mean "untrusted-writer"?`},
	{"version: 1\nexceptions: [{rule: kubernetes-plain-secret, names: [a], reason: r, owner: o, expires: 2027-01-31}]", "2:21: this rule is none about forms"},
	{"version: 1\nexceptions: [{rule: sops-treshold, names: [a], reason: r, owner: o, expires: 2027-01-31}]", `did you mean "sops-threshold"?`},
	{cluster("exceptions: [{rule: bad-review, namespaces: [b], reason: c, owner: d, expires: 2027-01-31}]"), `there is no such rule "bad-review"`},
	{cluster("writers: [{name: a, users: [x], claims: [{by: none}]}, {name: a, users: [x], claims: [{by: none}]}]"), "the name of this writer stands in the list twice"},
	{"version: 1\npaths: {exclude: ['[a']}", `p.yaml:2:19: a "[" is not closed`},
	{"version: 1\npaths: {exclude: ['!a']}", `p.yaml:2:19: a pattern cannot start with "!"`},
	{"version: 1\n---\nversion: 1", "p.yaml:2:1: a second document begins"},
	{"version: 1\nmode: [", "p.yaml:2:1: not YAML: "},
	{"version: 1\napp: " + strings.Repeat("{a: ", 40) + "1" + strings.Repeat("}", 40), "nested too deeply"},
	{"version: 1\n#" + strings.Repeat("x", maxPolicy), "a policy has at most 1048576 bytes"},
}

func TestPolicyErrorsNameTheirPlace(t *testing.T) {
	for _, c := range slices.Concat(invalidPolicies, parserOnly) {
		p, err := ParsePolicy("p.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200s\ngives %v\nwant  %s", c.text, err, c.want)
		}
		if len(p.Block) > 0 {
			t.Errorf("%.200s\nleaves a usable policy", c.text)
		}
	}
}

func TestPolicyErrorsAreToldTogether(t *testing.T) {
	_, err := ParsePolicy("p.yaml", []byte("version: 2\nmode: x\nfail_on: [y]\n"))
	if n := len(strings.Split(err.Error(), "\n")); n != 3 {
		t.Errorf("%d problems told, want 3:\n%v", n, err)
	}
	_, err = ParsePolicy("p.yaml", []byte("version: 1\nfail_on: ["+strings.Repeat("q, ", 5000)+"]"))
	if n := len(strings.Split(err.Error(), "\n")); n != maxProblems+1 {
		t.Errorf("%d problems told, want %d", n, maxProblems+1)
	}
}

func TestHostilePolicyIsReadInLinearTime(t *testing.T) {
	half := maxPolicy / 2
	for _, text := range []string{
		"fail_on: [" + strings.Repeat("x,", half/2) + strings.Repeat("high,", half/6) + "]",
		"paths: {exclude: [" + strings.Repeat("a,", half-20) + "]}",
		"app: " + strings.Repeat("[", half),
		"app: {" + strings.Repeat("x: &a 1, y: *a,", maxPolicy/16) + "}",
		strings.Repeat("modus: 1\n", maxPolicy/10),
		manyKeys(maxPolicy / 12),
	} {
		start := time.Now()
		_, _ = ParsePolicy("p.yaml", []byte("version: 1\n"+text)) // most are refused; none may take long
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%.30s… takes %v", text, took)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m%d: 1\n", i)
	}
	return b.String()
}

func TestPolicyErrorsNeverQuoteValues(t *testing.T) {
	value := strings.Repeat("Zq9", 12)
	for _, text := range []string{
		value, value + ": 1", "version: " + value, "version: 1\nmode: " + value, "version: 1\nfail_on: " + value,
		"version: 1\nfail_on: [" + value + "]", "version: 1\nlimits: {max_blob: " + value + "}",
		"version: 1\nexceptions: [{expires: " + value + ", blob: " + value + "}]", "version: 1\n" + value + ": &x *x",
		"version: 1\nmode: *" + value, "version: 1\nmode: !" + value + " x", "version: 1\nmode: \"" + value,
	} {
		if _, err := ParsePolicy("p.yaml", []byte(text)); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("value in the error, or none: %v", err)
		}
	}
}

func TestPolicyReadsEveryKey(t *testing.T) {
	p, err := ParsePolicy("p.yaml", []byte(`version: 1
mode: audit
fail_on: [critical, high]
block: [possible, certain]
paths: {exclude: [vendor/]}
rules: {disable: [a], only: [b], severity: {b: medium}}
limits: {max_blob: 10MiB, archive_depth: 2, archive_bytes: 1GB, decode_depth: 0}
environments:
  dev: {paths: [dev/], severity: keep}
  prod: {branches: [main], namespaces: [live]}
`+anException+"app: {public_detail: true, code_scanning: false}\n"))
	if err != nil {
		t.Fatal(err)
	}
	glob := func(text string) Glob { g, _ := ParseGlob(text); return g }
	name := func(text string) Glob { g, _ := ParseName(text); return g }
	size := func(n int64) *int64 { return &n }
	want := Policy{
		Name: "p.yaml", Audit: true,
		FailOn:   []rules.Severity{rules.High, rules.Critical},
		Block:    []rules.Confidence{rules.Possible, rules.Certain},
		Paths:    Paths{Exclude: []Glob{glob("vendor/")}},
		Rules:    RuleChoice{Disable: []string{"a"}, Only: []string{"b"}, Severity: map[string]rules.Severity{"b": rules.Medium}},
		Limits:   Limits{MaxBlob: size(10 << 20), ArchiveDepth: size(2), ArchiveBytes: size(1e9), DecodeDepth: size(0)},
		App:      App{PublicDetail: true, NoCodeScanning: true},
		Sections: map[string]bool{"app": true},
		Environments: []Environment{
			{Name: "prod", Branches: []Glob{name("main")}, Namespaces: []Glob{name("live")}, Severity: "raise"},
			{Name: "dev", Paths: []Glob{glob("dev/")}, Severity: "keep"},
		},
		Exceptions: []Exception{{
			Place: Place{Fingerprint: "f1", Blob: blobA}, Reason: "a test value", Owner: "@team",
			Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Line: 11,
		}},
	}
	got := p
	got.lines = nil
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Policy{}, Glob{})); diff != "" {
		t.Error(diff)
	}
	if !p.Excludes("vendor/x") || p.Excludes("x") || p.Wants("a") || !p.Wants("b") || p.Wants("c") {
		t.Error("Excludes or Wants does not follow the policy")
	}
}

func TestPolicyPageExampleParses(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Fatal("the page has no example")
	}
	for _, b := range blocks {
		_, err := ParsePolicy("example", b[1])
		if bytes.Contains(b[1], []byte("\nenroll:")) { // that of an organisation
			_, err = ParseOrganisation("example", b[1])
		}
		if err != nil {
			t.Error(err)
		}
	}
	for _, s := range Explain(Defaults()) {
		if last := s.Key[strings.LastIndex(s.Key, ".")+1:]; !bytes.Contains(page, []byte(last)) {
			t.Errorf("the page does not speak of %s", s.Key)
		}
	}
}

func TestUnknownRulesAreNoticed(t *testing.T) {
	p, err := ParsePolicy("p.yaml", []byte("version: 1\nrules:\n  disable: [a, b]\n  only: [c]\n  severity: {d: low}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, n := range p.UnknownRules(func(rule string) bool { return rule == "a" }) {
		lines = append(lines, n.Line)
	}
	if diff := cmp.Diff([]int{3, 4, 5}, lines); diff != "" {
		t.Error(diff)
	}
}
