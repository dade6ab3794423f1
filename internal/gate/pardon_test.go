package gate

import (
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

func excepting(t *testing.T, more string, findings ...scanner.Finding) Input {
	t.Helper()
	in := withPolicy(t, input(findings...), strings.TrimSuffix(anException, "}]\n")+more+"}]\n")
	in.Whole = true
	return in
}

func baselineOf(fingerprint, blob string) Baseline {
	return Baseline{Entries: []BaselineEntry{{Fingerprint: fingerprint, Rule: "a-rule", Path: "dir/file", Blob: blob}}}
}

func wantJudged(t *testing.T, v Verdict, decision Decision, reason string, notices ...string) {
	t.Helper()
	if j := v.Findings[0]; j.Decision != decision || j.Reason != reason {
		t.Errorf("decision %v (%s), want %v (%s)", j.Decision, j.Reason, decision, reason)
	}
	if len(v.Notices) != len(notices) {
		t.Fatalf("notices %+v, want %q", v.Notices, notices)
	}
	for i, want := range notices {
		if !strings.Contains(v.Notices[i].Text, want) {
			t.Errorf("notice %q, want %q", v.Notices[i].Text, want)
		}
	}
}

func TestExceptionAllowsTheSameValueInAnotherBlob(t *testing.T) {
	in := excepting(t, "", finding("f1", "value one"))
	in.Values = values{blobA: "value one"}
	v := Decide(in)
	wantJudged(t, v, Allow, ReasonException)
	if v.Findings[0].Exception != "f1" || v.Decision != Allow {
		t.Errorf("%+v", v)
	}
}

func TestAnotherValueAtAnExceptedPlaceIsANewFinding(t *testing.T) {
	in := excepting(t, "", finding("f1", "value two"))
	in.Values = values{blobA: "value one"}
	wantJudged(t, Decide(in), Block, ReasonChanged, "is not used")

	in = input(finding("f1", "value two"))
	in.Baseline, in.Values = baselineOf("f1", blobA), values{blobA: "value one"}
	wantJudged(t, Decide(in), Block, ReasonChanged)
}

func TestValueGoneFromTheExceptedBlobIsANewFinding(t *testing.T) {
	in := excepting(t, "", finding("f1", "value one"))
	in.Values = nothing{}
	wantJudged(t, Decide(in), Block, ReasonChanged, "is not used")
	in.Result.Findings[0].Secret = secret.Secret{} // equal to nothing, not even to nothing
	wantJudged(t, Decide(in), Block, "certain confidence, high severity", "is not used")
}

type nothing struct{}

func (nothing) At(Place) ([]secret.Secret, error) { return []secret.Secret{{}}, nil }

func TestUnreadableExceptionDoesNotApplyAndSaysWhy(t *testing.T) {
	in := excepting(t, "", finding("f1", "value one"))
	in.Values = values{}
	wantJudged(t, Decide(in), Block, ReasonUnread, "is not used", "cannot be read in blob "+blobA+": no such object")
	in.Values = nil
	wantJudged(t, Decide(in), Block, ReasonUnread, "is not used", "there is no repository to read it from")
}

func TestFindingInTheExceptedBlobNeedsNoSecondReading(t *testing.T) {
	f := finding("f1", "value one")
	f.At.Blob = blobA
	wantJudged(t, Decide(excepting(t, "", f)), Allow, ReasonException)

	other := f // a place with two values says nothing of either
	other.Secret = secret.New("value two")
	wantJudged(t, Decide(excepting(t, "", f, other)), Block, ReasonUnread, "is not used", "cannot be read")
}

func TestExceptionIsBoundToItsPlace(t *testing.T) {
	for more, want := range map[string]Decision{
		", rule: a-rule": Allow, ", rule: b-rule": Block, ", path: dir/file": Allow, ", path: dir": Block,
	} {
		in := excepting(t, more, finding("f1", "value one"))
		in.Values = values{blobA: "value one"}
		if got := Decide(in).Findings[0].Decision; got != want {
			t.Errorf("%s: %v", more, got)
		}
	}
	in := excepting(t, "", finding("f2", "value one"))
	in.Values = values{blobA: "value one"}
	if got := Decide(in).Findings[0].Decision; got != Block {
		t.Errorf("another fingerprint: %v", got)
	}
}

func TestExceptionHoldsThroughItsLastDay(t *testing.T) {
	last := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now    time.Time
		want   Decision
		reason string
		notice []string
	}{
		{last.AddDate(0, 0, -13).Add(-1), Allow, ReasonException, nil},
		{last.AddDate(0, 0, -13), Allow, ReasonException, []string{"expires after 2027-01-31"}},
		{last.Add(24*time.Hour - 1), Allow, ReasonException, []string{"expires after 2027-01-31"}},
		{last.Add(24 * time.Hour), Block, "certain confidence, high severity", []string{`the exception of "@team" expired after 2027-01-31 and is not applied`}},
	} {
		in := excepting(t, "", finding("f1", "value one"))
		in.Values, in.Now = values{blobA: "value one"}, c.now
		wantJudged(t, Decide(in), c.want, c.reason, c.notice...)
	}
}

func TestUnusedExceptionIsNoticedOnlyWhenAllWasSeen(t *testing.T) {
	in := excepting(t, "")
	v := Decide(in)
	if len(v.Notices) != 1 || v.Notices[0].Path != "p.yaml" || v.Notices[0].Line != 2 || v.Decision != Allow {
		t.Errorf("%+v", v)
	}
	in.Err = scanner.ErrIncomplete
	if v := Decide(in); len(v.Notices) != 0 {
		t.Errorf("incomplete: %+v", v.Notices)
	}
	in.Err, in.Whole = nil, false
	if v := Decide(in); len(v.Notices) != 0 {
		t.Errorf("a range: %+v", v.Notices)
	}
}

func TestBaselineAllowsAcrossBlobs(t *testing.T) {
	in := input(finding("f1", "value one"))
	in.Baseline, in.Values = baselineOf("f1", blobA), values{blobA: "value one"}
	v := Decide(in)
	wantJudged(t, v, Allow, ReasonBaseline)
	if v.Findings[0].Exception != "f1" {
		t.Errorf("%q", v.Findings[0].Exception)
	}
}

func TestPlaceIsReadOncePerVerdict(t *testing.T) {
	counted := &counter{}
	in := excepting(t, "", finding("f1", "value one"), finding("f1", "value two"))
	in.Baseline, in.Values = baselineOf("f1", blobA), counted
	Decide(in)
	if counted.reads != 1 {
		t.Errorf("%d reads", counted.reads)
	}
}

type counter struct{ reads int }

func (c *counter) At(Place) ([]secret.Secret, error) {
	c.reads++
	return nil, nil
}
