package remediate

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// What a credential may do can make it critical, and then the approvals of
// critical ones count; what else makes the leak worse is in the plan.
func TestWhatACredentialMayDoMakesItCritical(t *testing.T) {
	who := newPeople(t, "ann", "bob")
	for _, crown := range []string{"", "admin:all", "ADMIN:ALL"} {
		w := newWorld(t, t.TempDir(), func(w *world) {
			w.Policy.Approvers, w.Policy.Approvals = who.listed(), []Quorum{{Need: 1, Severity: []string{"critical"}}}
			w.Catalogue.Providers[1].Crown, w.Catalogue.Providers[1].Look = []string{crown}, &revoke.Look{}
		})
		plan, _ := w.plan(t, w.leak(t, "the-value", "hard"))
		s := plan.Steps[0]
		if critical := s.Severity == "critical" && w.Policy.Needs(plan) == 1; critical != (crown != "") {
			t.Errorf("%q: %s, %d approvals", crown, s.Severity, w.Policy.Needs(plan))
		}
		if said := strings.Join(s.Details(), "\n"); !strings.Contains(said, "nothing is logged") || strings.Contains(said, "it is critical") != (crown != "") {
			t.Errorf("%q: %s", crown, said)
		}
	}
}
