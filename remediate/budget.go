package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// spend takes one of the deeds that cannot be taken back and that the budgets
// allow, of the run and of the day, or says that none is left.
func (a act) spend(ctx context.Context) (why string, err error) {
	if a.step.Undo {
		return "", nil
	}
	if a.today == nil {
		n, err := a.spent(ctx)
		if err != nil {
			return "", err
		}
		a.run.today = &n
	}
	switch {
	case a.forever >= a.Policy.budget():
		return fmt.Sprintf("this run has done the %d deeds that cannot be taken back and that budget allows", a.forever), nil
	case *a.today+a.forever >= a.Policy.daily():
		return spentDaily(*a.today + a.forever), nil
	}
	a.forever++
	return "", nil
}

func spentDaily(n int) string {
	return fmt.Sprintf("%d deeds that cannot be taken back were done in 24 hours, which is what daily allows", n)
}

// spent counts the deeds that cannot be taken back of the last 24 hours, of every
// run, rotation and process, from the audit trail.
func (e *Engine) spent(ctx context.Context) (n int, err error) {
	err = e.Store.ProvenSince(ctx, e.now().Add(-24*time.Hour), func(ev store.Event) error {
		var body struct{ Forever bool }
		if json.Unmarshal(ev.Body, &body) == nil && body.Forever { // what is no object is no deed
			n++
		}
		return nil
	})
	return n, err
}
