package work_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// lines is a log that several write.
type lines struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func TestAPullRequestIsJudgedOnce(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	leaky := w.branch("leaky", "b.txt", "token = \""+token+"\"\n")
	w.pull("leaky")
	clean := w.branch("clean", "c.txt", "nothing\n")
	w.pull("clean")
	w.deliver()
	found := w.concluded(leaky, "failure")
	w.concluded(clean, "success")
	if len(found.Annotations) == 0 || !strings.Contains(found.Summary, "b.txt") {
		t.Errorf("the check run does not say where:\n%s\n%s", found.Title, found.Summary)
	}
	if found.Name != "leakgate" {
		t.Errorf("it is called %q", found.Name)
	}
	if text := found.Summary + found.Text + found.Title + w.log.String(); strings.Contains(text, token) {
		t.Error("the value is told")
	}
}

func TestWhatWasRemovedLaterIsStillFound(t *testing.T) {
	w := newWorld(t)
	w.branch("leaky", "b.txt", "token = \""+gittest.Token()+"\"\n")
	w.local.Git("rm", "-q", "b.txt")
	head := w.local.Commit("Remove it")
	w.push("leaky")
	w.pull("leaky")
	w.deliver()
	w.concluded(head, "failure")
}

func TestANewerHeadCancelsTheOlderOne(t *testing.T) {
	w := newWorld(t)
	old := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.local.Git("commit", "-q", "--amend", "-m", "Another")
	head := w.local.Git("rev-parse", "HEAD")
	w.push("-f", "x")
	w.Deliver(t.Context(), ghfake.Weather{Shuffle: true})
	w.concluded(head, "success")
	w.eventually("the old head has an answer", func() bool {
		all := w.runs(old)
		return len(all) == 1 && all[0].Status == "completed"
	})
}

func TestARecheckIsAnotherRun(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.deliver()
	run := w.concluded(head, "success")
	w.Rerun(run.ID, "ada")
	w.deliver()
	w.eventually("there is a second run", func() bool {
		all := w.runs(head)
		return len(all) == 2 && all[1].Status == "completed" && all[1].Conclusion == "success"
	})
}

func TestWhatIsLostIsDeliveredAgain(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.Deliver(t.Context(), ghfake.Weather{Lose: 1})
	w.eventually("the lost deliveries arrive", func() bool { w.deliver(); return len(w.runs(head)) == 1 })
	w.concluded(head, "success")
}

func TestPushesAreJudgedByWhatTheyBrought(t *testing.T) {
	w := newWorld(t)
	w.deliver()
	w.local.Git("checkout", "-q", "main")
	leaky := w.local.File("b.txt", "token = \""+gittest.Token()+"\"\n")
	w.push("main")
	clean := w.local.File("c.txt", "nothing\n")
	w.push("main")
	w.local.Git("tag", "-a", "-m", "Release", "v1")
	w.push("v1")
	w.push("main:gone")
	w.push("--delete", "gone")
	w.deliver()
	w.concluded(leaky, "failure")
	w.concluded(clean, "success")
}

func TestThePolicyIsThatOfTheBase(t *testing.T) {
	w := newWorld(t)
	w.local.Git("checkout", "-q", "-B", "x", "main")
	w.local.Write(".leakgate.yaml", "version: 1\nmode: audit\n")
	head := w.local.File("b.txt", "token = \""+gittest.Token()+"\"\n")
	w.push("x")
	w.pull("x")
	w.deliver()
	w.concluded(head, "failure")
}

func TestAWayThatIsCutForLongUsesUpNoTry(t *testing.T) {
	w := newWorld(t)
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	want := w.Calls("apps/list-webhook-deliveries") + 11 // more often than anything is tried
	w.eventually("it was looked for what is lost", func() bool {
		w.Deliver(t.Context(), ghfake.Weather{Lose: 1})
		return w.Calls("apps/list-webhook-deliveries") >= want
	})
	w.eventually("the lost deliveries arrive", func() bool { w.deliver(); return len(w.runs(head)) == 1 })
	w.concluded(head, "success")
}
