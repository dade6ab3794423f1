package admission

import (
	"slices"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

func TestPoliciesMayNameEveryRuleThatRefuses(t *testing.T) {
	var want []string
	for _, r := range Rules {
		if r.Refuses && r.ID != ruleBadReview { // which nothing softens
			want = append(want, r.ID)
		}
	}
	for _, f := range manifest.FaultRules() {
		want = append(want, f.ID)
	}
	slices.Sort(want)
	if got := gate.RefusingRules(); !slices.Equal(got, want) {
		t.Errorf("%v\n%v", got, want)
	}
}
