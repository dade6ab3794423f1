package work_test

import (
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestItIsKnownForHowLongNobodyCouldLook(t *testing.T) {
	w := newWorldAt(t, gate.Enforced)
	blind := func() time.Duration {
		t.Helper()
		d, err := w.engine.Blind(t.Context())
		w.must(err)
		return d
	}
	w.eventually("GitHub is looked at", func() bool { return w.Calls("apps/list-webhook-deliveries") > 1 && blind() < 3*time.Second })
	w.Fail(ghfake.Fault{Operation: "apps/list-webhook-deliveries", Status: 404, Times: 1 << 20})
	w.eventually("it is told", func() bool { return blind() > 5*time.Second })
	w.Calm()
	w.eventually("and that it is over", func() bool { return blind() < 3*time.Second })
}
