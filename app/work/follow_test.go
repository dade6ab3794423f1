package work_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
)

// asker asks an oracle and plans until a time.
type asker struct {
	*oracle
	until time.Time
}

func (a asker) Fix(_ context.Context, o work.Order, _ work.Found) (work.Taken, error) {
	return work.Taken{Said: "Planned for " + strings.Join(o.Credentials, " "), Until: a.until}, nil
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
