package ghfake

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-github/v89/github"
)

func TestCheckRuns(t *testing.T) {
	w := newWorld(t, Options{})
	checks, sha := w.bot.Checks, w.tip("main")
	_, _, err := checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "n", HeadSHA: "0123456789012345678901234567890123456789"})
	refused(t, err, 422, "No commit found")
	_, _, err = checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "n", HeadSHA: sha, Conclusion: github.Ptr("stale")})
	refused(t, err, 422, "stale")
	if all := w.Checks(w.repo); len(all) != 0 {
		t.Errorf("refusals leave %v", all)
	}
	run, _, err := checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: sha})
	w.must(err)
	if run.GetStatus() != "queued" {
		t.Errorf("a new run is %v", run)
	}
	for batch := range 3 {
		var annotations []*github.CheckRunAnnotation
		for i := range 50 {
			annotations = append(annotations, &github.CheckRunAnnotation{
				Path: github.Ptr("a.txt"), StartLine: github.Ptr(i + 1), EndLine: github.Ptr(i + 1), AnnotationLevel: github.Ptr("failure"), Message: github.Ptr(fmt.Sprint(batch)),
			})
		}
		run, _, err = checks.UpdateCheckRun(w.ctx, "acme", "app", run.GetID(), github.UpdateCheckRunOptions{
			Name: "leakgate", Status: github.Ptr("in_progress"), Output: &github.CheckRunOutput{Title: github.Ptr("t"), Summary: github.Ptr("s"), Annotations: annotations},
		})
		w.must(err)
	}
	if run.GetOutput().GetAnnotationsCount() != 150 || run.GetStatus() != "in_progress" {
		t.Errorf("the run has %d annotations", run.GetOutput().GetAnnotationsCount())
	}
	page, response, err := checks.ListCheckRunAnnotations(w.ctx, "acme", "app", run.GetID(), &github.ListOptions{PerPage: 100})
	w.must(err)
	if len(page) != 100 || response.NextPage != 2 || response.LastPage != 2 {
		t.Errorf("the first page has %d, the next is %d of %d", len(page), response.NextPage, response.LastPage)
	}
}

func TestOnlyItsAppChangesACheckRun(t *testing.T) {
	w := newWorld(t, Options{})
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: w.tip("main")})
	w.must(err)
	second, err := w.App("second", "", everything)
	w.must(err)
	other := w.client(w.transport(second, w.Install(second, "acme")))
	_, _, err = other.Checks.UpdateCheckRun(w.ctx, "acme", "app", run.GetID(), github.UpdateCheckRunOptions{Name: "x"})
	refused(t, err, 403, "can only be modified by the GitHub App that created it")
}

func TestNewestCheckRunOfAName(t *testing.T) {
	w := newWorld(t, Options{})
	var last int64
	for range 3 {
		run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: w.tip("main")})
		w.must(err)
		last = run.GetID()
	}
	for filter, want := range map[string]int{"latest": 1, "all": 3} {
		runs, _, err := w.bot.Checks.ListCheckRunsForRef(w.ctx, "acme", "app", "main", &github.ListCheckRunsOptions{Filter: &filter})
		w.must(err)
		if runs.GetTotal() != want || runs.CheckRuns[0].GetID() != last {
			t.Errorf("%s: %d runs", filter, runs.GetTotal())
		}
	}
}

// Many clients at once are answered one after the other, and nothing is lost.
func TestCallsOfManyClients(t *testing.T) {
	w := newWorld(t, Options{})
	sha := w.tip("main")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 5 {
				_, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: fmt.Sprint(i, " ", j), HeadSHA: sha})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range 3 {
			w.local.Commit("next")
			w.push("main")
		}
	})
	group.Wait()
	if n := len(w.Checks(w.repo)); n != 40 {
		t.Errorf("%d check runs of 40", n)
	}
	if arrived := w.Deliver(w.ctx, Weather{}); arrived != 40+3+2 {
		t.Errorf("%d deliveries", arrived)
	}
}

// The upload is refused whole when it is over a limit.
func TestSarifOverALimitFails(t *testing.T) {
	w := newWorld(t, Options{})
	w.repo.CodeSecurity = true
	run := `{"tool":{"driver":{"name":"t%d","rules":[]}},"results":[]},`
	runs := ""
	for i := range 21 {
		runs += fmt.Sprintf(run, i)
	}
	id, _, err := w.bot.CodeScanning.UploadSarif(w.ctx, "acme", "app", &github.SarifAnalysis{
		CommitSHA: github.Ptr(w.tip("main")), Ref: github.Ptr("refs/heads/main"), Sarif: github.Ptr(pack(`{"version":"2.1.0","runs":[` + runs[:len(runs)-1] + `]}`)),
	})
	var accepted *github.AcceptedError
	if err != nil && !asError(err, &accepted) {
		t.Fatal(err)
	}
	var state string
	for range 2 {
		s, _, err := w.bot.CodeScanning.GetSARIF(w.ctx, "acme", "app", id.GetID())
		w.must(err)
		state = s.GetProcessingStatus()
	}
	if state != "failed" {
		t.Errorf("21 runs are %s", state)
	}
	w.repo.CodeSecurity = false
	_, _, err = w.bot.CodeScanning.UploadSarif(w.ctx, "acme", "app", &github.SarifAnalysis{CommitSHA: github.Ptr(w.tip("main")), Ref: github.Ptr("refs/heads/main"), Sarif: github.Ptr(pack(log))})
	refused(t, err, 403, "Code Security must be enabled")
}
