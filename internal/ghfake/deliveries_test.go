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

// What is over the cap is pushed and never told: whoever relies on deliveries misses it.
func TestPayloadsOverTheCapAreNotSent(t *testing.T) {
	w := newWorld(t, Options{})
	w.Deliver(w.ctx, Weather{})
	w.cap = 1 << 18
	heard := len(w.received)
	w.local.Write("message", strings.Repeat("long ", w.cap/5)) // it is in the payload twice
	w.local.Git("commit", "-q", "--allow-empty", "-F", "message")
	w.push("main")
	if w.Pending() != 0 || w.tip("main") != w.local.Git("rev-parse", "main") {
		t.Errorf("%d deliveries wait", w.Pending())
	}
	w.local.Commit("short")
	w.push("main")
	if w.Deliver(w.ctx, Weather{}); len(w.received) != heard+1 {
		t.Errorf("the next push is told %d times", len(w.received)-heard)
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

// Every webhook that the description is cut for can be sent, whatever the test says of it.
func TestEmit(t *testing.T) {
	w := newWorld(t, Options{})
	w.app.Events = append(w.app.Events, "merge_group", "repository", "check_suite", "installation_repositories")
	w.Deliver(w.ctx, Weather{})
	w.received, w.bodies = nil, nil
	sha := w.tip("main")
	w.Emit(w.repo, "merge_group", "checks_requested", "ada", doc{"merge_group": doc{"head_sha": sha, "head_ref": "refs/heads/gh-readonly-queue/main/pr-1", "base_sha": sha, "base_ref": "refs/heads/main"}})
	w.Emit(w.repo, "merge_group", "destroyed", "ada", doc{"reason": "merged", "merge_group": doc{"head_sha": sha}})
	w.Emit(w.repo, "repository", "archived", "ada", nil)
	w.Emit(w.repo, "repository", "transferred", "ada", nil)
	w.Emit(w.repo, "check_suite", "rerequested", "ada", doc{"check_suite": doc{"head_sha": sha}})
	w.Emit(w.repo, "secret_scanning_alert", "publicly_leaked", "ada", nil)
	w.must(w.Rename(w.repo, "renamed"))
	w.Deliver(w.ctx, Weather{})
	want := []string{
		"merge_group.checks_requested", "merge_group.destroyed", "repository.archived", "repository.transferred", "check_suite.rerequested",
		"secret_scanning_alert.publicly_leaked", "repository.renamed",
	}
	if got := w.events(); !slices.Equal(got, want) {
		t.Errorf("the app heard %v", got)
	}
	if _, _, err := w.bot.Repositories.Get(w.ctx, "acme", "app"); err == nil {
		t.Error("the old name is there")
	}
	if !w.local.Try("ls-remote", strings.Replace(w.CloneURL(w.repo), "//", "//x:"+w.PAT("ada")+"@", 1)) {
		t.Error("git does not know the new name")
	}
}

// The payloads that the community has collected from GitHub are read by the client that
// products use. They are older than the description, so it is said how many differ.
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
	parsed, refused, older := 0, map[string]int{}, 0
	for _, e := range events {
		if !slices.Contains(github.MessageTypes(), e.Name) {
			continue
		}
		for _, payload := range e.Examples {
			parsed++
			if _, err := github.ParseWebHook(e.Name, payload); err != nil {
				refused[e.Name]++
			}
			var action struct{ Action string }
			_ = json.Unmarshal(payload, &action) // the parser has seen it
			name := strings.Trim(strings.ReplaceAll(e.Name+"-"+action.Action, "_", "-"), "-")
			if slices.Contains(webhooks, name) && spec.Payload(name, payload) != nil {
				older++
			}
		}
	}
	t.Logf("%d payloads, of which the client refuses %v; %d of the events that are sent here lack or have what the description says otherwise", parsed, refused, older)
	// Two of check_run hold times that are none; the others are events that nobody needs here.
	if parsed < 300 || refused["check_run"] > 2 || refused["push"]+refused["pull_request"]+refused["installation"]+refused["issue_comment"]+refused["repository"] > 0 {
		t.Error("the client does not read what GitHub sends")
	}
}
