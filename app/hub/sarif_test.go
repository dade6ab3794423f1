package hub

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// log is a SARIF log with one finding at head and one in history.
func log(t *testing.T, category, sha string) []byte {
	t.Helper()
	rule := &rules.Rule{ID: "generic-api-key", Description: "Generic API key", Severity: rules.High, Confidence: rules.Certain, Origin: "leakgate"}
	find := func(path string, head bool) gate.Judged {
		return gate.Judged{Decision: gate.Block, Credential: "LG-AAAAAAAAAAAAAAAA", Severity: rules.High, Finding: scanner.Finding{
			Rule: rule, Secret: secret.New(strings.Repeat("k9Lm", 6)), Confidence: rules.Certain, Fingerprint: "v1:" + path, LineHash: "c129715d7a2bc9a3:1",
			Commit: scanner.Commit{ID: sha}, At: scanner.Place{Kind: scanner.InContent, Origin: scanner.FromCommit, Path: path, StartLine: 1, EndLine: 1, StartColumn: 1, EndColumn: 4, AtHead: head},
		}}
	}
	r := &report.Report{Tool: report.Tool{Name: "leakgate", Version: "1.2.3"}, Category: category, RunID: "1", Verdict: gate.Verdict{Decision: gate.Block, Findings: []gate.Judged{find("a.txt", true), find("gone.txt", false)}}}
	var out bytes.Buffer
	if err := report.Write(&out, "sarif", r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is taken out of the files is fixed at head and stays open in history.
func TestTwoCategoriesOfAlerts(t *testing.T) {
	for _, enterprise := range []bool{false, true} {
		w := newWorld(t, ghfake.Options{Enterprise: enterprise})
		w.repo.CodeSecurity = true
		s := w.open(ToUpload())
		for _, category := range []string{report.CategoryHead, report.CategoryHistory} {
			for range 2 { // again changes nothing
				u, err := s.UploadSARIF(t.Context(), Analysis{Ref: "refs/heads/main", SHA: w.head(), Log: log(t, category, w.head())})
				w.must(err)
				later, ok := AsLater(s.Processed(t.Context(), u))
				if !ok || later.Outage {
					t.Fatal("an upload is looked at later")
				}
				w.must(s.Processed(t.Context(), u))
			}
		}
		alerts, _, err := w.user("ada").CodeScanning.ListAlertsForRepo(t.Context(), "acme", "app", nil)
		w.must(err)
		if len(alerts) != 2 {
			t.Fatalf("%d alerts", len(alerts))
		}
		for i, want := range []string{"a.txt leakgate/head", "gone.txt leakgate/history"} {
			at := alerts[i].MostRecentInstance
			if got := at.Location.GetPath() + " " + at.GetCategory(); got != want || alerts[i].GetState() != "open" {
				t.Errorf("%s is %s, want %s", got, alerts[i].GetState(), want)
			}
		}
	}
}

func TestUploadIsPolledLessAndLess(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	s := w.open(ToUpload())
	for _, c := range []struct{ since, wait time.Duration }{{0, 5 * time.Second}, {40 * time.Second, 40 * time.Second}, {time.Hour, 2 * time.Minute}} {
		u := Upload{ID: "0d4e2a3b-0000-4000-8000-000000000000", At: w.clock.here().Add(-c.since)}
		later, ok := AsLater(s.Processed(t.Context(), u))
		if !ok {
			t.Fatal("an upload that GitHub does not know yet is looked at later")
		}
		if wait := later.At.Sub(w.clock.here()).Round(10 * time.Second); wait > c.wait.Round(10*time.Second) {
			t.Errorf("after %s waits %s", c.since, wait)
		}
	}
}

func TestUploadsThatGitHubDoesNotTake(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	w.repo.Private = false
	s := w.open(ToUpload())
	u, err := s.UploadSARIF(t.Context(), Analysis{Ref: "refs/heads/main", SHA: w.head(), Log: []byte(`{"version":"2.0.0","runs":[]}`)})
	w.must(err)
	_ = s.Processed(t.Context(), u)
	if err := s.Processed(t.Context(), u); !errors.Is(err, ErrRejected) || !strings.Contains(err.Error(), "2.1.0") {
		t.Errorf("got %v", err)
	}
	noise := make([]byte, maxUpload+1)
	_, _ = rand.Read(noise)
	if _, err := s.UploadSARIF(t.Context(), Analysis{Ref: "refs/heads/main", SHA: w.head(), Log: noise}); !errors.Is(err, ErrRejected) || w.Calls("code-scanning/upload-sarif") != 1 {
		t.Errorf("too large: %v", err)
	}
	w.repo.Private = true
	_, err = s.UploadSARIF(t.Context(), Analysis{Ref: "refs/heads/main", SHA: w.head(), Log: log(t, report.CategoryHead, w.head())})
	if !errors.Is(err, ErrNoCodeScanning) {
		t.Errorf("without Code Security: %v", err)
	}
	var e *github.ErrorResponse
	if _, err := w.open(ToRead()).UploadSARIF(t.Context(), Analysis{Ref: "refs/heads/main", SHA: w.head(), Log: noise[:9]}); !errors.As(err, &e) {
		t.Errorf("without the permission: %v", err)
	}
}
