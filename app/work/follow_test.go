package work_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// asker asks an oracle and plans until a time.
type asker struct {
	*oracle
	until time.Time
}

func (a asker) Fix(_ context.Context, o work.Order, _ work.Found) (work.Taken, error) {
	return work.Taken{Said: "Planned for " + strings.Join(o.Credentials, " "), Until: a.until}, nil
}

// hooked says and plans like another, and then something happens.
type hooked struct {
	asker
	then func(report.Validity)
}

func (h hooked) Verify(ctx context.Context, rule string, s secret.Secret) (report.Validity, error) {
	v, err := h.asker.Verify(ctx, rule, s)
	h.then(v)
	return v, err
}

// jobs are how many of a kind are in a state other than these.
func (w *world) jobs(kind string, not ...string) (n int) {
	w.t.Helper()
	w.must(w.store.DB().QueryRowContext(w.t.Context(), `SELECT COUNT(*) FROM river_job WHERE kind = ? AND state NOT IN (?`+strings.Repeat(", ?", len(not)-1)+`)`,
		append([]any{kind}, anys(not)...)...).Scan(&n))
	return n
}

func anys(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

// TestAnOrderIsFollowedThroughASuspension: whoever gave it is told when the App is let in
// again.
func TestAnOrderIsFollowedThroughASuspension(t *testing.T) {
	token := gittest.Token()
	var w *world
	var once sync.Once
	a := hooked{asker{&oracle{value: secret.New(token), says: report.Active}, time.Now().Add(24 * time.Hour)}, func(v report.Validity) {
		if v == report.Inactive {
			once.Do(func() { w.Suspend(w.installed, true) })
		}
	}}
	w = newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.fix, w.reverify = a, a, 100*time.Millisecond })
	head := w.branch("leaky", "b.txt", "token = \""+token+"\"\n")
	n := w.pull("leaky")
	w.deliver()
	id := regexp.MustCompile(`LG-[A-Z2-7]{16}`).FindString(w.concluded(head, "failure").Summary)
	w.say("ada", n, "/leakgate fix "+id)
	w.answered(n, "Planned for "+id)
	a.say(report.Inactive)
	w.state(store.Revoked)
	w.eventually("it was tried to tell of the order", func() bool { return w.jobs("follow", "completed") == 0 })
	w.Suspend(w.installed, false)
	w.deliver()
	w.answered(n, "`"+id+"` is revoked")
}

func TestAnAnswerSaysWhatBecameOfItsOrder(t *testing.T) {
	token := gittest.Token()
	a := asker{&oracle{value: secret.New(token), says: report.Active}, time.Now().Add(24 * time.Hour)}
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.verify, w.fix, w.reverify = a, a, 100*time.Millisecond })
	head := w.branch("leaky", "b.txt", "token = \""+token+"\"\n")
	n := w.pull("leaky")
	w.deliver()
	id := regexp.MustCompile(`LG-[A-Z2-7]{16}`).FindString(w.concluded(head, "failure").Summary)
	w.say("ada", n, "/leakgate fix "+id)
	if body := w.answered(n, "Planned for "+id); strings.Contains(body, "revoked") {
		t.Errorf("it lives, and the answer is\n%s", body)
	}
	a.say(report.Inactive)
	if body := w.answered(n, "`"+id+"` is revoked"); !strings.Contains(body, "Planned for "+id) {
		t.Errorf("what was said first is gone:\n%s", body)
	}
	w.unseen(token)
}
