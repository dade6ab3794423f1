package gate

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

func judged(fingerprint, value, blob string, decision Decision) Judged {
	f := finding(fingerprint, value)
	f.At.Blob = blob
	return Judged{Finding: f, Decision: decision}
}

func at(j Judged, date string) Judged {
	j.Commit.Date, _ = time.Parse(time.DateOnly, date)
	return j
}

func TestBaselineListsEachValueOfAPlaceOnce(t *testing.T) {
	found := []Judged{
		at(judged("f1", "value one", blobB, Block), "2026-02-02"),
		at(judged("f1", "value one", blobA, Warn), "2026-01-01"),
		judged("f1", "value one", blobB, Block), // not committed
		judged("f1", "value two", blobB, Block),
		judged("f2", "value one", blobB, Allow),
	}
	want := []BaselineEntry{
		{Fingerprint: "f1", Rule: "a-rule", Path: "dir/file", Blob: blobA, FirstSeen: "2026-01-01T00:00:00Z"},
		{Fingerprint: "f1", Rule: "a-rule", Path: "dir/file", Blob: blobB},
	}
	b, left := NewBaseline(found, Baseline{})
	if diff := cmp.Diff(want, b.Entries); diff != "" || len(left) != 0 {
		t.Error(diff, len(left))
	}
	for i := range found { // the order of the findings does not matter
		turned, _ := NewBaseline(append(found[i:len(found):len(found)], found[:i]...), Baseline{})
		if !bytes.Equal(turned.Encode(), b.Encode()) {
			t.Errorf("turned by %d: %s", i, turned.Encode())
		}
	}
}

func TestBaselineReturnsWhatItCannotList(t *testing.T) {
	b, left := NewBaseline([]Judged{
		judged("", "value one", blobA, Block), judged("f1", "value one", "", Block), judged("f1", "", blobA, Block),
	}, Baseline{})
	if len(b.Entries) != 0 || len(left) != 3 {
		t.Errorf("%d entries, %d left", len(b.Entries), len(left))
	}
}

func TestBaselineMakesTheNextVerdictGreenAndStaysTheSame(t *testing.T) {
	in := input(finding("f1", "value one"), finding("f2", "value two"))
	first, _ := NewBaseline(Decide(in).Findings, Baseline{})
	in.Baseline = first
	v := Decide(in)
	if v.Decision != Allow {
		t.Errorf("%v", v.Decision)
	}
	second, _ := NewBaseline(v.Findings, first)
	if diff := cmp.Diff(string(first.Encode()), string(second.Encode())); diff != "" {
		t.Error(diff)
	}
	in.Result.Findings = in.Result.Findings[:1]
	third, _ := NewBaseline(Decide(in).Findings, first)
	added, removed := DiffBaselines(first, third)
	if len(added) != 0 || len(removed) != 1 || removed[0].Fingerprint != "f2" {
		t.Errorf("added %v, removed %v", added, removed)
	}
}

func TestBaselineSurvivesARebaseButNotANewValue(t *testing.T) {
	first, _ := NewBaseline(Decide(input(finding("f1", "value one"))).Findings, Baseline{})
	moved := finding("f1", "value one") // same fingerprint, other blob, line and commit
	moved.At.Blob, moved.At.StartLine, moved.Commit = blobA, 99, scanner.Commit{ID: blobA}
	in := input(moved)
	in.Baseline, in.Values = first, values{blobB: "value one"}
	if v := Decide(in); v.Decision != Allow {
		t.Errorf("moved: %v (%s)", v.Decision, v.Findings[0].Reason)
	}
	in.Result.Findings[0].Secret = secret.New("value two")
	v := Decide(in)
	if v.Decision != Block {
		t.Errorf("changed: %v", v.Decision)
	}
	second, _ := NewBaseline(v.Findings, first)
	added, removed := DiffBaselines(first, second)
	if len(added) != 1 || added[0].Blob != blobA || len(removed) != 1 || removed[0].Blob != blobB {
		t.Errorf("added %v, removed %v", added, removed)
	}
}

func TestBaselineHoldsNoValueAndNoHash(t *testing.T) {
	value := secret.New(strings.Repeat("Zq9", 12))
	j := judged("f1", "", blobA, Block)
	j.Secret, j.At.Path, j.Credential = value, "dir/"+strings.Repeat("Zq9", 12)+".txt", "LG-ID"
	b, _ := NewBaseline([]Judged{j}, Baseline{})
	text := string(b.Encode())
	for _, form := range append(secret.Forms(value), "LG-ID") {
		if strings.Contains(text, form) {
			t.Errorf("the baseline holds a form of the value")
		}
	}
	if !strings.Contains(text, `"path": "dir/[redacted].txt"`) {
		t.Error(text)
	}
}

func TestEmptyBaselineIsAWholeDocument(t *testing.T) {
	want := "{\n  \"schemaVersion\": 1,\n  \"entries\": []\n}\n"
	if diff := cmp.Diff(want, string(Baseline{}.Encode())); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenBaselineIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "EOF",
		"{}":                                    "schemaVersion is not 1",
		`{"schemaVersion": 2}`:                  "schemaVersion is not 1",
		`{"schemaVersion": 1, "more": 1}`:       "unknown field",
		`{"schemaVersion": 1} {}`:               "text follows the document",
		`{"schemaVersion": 1} x`:                "text follows the document",
		`{"schemaVersion": 1, "entries": [{}]}`: "entry 0 lacks a fingerprint or a whole blob id",
		`{"schemaVersion": 1, "entries": [{"fingerprint": "f1", "blob": "abc"}]}`: "entry 0 lacks",
	} {
		_, err := ParseBaseline("b.json", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "b.json: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzBaselineRoundTrip(f *testing.F) {
	f.Add([]byte(`{"schemaVersion": 1, "entries": []}`))
	f.Add(baselineOf("f1", blobA).Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseBaseline("b.json", text)
		if err != nil {
			return
		}
		again, err := ParseBaseline("b.json", b.Encode())
		if err != nil || !bytes.Equal(again.Encode(), b.Encode()) {
			t.Errorf("%v, or other bytes after a round trip", err)
		}
		if added, removed := DiffBaselines(b, again); len(added)+len(removed) > 0 {
			t.Errorf("differs from itself: %v %v", added, removed)
		}
	})
}
