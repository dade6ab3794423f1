package work_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// issuer calls everything active and takes orders, each once.
type issuer struct {
	mu     sync.Mutex
	orders []work.Order
	until  time.Time // for which what is planned may be done
}

func (i *issuer) Verify(_ context.Context, _ string, s secret.Secret) (report.Validity, error) {
	if s.IsZero() {
		return report.NotChecked, errors.New("no value")
	}
	return report.Active, nil
}

func (i *issuer) Fix(_ context.Context, o work.Order, found work.Found) (work.Taken, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.orders = append(i.orders, o)
	for _, c := range found.Result.Credentials {
		if slices.Contains(o.Credentials, c.ID) && c.Secret.IsZero() {
			return work.Taken{}, errors.New("an order without its value")
		}
	}
	return work.Taken{Said: "Order taken, @everybody", Until: i.until}, nil
}

func (i *issuer) taken() []work.Order {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]work.Order{}, i.orders...)
}

func (w *world) as(login string) *github.Client {
	w.t.Helper()
	base := w.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT(login)))
	w.must(err)
	return c
}

func (w *world) say(login string, number int, text string) {
	w.t.Helper()
	_, _, err := w.as(login).Issues.CreateComment(w.t.Context(), "acme", "app", number, &github.IssueComment{Body: &text})
	w.must(err)
	w.deliver()
}

// answered waits for an answer that says something, and returns it.
func (w *world) answered(number int, text string) (body string) {
	w.t.Helper()
	w.eventually("an answer says "+text, func() bool {
		for _, c := range w.comments(number) {
			if strings.HasPrefix(c, "<!-- leakgate:") && !strings.HasPrefix(c, report.CommentMarker) && strings.Contains(c, text) {
				body = c
				return true
			}
		}
		return false
	})
	return body
}

func TestCommandsInComments(t *testing.T) {
	i := &issuer{}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.fix = i, i })
	w.User("eve")
	w.User("bob")
	w.repo.Private = false
	w.Collaborator(w.repo, "bob", "triage")
	head := w.branch("leaky", "b.txt", leak())
	n := w.pull("leaky")
	w.deliver()
	run := w.concluded(head, "failure")
	if !strings.Contains(run.Title, "1 live secret") || strings.Contains(run.Summary, "b.txt") {
		t.Errorf("an active credential in a public repository: %s\n%s", run.Title, run.Summary)
	}
	id := regexp.MustCompile(`LG-[A-Z2-7]{16}`).FindString(run.Summary)

	w.say("eve", n, "/leakgate fix "+id) // who may not is not even answered
	w.say("bob", n, "/leakgate false-positive "+id+" because")
	w.say("ada", n, "/leakgate explain "+id)
	if body := w.answered(n, "is **active**"); strings.Contains(body, "b.txt") {
		t.Errorf("the place of an active credential is told in public:\n%s", body)
	}
	w.say("ada", n, "/leakgate false-positive "+id+" it is <b>@eve's</b> `example`")
	if body := w.answered(n, "exceptions:"); !strings.Contains(body, `owner: "@ada"`) || !strings.Contains(body, "```yaml") {
		t.Errorf("%s", body)
	}
	w.say("ada", n, "/leakgate dance")
	w.answered(n, "I did not understand that")
	w.say("ada", n, "/leakgate fix "+id)
	if body := w.answered(n, "Order taken"); strings.Contains(body, "@everybody") {
		t.Errorf("%s", body)
	}
	orders := i.taken()
	for _, o := range orders {
		if o.By != "ada" || !slices.Equal(o.Credentials, []string{id}) || o.SHA != head || o.Pull != n || o.ID != orders[0].ID {
			t.Errorf("order %+v", o)
		}
	}
	for _, c := range w.comments(n) {
		if strings.Contains(c, "because") && strings.HasPrefix(c, "<!--") {
			t.Errorf("somebody who may not was answered:\n%s", c)
		}
	}
	w.say("bob", n, "/leakgate recheck")
	w.eventually("there is another run", func() bool { return len(w.runs(head)) == 2 && w.runs(head)[1].Status == "completed" })
}

// The exception that an answer proposes, merged into the base, has the next look succeed.
func TestProposedExceptionHolds(t *testing.T) {
	w := newWorld(t)
	head := w.branch("leaky", "b.txt", leak())
	n := w.pull("leaky")
	w.deliver()
	id := regexp.MustCompile(`LG-[A-Z2-7]{16}`).FindString(w.concluded(head, "failure").Summary)
	w.say("ada", n, "/leakgate false-positive "+id+" an example")
	body := w.answered(n, "exceptions:")
	_, text, _ := strings.Cut(body, "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	w.local.Git("checkout", "-q", "main")
	w.local.File(".leakgate.yaml", "version: 1\n"+text)
	w.push("main")
	w.deliver()
	w.say("ada", n, "/leakgate recheck")
	w.eventually("the new run succeeds", func() bool {
		all := w.runs(head)
		return len(all) == 2 && all[1].Conclusion == "success"
	})
}

func TestButtons(t *testing.T) {
	i := &issuer{}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.fix = i })
	w.User("eve")
	w.Collaborator(w.repo, "eve", "read")
	head := w.branch("leaky", "b.txt", leak())
	n := w.pull("leaky")
	w.deliver()
	run := w.concluded(head, "failure")
	if len(run.Actions) != 3 {
		t.Errorf("%d buttons", len(run.Actions))
	}
	for _, button := range []string{report.ButtonRecheck, report.ButtonFix, report.ButtonNotSecret} {
		w.Press(run.ID, "eve", button)
	}
	w.deliver()
	w.Press(run.ID, "ada", report.ButtonNotSecret)
	w.deliver()
	w.answered(n, "/leakgate false-positive LG-… REASON")
	w.Press(run.ID, "ada", report.ButtonFix)
	w.Deliver(t.Context(), ghfake.Weather{})
	w.answered(n, "Order taken")
	for _, o := range i.taken() {
		if o.By != "ada" || o.SHA != head {
			t.Errorf("order %+v", o)
		}
	}
	if runs := w.runs(head); len(runs) != 1 {
		t.Errorf("%d runs: somebody who may not had it looked at again", len(runs))
	}
}
