package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// someFindings are random but for the seed.
func someFindings(r *rand.Rand) []scanner.Finding {
	out := make([]scanner.Finding, r.IntN(6))
	for i := range out {
		out[i] = someFinding(r)
	}
	return out
}

func someFinding(r *rand.Rand) scanner.Finding {
	f := finding(fmt.Sprint("f", r.IntN(3)), fmt.Sprint("value ", r.IntN(3)))
	f.Rule = &rules.Rule{ID: []string{"a-rule", "b-rule"}[r.IntN(2)]}
	f.Confidence, f.Severity = rules.Confidence(r.IntN(3)), rules.Severity(r.IntN(4))
	f.At.Path = []string{"dir/file", "prod/x", "dev/y"}[r.IntN(3)]
	f.At.Blob = []string{blobA, blobB}[r.IntN(2)]
	f.Allowed = r.IntN(4) == 0
	return f
}

func somePolicy(r *rand.Rand) Policy {
	p := Defaults()
	p.Name, p.Audit = "p.yaml", r.IntN(8) == 0
	maybe := func() bool { return r.IntN(3) == 0 }
	if maybe() {
		p.FailOn = []rules.Severity{rules.High, rules.Critical}[r.IntN(2):]
	}
	if maybe() {
		p.Block = [][]rules.Confidence{{rules.Certain}, {rules.Possible, rules.Certain}, {rules.Likely}}[r.IntN(3)]
	}
	if maybe() {
		p.Rules.Disable = []string{"a-rule"}
	}
	if maybe() {
		p.Rules.Only = [][]string{{"a-rule"}, {"b-rule"}, {"a-rule", "b-rule"}}[r.IntN(3)]
	}
	if maybe() {
		p.Rules.Severity = map[string]rules.Severity{"a-rule": rules.Severity(r.IntN(4))}
	}
	if maybe() {
		g, _ := ParseGlob("prod/")
		p.Environments = []Environment{{Name: "prod", Paths: []Glob{g}, Severity: Shift(shiftWords[r.IntN(len(shiftWords))])}}
	}
	for range r.IntN(3) {
		p.Exceptions = append(p.Exceptions, Exception{Owner: "o", Expires: now.AddDate(0, 0, r.IntN(4)-2),
			Place: Place{Fingerprint: fmt.Sprint("f", r.IntN(3)), Blob: []string{blobA, blobB}[r.IntN(2)]}})
	}
	return p
}

func someInput(r *rand.Rand) Input {
	in := input(someFindings(r)...)
	in.Policy = somePolicy(r)
	in.Values = values{blobA: fmt.Sprint("value ", r.IntN(3)), blobB: fmt.Sprint("value ", r.IntN(3))}
	if r.IntN(3) == 0 {
		in.Err = scanner.ErrIncomplete
	}
	if r.IntN(3) == 0 {
		in.Commented = func(f scanner.Finding) bool { return f.Fingerprint == "f1" }
	}
	if r.IntN(3) == 0 {
		in.Older = func(f scanner.Finding) bool { return f.Fingerprint == "f2" }
	}
	return in
}

const rounds = 5000

func TestMoreFindingsNeverOpenTheGate(t *testing.T) {
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		in := someInput(r)
		before := Decide(in)
		more := in
		more.Result = &scanner.Result{Findings: append(slices.Clone(in.Result.Findings), someFinding(r))}
		after := Decide(more)
		if before.Decision == Block && after.Decision != Block || before.ExitCode() != 0 && after.ExitCode() == 0 ||
			before.Decision == Warn && after.Decision < Warn {
			t.Fatalf("seed %d: %v became %v with one more finding", seed, before.Decision, after.Decision)
		}
	}
}

func TestExitCodeFollowsFromFindingsAndError(t *testing.T) {
	seen := map[int]int{}
	for seed := range uint64(rounds) {
		in := someInput(rand.New(rand.NewPCG(seed, 2)))
		v := Decide(in)
		want := 0
		if in.Err != nil {
			want = 3
		}
		for i, j := range v.Findings {
			if j.Decision == Undecided || j.Reason == "" || j.Fingerprint != in.Result.Findings[i].Fingerprint {
				t.Fatalf("seed %d: finding %d is %v for %q", seed, i, j.Decision, j.Reason)
			}
			if j.Decision == Block {
				want = 1
			}
		}
		if v.ExitCode() != want || (v.Decision == Undecided) != (want == 3) {
			t.Fatalf("seed %d: exit %d, decision %v, want exit %d", seed, v.ExitCode(), v.Decision, want)
		}
		seen[want]++
	}
	if seen[0] == 0 || seen[1] == 0 || seen[3] == 0 {
		t.Errorf("some exit code never came up: %v", seen)
	}
}

func TestChangeNeverLoosensItsOwnVerdict(t *testing.T) {
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 3))
		in := someInput(r)
		before := Decide(in)
		in.Notices = Loosened(in.Policy, somePolicy(r))
		in.Notices = append(in.Notices, AddedLines(".gitleaksignore", nil, []byte("f1\nf2\n"))...)
		if after := Decide(in); after.Decision != before.Decision || after.ExitCode() != before.ExitCode() ||
			len(after.Notices) != len(before.Notices)+len(in.Notices) {
			t.Fatalf("seed %d: %v became %v", seed, before.Decision, after.Decision)
		}
	}
}

func TestWhateverALoosenedPolicyLetsPassIsNoticed(t *testing.T) {
	weaker := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 4))
		in, head := someInput(r), somePolicy(r)
		proposed := in
		proposed.Policy = head
		before, after := Decide(in), Decide(proposed)
		for i := range before.Findings {
			if after.Findings[i].Decision < before.Findings[i].Decision {
				if weaker++; len(Loosened(in.Policy, head)) == 0 {
					t.Fatalf("seed %d: %v becomes %v (%s) without a notice", seed,
						before.Findings[i].Decision, after.Findings[i].Decision, after.Findings[i].Reason)
				}
			}
		}
	}
	if weaker == 0 {
		t.Error("no policy was ever weaker")
	}
}
