package gate

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

const (
	blobA = "0a4d55a8d778e5022fab701977c5d840bbc486d0"
	blobB = "c5d840bbc486d00a4d55a8d778e5022fab701977"
)

var now = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

// finding is a certain one of high severity, in blob B.
func finding(fingerprint, value string) scanner.Finding {
	return scanner.Finding{
		Rule: &rules.Rule{ID: "a-rule"}, Secret: secret.New(value), Fingerprint: fingerprint,
		Confidence: rules.Certain, Severity: rules.High,
		At: scanner.Place{Kind: scanner.InContent, Path: "dir/file", Blob: blobB, StartLine: 3},
	}
}

func input(findings ...scanner.Finding) Input {
	return Input{Policy: Defaults(), Result: &scanner.Result{Findings: findings}, Now: now}
}

func withPolicy(t *testing.T, in Input, text string) Input {
	t.Helper()
	p, err := ParsePolicy("p.yaml", []byte("version: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	in.Policy = p
	return in
}

// values answers from a map of blob to value; a missing blob is an error.
type values map[string]string

func (v values) At(p Place) ([]secret.Secret, error) {
	if value, ok := v[p.Blob]; ok && p.Rule == "a-rule" && p.Path == "dir/file" {
		return []secret.Secret{secret.New(value)}, nil
	}
	return nil, errors.New("no such object")
}

func TestInputThatLacksSomethingIsUndecided(t *testing.T) {
	full := input()
	for name, c := range map[string]struct {
		in   Input
		want error
	}{
		"zero":       {Input{}, ErrNoPolicy},
		"no policy":  {Input{Result: full.Result, Now: now}, ErrNoPolicy},
		"no scan":    {Input{Policy: full.Policy, Now: now}, ErrNoScan},
		"no clock":   {Input{Policy: full.Policy, Result: full.Result}, ErrNoClock},
		"incomplete": {Input{Policy: full.Policy, Result: full.Result, Now: now, Err: scanner.ErrIncomplete}, scanner.ErrIncomplete},
		"missed": {Input{Policy: full.Policy, Now: now, Result: &scanner.Result{
			Coverage: scanner.Coverage{Missed: []scanner.Skip{{Path: "x"}}}}}, scanner.ErrIncomplete},
	} {
		v := Decide(c.in)
		if v.Decision != Undecided || !errors.Is(v.Err, c.want) || v.ExitCode() != 3 {
			t.Errorf("%s: %v, %v, exit %d", name, v.Decision, v.Err, v.ExitCode())
		}
	}
	if v := Decide(full); v.Decision != Allow || v.Err != nil || v.ExitCode() != 0 {
		t.Errorf("a complete scan without findings: %v, %v, exit %d", v.Decision, v.Err, v.ExitCode())
	}
	if code := (Verdict{}).ExitCode(); code != 3 {
		t.Errorf("the zero Verdict exits %d", code)
	}
}

func TestDecisionFollowsThePolicy(t *testing.T) {
	always := func(scanner.Finding) bool { return true }
	for _, c := range []struct {
		name   string
		policy string
		change func(*scanner.Finding, *Input)
		want   Decision
		reason string
	}{
		{"certain blocks", "", nil, Block, "certain confidence, high severity"},
		{"likely blocks", "", func(f *scanner.Finding, _ *Input) { f.Confidence = rules.Likely }, Block, "likely confidence, high severity"},
		{"low severity blocks", "", func(f *scanner.Finding, _ *Input) { f.Severity = rules.Low }, Block, "certain confidence, low severity"},
		{"possible warns", "", func(f *scanner.Finding, _ *Input) { f.Confidence = rules.Possible }, Warn, "possible confidence warns"},
		{"unheard-of confidence blocks", "", func(f *scanner.Finding, _ *Input) { f.Confidence = 9 }, Block, "certain confidence, high severity"},
		{"unheard-of severity blocks", "", func(f *scanner.Finding, _ *Input) { f.Severity = 9 }, Block, "certain confidence, critical severity"},
		{"no rule blocks", "", func(f *scanner.Finding, _ *Input) { f.Rule = nil }, Block, "certain confidence, high severity"},
		{"possible chosen to block", "block: [possible]", func(f *scanner.Finding, _ *Input) { f.Confidence = rules.Possible }, Block, "possible confidence, high severity"},
		{"certain not chosen", "block: [likely]", nil, Warn, "certain confidence warns"},
		{"severity not chosen", "fail_on: [critical, medium]", nil, Warn, "high severity warns"},
		{"severity of the rule", "fail_on: [critical]\nrules: {severity: {a-rule: critical}}", nil, Block, "certain confidence, critical severity"},
		{"audit", "mode: audit", nil, Warn, ReasonAudit},
		{"disabled rule", "rules: {disable: [a-rule]}", nil, Allow, ReasonDisabled},
		{"other rules only", "rules: {only: [b]}", nil, Allow, ReasonDisabled},
		{"older", "", func(_ *scanner.Finding, in *Input) { in.Older = always }, Warn, ReasonOlder},
		{"older and possible", "", func(f *scanner.Finding, in *Input) { f.Confidence, in.Older = rules.Possible, always }, Warn, "possible confidence warns"},
		{"older and ignored", "", func(_ *scanner.Finding, in *Input) { in.Older, in.Ignored = always, always }, Allow, ReasonIgnored},
		{"ignored", "", func(_ *scanner.Finding, in *Input) { in.Ignored = always }, Allow, ReasonIgnored},
		{"comment of the base", "", func(f *scanner.Finding, in *Input) { f.Allowed, in.Commented = true, always }, Allow, ReasonComment},
		{"comment of the change", "", func(f *scanner.Finding, _ *Input) { f.Allowed = true }, Block, "certain confidence, high severity"},
		{"no comment at all", "", func(_ *scanner.Finding, in *Input) { in.Commented = always }, Block, "certain confidence, high severity"},
	} {
		f := finding("f1", "value one")
		in := withPolicy(t, input(), c.policy)
		if c.change != nil {
			c.change(&f, &in)
		}
		in.Result.Findings = []scanner.Finding{f}
		v := Decide(in)
		if j := v.Findings[0]; j.Decision != c.want || j.Reason != c.reason || v.Decision != c.want {
			t.Errorf("%s: %v (%s), whole %v; want %v (%s)", c.name, j.Decision, j.Reason, v.Decision, c.want, c.reason)
		}
	}
}

func TestBlockWinsOverAnIncompleteScan(t *testing.T) {
	in := input(finding("f1", "value one"))
	in.Err = scanner.ErrIncomplete
	if v := Decide(in); v.Decision != Block || v.ExitCode() != 1 || !errors.Is(v.Err, scanner.ErrIncomplete) {
		t.Errorf("%v, %v, exit %d", v.Decision, v.Err, v.ExitCode())
	}
	in.Policy.Block = []rules.Confidence{rules.Likely}
	if v := Decide(in); v.Decision != Undecided || v.ExitCode() != 3 {
		t.Errorf("a warning and an incomplete scan: %v, exit %d", v.Decision, v.ExitCode())
	}
}

func TestNoticeMayBlockExceptInAudit(t *testing.T) {
	in := input()
	in.Notices = []Notice{{Text: "x", Block: true}}
	if v := Decide(in); v.Decision != Block || v.ExitCode() != 1 {
		t.Errorf("%v, exit %d", v.Decision, v.ExitCode())
	}
	in.Policy.Audit = true
	if v := Decide(in); v.Decision != Allow || v.Notices[0].Block {
		t.Errorf("audit: %v, %+v", v.Decision, v.Notices)
	}
	if !in.Notices[0].Block {
		t.Error("the caller's notices were changed")
	}
}

func TestAllowCommentOfTheChangeIsShown(t *testing.T) {
	f := finding("f1", "value one")
	f.Allowed = true
	v := Decide(input(f))
	want := []Notice{{Text: "allow-comment not obeyed: the tree that the policy comes from does not have it", Path: "dir/file", Line: 3}}
	if diff := cmp.Diff(want, v.Notices); diff != "" {
		t.Error(diff)
	}
}

func TestFloodOfNoticesIsCut(t *testing.T) {
	var flood []scanner.Finding
	var entries []BaselineEntry
	for i := range 3 * maxTold {
		f := finding(fmt.Sprint("f", i), "value one")
		f.Allowed = true
		flood, entries = append(flood, f), append(entries, baselineOf(f.Fingerprint, blobA).Entries...)
	}
	in := input(flood...)
	in.Baseline.Entries = entries
	if v := Decide(in); len(v.Notices) != 2*(maxTold+1) || len(v.Findings) != 3*maxTold || v.Decision != Block {
		t.Errorf("%d notices of %d findings, %v", len(v.Notices), len(v.Findings), v.Decision)
	}
}

func TestCredentialComesFromTheCaller(t *testing.T) {
	in := input(finding("f1", "value one"))
	in.Credential = func(s secret.Secret) string { return fmt.Sprint("LG-", s.Len()) }
	if got := Decide(in).Findings[0].Credential; got != "LG-9" {
		t.Error(got)
	}
}

func TestEnvironmentShiftsSeverity(t *testing.T) {
	policy := `environments:
  prod: {paths: [prod/], branches: [main], namespaces: [live]}
  staging: {paths: [stage/]}
  dev: {paths: [dev/, prod/dev/]}
`
	for _, c := range []struct {
		path, branch, namespace, extra string
		severity, want                 rules.Severity
		environment                    string
	}{
		{"x", "", "", "", rules.High, rules.High, ""},
		{"prod/x", "", "", "", rules.High, rules.Critical, "prod"},
		{"prod/x", "", "", "", rules.Critical, rules.Critical, "prod"},
		{"x", "main", "", "", rules.Low, rules.Medium, "prod"},
		{"x", "topic main", "", "", rules.Low, rules.Medium, "prod"},
		{"x", "", "live", "", rules.Low, rules.Medium, "prod"},
		{"stage/x", "", "", "", rules.Low, rules.Low, "staging"},
		{"dev/x", "", "", "", rules.High, rules.Medium, "dev"},
		{"dev/x", "", "", "", rules.Low, rules.Low, "dev"},
		{"prod/dev/x", "", "", "", rules.Low, rules.Medium, "prod"},
		{"dev/x", "main", "", "", rules.Low, rules.Medium, "prod"},
		{"dev/x", "", "", "rules: {severity: {a-rule: critical}}", rules.Low, rules.High, "dev"},
	} {
		f := finding("f1", "value one")
		f.At.Path, f.Severity = c.path, c.severity
		in := withPolicy(t, input(f), policy+c.extra)
		in.Branches = strings.Split(c.branch, " ")
		in.Namespace = func(scanner.Finding) string { return c.namespace }
		j := Decide(in).Findings[0]
		if j.Severity != c.want || j.Environment != c.environment || j.Finding.Severity != c.severity {
			t.Errorf("%+v: severity %d in %q", c, j.Severity, j.Environment)
		}
	}
}

func TestShiftIsClamped(t *testing.T) {
	for shift, want := range map[Shift]string{
		"raise": "medium high critical critical", "lower": "low low medium high", "keep": "low medium high critical",
		"": "low medium high critical", "medium": "medium medium medium medium", "critical": "critical critical critical critical",
	} {
		var got []rules.Severity
		for s := rules.Low; s <= rules.Critical; s++ {
			got = append(got, shift.Apply(s))
		}
		if diff := cmp.Diff(want, strings.Join(words(got, severityWords), " ")); diff != "" {
			t.Errorf("%s: %s", shift, diff)
		}
	}
}
