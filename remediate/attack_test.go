package remediate

import (
	"testing"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// A credential that was dead when the plan was made may work again when it is applied.
func TestADeadOneIsLookedAtAgain(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c := w.leak(t, "soft-value", "soft")
	w.fake.status = map[string]revoke.Status{"soft-value": revoke.Dead}
	_, digest := w.plan(t, c)
	w.fake.status = nil
	if out := w.apply(t, digest, c); out[0].Effect != Open || w.state(t, c) != store.Detected {
		t.Errorf("%+v, the incident is %s", out[0], w.state(t, c))
	}
	if out := w.apply(t, digest); out[0].Effect != Open || w.state(t, c) != store.Detected {
		t.Errorf("without its value: %+v, the incident is %s", out[0], w.state(t, c))
	}
}
