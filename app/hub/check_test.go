package hub

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/report"
)

func annotated(n int) report.Check {
	out := report.Check{Title: "2 secrets", Summary: "Look.", Buttons: []report.Button{{ID: "recheck", Label: "Recheck", Description: "Look again"}}}
	for i := range n {
		out.Annotations = append(out.Annotations, report.Annotation{Path: "a.txt", StartLine: i + 1, EndLine: i + 1, StartColumn: 1, EndColumn: 3, Level: "failure", Title: fmt.Sprint("n", i), Message: "secret"})
	}
	return out
}

func done(sha, id, conclusion string) Run {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return Run{ExternalID: id, SHA: sha, Status: Completed, Conclusion: conclusion, Started: at, Completed: at.Add(time.Second)}
}

func TestCheckFromQueuedToCompletedIsOneRun(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	s, sha := w.open(ToCheck()), w.head()
	for _, run := range []Run{{ExternalID: "scan-1", SHA: sha, Status: Queued}, {ExternalID: "scan-1", SHA: sha, Status: InProgress}, done(sha, "scan-1", "failure"), done(sha, "scan-1", "failure"), {ExternalID: "scan-1", SHA: sha, Status: InProgress}, done(sha, "scan-1", "success")} {
		_, err := s.PutCheck(t.Context(), run, annotated(120))
		w.must(err)
	}
	checks := w.Checks(w.repo)
	if len(checks) != 1 {
		t.Fatalf("%d check runs", len(checks))
	}
	k := checks[0]
	if k.Name != "leakgate" || k.Status != "completed" || k.Conclusion != "success" || len(k.Annotations) != 120 || len(k.Actions) != 1 || k.Title != "2 secrets" {
		t.Errorf("%s %s %s, %d annotations, %d buttons", k.Name, k.Status, k.Conclusion, len(k.Annotations), len(k.Actions))
	}
	if got, want := w.Calls("checks/create"), 1; got != want {
		t.Errorf("created %d times", got)
	}
}

// A run that is completed, and of which only the text changes, says so: its title and
// conclusion are the same where a second, better verdict joins a first.
func TestACompletedCheckIsToldAnew(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	s, sha := w.open(ToCheck()), w.head()
	for _, text := range [][2]string{{"One.", ""}, {"Two.", ""}, {"Two.", "More."}, {"Two.", "More."}} {
		out := annotated(3)
		out.Summary, out.Text = text[0], text[1]
		_, err := s.PutCheck(t.Context(), done(sha, "scan-1", "failure"), out)
		w.must(err)
		if k := w.Checks(w.repo)[0]; k.Summary != text[0] || k.Text != text[1] || len(k.Annotations) != 3 {
			t.Errorf("it says %q and %q instead of %q, with %d annotations", k.Summary, k.Text, text, len(k.Annotations))
		}
	}
	if n := w.Calls("checks/update"); n != 2 {
		t.Errorf("it was written %d times", n)
	}
}

// Whatever fails between any two requests, the next try ends with one run that has each
// annotation once.
func TestCheckSurvivesEveryFault(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	for _, after := range []bool{false, true} {
		for _, lose := range []bool{false, true} {
			for _, operation := range []string{"checks/list-for-ref", "checks/create", "checks/update"} {
				for skip := range 3 {
					w.survives(ghfake.Fault{Operation: operation, Status: map[bool]int{false: http.StatusBadGateway}[lose], Lose: lose, After: after}, skip)
				}
			}
		}
	}
}

// survives writes a check run of its own while a fault happens, after so many good ones.
func (w *world) survives(f ghfake.Fault, skip int) {
	name := fmt.Sprintf("%+v after %d", f, skip)
	w.app = w.newApp(w.key()) // with new limits
	s, sha, want := w.open(ToCheck()), w.head(), annotated(120)
	for range skip {
		open := make(chan struct{})
		close(open)
		w.Fail(ghfake.Fault{Operation: f.Operation, Wait: open})
	}
	w.Fail(f)
	for range 5 {
		_, err := s.PutCheck(w.t.Context(), done(sha, name, "failure"), want)
		if err == nil {
			break
		}
		if later, ok := AsLater(err); !ok || !later.Outage {
			w.t.Fatalf("%s: an outage became %v", name, err)
		}
	}
	w.Calm()
	var mine []ghfake.Check
	for _, k := range w.Checks(w.repo) {
		if k.ExternalID == name {
			mine = append(mine, k)
		}
	}
	if len(mine) != 1 || mine[0].Conclusion != "failure" || len(mine[0].Annotations) != 120 {
		w.t.Fatalf("%s: %d runs, the first %+v", name, len(mine), mine)
	}
	for i, a := range mine[0].Annotations {
		if a["title"] != fmt.Sprint("n", i) {
			w.t.Fatalf("%s: annotation %d is %v", name, i, a["title"])
		}
	}
}

func TestCheckIsFoundBehindManyOthers(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	sha := w.head()
	s := w.open(ToCheck())
	_, err := s.PutCheck(t.Context(), done(sha, "mine", "success"), annotated(0))
	w.must(err)
	for i := range 101 { // more than one page of them
		if i%20 == 0 {
			w.app = w.newApp(w.key()) // with new limits
			s = w.open(ToCheck())
		}
		_, err := s.createCheck(t.Context(), done(sha, fmt.Sprint("scan-", i), "success"), annotated(0))
		w.must(err)
	}
	w.app = w.newApp(w.key())
	_, err = w.open(ToCheck()).PutCheck(t.Context(), done(sha, "mine", "success"), annotated(0))
	w.must(err)
	if n := len(w.Checks(w.repo)); n != 102 {
		t.Errorf("%d runs of 102 scans", n)
	}
}
