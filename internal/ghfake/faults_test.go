package ghfake

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"
)

func TestFaults(t *testing.T) {
	w := newWorld(t, Options{})
	create := func() error {
		_, _, err := w.bob.Issues.Create(w.ctx, "acme", "app", &github.IssueRequest{Title: github.Ptr("t")})
		return err
	}
	for _, status := range []int{500, 502, 503} {
		w.Fail(Fault{Operation: "issues/create", Status: status})
		refused(t, create(), status, http.StatusText(status))
	}
	w.Fail(Fault{Operation: "issues/create", Lose: true})
	if err := create(); err == nil {
		t.Error("a lost connection is no error")
	}
	if w.issues() != 0 {
		t.Error("a fault took effect")
	}
	w.Fail(Fault{Operation: "issues/create", Lose: true, After: true})
	if err := create(); err == nil || w.issues() != 1 {
		t.Errorf("lost after the effect: %v, %d issues", err, w.issues())
	}
	w.must(create())
	w.Fail(Fault{Operation: "git", Status: 503})
	if w.local.Try("ls-remote", "origin") || !w.local.Try("ls-remote", "origin") {
		t.Error("git is not down once")
	}
}

// A call that was begun takes effect after its client has left.
func TestACallOutlivesItsClient(t *testing.T) {
	w := newWorld(t, Options{})
	wait := make(chan struct{})
	w.Fail(Fault{Operation: "issues/create", Begun: true, Wait: wait})
	ctx, leave := context.WithCancel(w.ctx)
	left := make(chan error)
	go func() {
		_, _, err := w.bob.Issues.Create(ctx, "acme", "app", &github.IssueRequest{Title: github.Ptr("t")})
		left <- err
	}()
	for w.Calls("issues/create") == 0 {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-left; err == nil || w.issues() != 0 {
		t.Errorf("%v, %d issues", err, w.issues())
	}
	close(wait)
	for end := time.Now().Add(30 * time.Second); w.issues() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it took no effect")
		}
	}
}

// issues counts them while calls may still be on their way.
func (w *world) issues() int {
	w.GitHub.mu.Lock()
	defer w.GitHub.mu.Unlock()
	return len(w.repo.issues)
}

func TestSlowAnswers(t *testing.T) {
	w := newWorld(t, Options{})
	wait := make(chan struct{})
	w.Fail(Fault{Operation: "repos/get", Status: 502, Wait: wait})
	answer := make(chan error)
	go func() { _, _, err := w.bob.Repositories.Get(w.ctx, "acme", "app"); answer <- err }()
	for w.Calls("repos/get") == 0 {
		time.Sleep(time.Millisecond)
	}
	_, _, err := w.bob.Repositories.ListBranches(w.ctx, "acme", "app", nil) // others are answered meanwhile
	w.must(err)
	close(wait)
	refused(t, <-answer, 502, "Bad Gateway")
	w.Fail(Fault{Operation: "repos/get", Wait: wait})
	_, _, err = w.bob.Repositories.Get(w.ctx, "acme", "app") // slow, and good
	w.must(err)
}

func TestSecondaryLimits(t *testing.T) {
	begin, now := time.Now(), &clock{}
	still := func() time.Time { now.mu.Lock(); defer now.mu.Unlock(); return begin.Add(now.ahead) } // a minute may pass meanwhile
	w := newWorld(t, Options{Clock: still, Secondary: true})
	var err error
	created := 0
	for err == nil && created < 200 {
		created++
		_, _, err = w.bob.Issues.Create(w.ctx, "acme", "app", &github.IssueRequest{Title: github.Ptr("t")})
	}
	var hasty *github.AbuseRateLimitError
	if !asError(err, &hasty) || hasty.GetRetryAfter() <= 0 || hasty.GetRetryAfter() > 61*time.Second {
		t.Fatalf("after %d creations: %v", created, err)
	}
	if n := w.issues(); n != 80 {
		t.Errorf("the limit came after %d issues", n)
	}
	now.add(hasty.GetRetryAfter())
	_, _, err = w.user("bob").Issues.Create(w.ctx, "acme", "app", &github.IssueRequest{Title: github.Ptr("t")})
	w.must(err)
}

func TestLimits(t *testing.T) {
	now := &clock{}
	w := newWorld(t, Options{Clock: now.time})
	_, response, err := w.bob.Repositories.Get(w.ctx, "acme", "app")
	w.must(err)
	if response.Rate.Limit != 5000 || response.Rate.Remaining != 4999 {
		t.Errorf("the budget is %v", response.Rate)
	}
	w.Limit("bob", 1)
	_, _, err = w.bob.Repositories.Get(w.ctx, "acme", "app")
	w.must(err)
	_, _, err = w.user("bob").Repositories.Get(w.ctx, "acme", "app")
	var limited *github.RateLimitError
	if !asError(err, &limited) {
		t.Errorf("over the limit: %v", err)
	}
	now.add(time.Hour + time.Second)
	_, _, err = w.user("bob").Repositories.Get(w.ctx, "acme", "app")
	w.must(err)
	w.Fail(Fault{Operation: "repos/get", Status: 403, RetryIn: 30 * time.Second})
	_, _, err = w.user("bob").Repositories.Get(w.ctx, "acme", "app")
	var abuse *github.AbuseRateLimitError
	if !asError(err, &abuse) || abuse.GetRetryAfter() != 30*time.Second {
		t.Errorf("the secondary limit: %v", err)
	}
}
