package ghfake

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
)

func TestAppsAreTold(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.pull("topic")
	w.local.File("topic.txt", "newer\n")
	w.push("topic")
	run, _, err := w.bot.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "leakgate", HeadSHA: w.tip("topic")})
	w.must(err)
	w.Press(run.GetID(), "bob", "recheck")
	w.Rerun(run.GetID(), "bob")
	_, _, err = w.bob.Issues.CreateComment(w.ctx, "acme", "app", p.GetNumber(), &github.IssueComment{Body: github.Ptr("/leakgate recheck")})
	w.must(err)
	_, _, err = w.ada.PullRequests.CreateReview(w.ctx, "acme", "app", p.GetNumber(), &github.PullRequestReviewRequest{Event: github.Ptr("APPROVE")})
	w.must(err)
	w.Suspend(w.installed, true)
	if arrived := w.Deliver(w.ctx, Weather{}); arrived != len(w.events()) {
		t.Errorf("%d of %d arrived", arrived, len(w.events()))
	}
	want := []string{
		"installation.created", "push", "push", "pull_request.opened", "push", "pull_request.synchronize", "check_run.created",
		"check_run.requested_action", "check_run.rerequested", "issue_comment.created", "pull_request_review.submitted", "installation.suspend",
	}
	if got := w.events(); !slices.Equal(got, want) {
		t.Errorf("the app heard %v,\nnot %v", got, want)
	}
	if len(w.reports) > 0 {
		t.Error(w.reports)
	}
	w.local.Git("push", "-q", "origin", "topic:quiet")
	if n := w.Pending(); n != 0 {
		t.Errorf("a suspended installation is told %d times", n)
	}
}

func TestPushPayloadSaysWhatGitSays(t *testing.T) {
	w := newWorld(t, Options{})
	w.Deliver(w.ctx, Weather{})
	old := w.tip("main")
	w.local.File("b.txt", "b\n")
	sha := w.local.File("a.txt", "changed\n")
	w.push("main")
	w.local.Git("reset", "-q", "--hard", old)
	w.push("--force", "main")
	w.push("main:gone", "main:refs/tags/v1")
	w.push("--delete", "gone")
	w.Deliver(w.ctx, Weather{})
	var pushes []github.PushEvent
	for i, r := range w.received {
		var e github.PushEvent
		if r.Header.Get("X-GitHub-Event") == "push" {
			w.must(json.Unmarshal(w.bodies[i], &e))
			pushes = append(pushes, e)
		}
	}
	first, forced, gone := pushes[1], pushes[2], pushes[len(pushes)-1]
	if first.GetBefore() != old || first.GetAfter() != sha || len(first.Commits) != 2 || first.Commits[0].Added[0] != "b.txt" || first.Commits[1].Modified[0] != "a.txt" {
		t.Errorf("the push is %v", first)
	}
	if !forced.GetForced() || forced.GetAfter() != old || !gone.GetDeleted() || gone.GetAfter() != zeros || gone.GetRef() != "refs/heads/gone" {
		t.Errorf("the others are %v and %v", forced, gone)
	}
}

// What is lost is found in the list of failures, and comes again under the same GUID.
func TestLostDeliveriesAreRedelivered(t *testing.T) {
	w := newWorld(t, Options{})
	w.Deliver(w.ctx, Weather{Lose: 1})
	if len(w.received) > 0 {
		t.Fatal("something arrived")
	}
	failures, _, err := w.asApp.Apps.ListHookDeliveries(w.ctx, &github.ListCursorOptions{PerPage: 100})
	w.must(err)
	for _, d := range failures {
		full, _, err := w.asApp.Apps.GetHookDelivery(w.ctx, d.GetID())
		w.must(err)
		if _, err := full.ParseRequestPayload(); err != nil {
			t.Errorf("%s: %v", d.GetEvent(), err)
		}
		var accepted *github.AcceptedError
		if _, _, err := w.asApp.Apps.RedeliverHookDelivery(w.ctx, d.GetID()); !asError(err, &accepted) {
			t.Error(err)
		}
	}
	if arrived := w.Deliver(w.ctx, Weather{}); arrived != len(failures) || arrived == 0 {
		t.Errorf("%d of %d arrived", arrived, len(failures))
	}
	for i, r := range w.received {
		if r.Header.Get("X-GitHub-Delivery") != failures[i].GetGUID() {
			t.Error("a redelivery has another GUID")
		}
	}
}

func TestWeather(t *testing.T) {
	w := newWorld(t, Options{})
	w.Deliver(w.ctx, Weather{})
	w.received, w.bodies = nil, nil
	for range 12 {
		w.local.Commit("next")
		w.push("main")
	}
	w.Deliver(w.ctx, Weather{Lose: 0.2, Duplicate: 0.3, Shuffle: true})
	seen := map[string]int{}
	var heads []string
	for i, r := range w.received {
		seen[r.Header.Get("X-GitHub-Delivery")]++
		var e github.PushEvent
		w.must(json.Unmarshal(w.bodies[i], &e))
		heads = append(heads, e.GetAfter())
	}
	twice := 0
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	order := strings.Fields(w.local.Git("rev-list", "--reverse", "main"))
	inOrder := slices.IsSortedFunc(heads, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	if len(seen) == 12 || len(seen) < 5 || twice == 0 || inOrder {
		t.Errorf("%d of 12 arrived, %d twice, in order: %v", len(seen), twice, inOrder)
	}
}

func TestRefusedDeliveriesAreListedAsFailed(t *testing.T) {
	w := newWorld(t, Options{})
	w.status = http.StatusServiceUnavailable
	if arrived := w.Deliver(w.ctx, Weather{}); arrived != 0 {
		t.Errorf("%d arrived", arrived)
	}
	all, _, err := w.asApp.Apps.ListHookDeliveries(w.ctx, nil)
	w.must(err)
	for _, d := range all {
		if d.GetStatusCode() != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", d.GetEvent(), d.GetStatusCode())
		}
	}
}

// The payloads that the community has collected from GitHub are read by the client that
// products use, and those of events that are sent here are held against the description
// without strictness: they are older than it.
func TestCollectedPayloads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(openapi.Folder(t), "webhooks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	spec := openapi.Load(t, "api.github.com", operations(false), webhooks)
	parsed, held, wrong := 0, 0, []string{}
	for _, e := range events {
		for _, payload := range e.Examples {
			if !slices.Contains(github.MessageTypes(), e.Name) {
				continue
			}
			if _, err := github.ParseWebHook(e.Name, payload); err != nil {
				wrong = append(wrong, e.Name+": "+err.Error())
			}
			parsed++
			var action struct{ Action string }
			_ = json.Unmarshal(payload, &action)
			name := strings.Trim(strings.ReplaceAll(e.Name+"-"+action.Action, "_", "-"), "-")
			if !slices.Contains(webhooks, name) {
				continue
			}
			held++
			if err := spec.Payload(name, payload); err != nil {
				t.Logf("%s: %v", name, err)
			}
		}
	}
	t.Logf("%d payloads parsed, %d held against the description; %v", parsed, held, wrong)
	if parsed < 200 || held < 10 {
		t.Error("too few payloads")
	}
}
