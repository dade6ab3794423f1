package survey

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
)

func TestWhatIsOverOrSoonWillBeIsTold(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	emergency := func(name, end string) string {
		return "- {apiVersion: v1, kind: Secret, metadata: {name: " + name + ", namespace: shop, annotations: {leakgate.github.io/break-glass-expires: '" + end + "'}}, type: Opaque, data: {}}\n"
	}
	s := surveyOf(t, emergency("over", "2026-11-20T00:00:00Z")+emergency("soon", "2026-11-26T13:00:00Z")+emergency("later", "2026-11-26T18:00:00Z")+emergency("never", "some day"))
	s.Now = now
	p, err := gate.ParsePolicy("p.yaml", []byte(`version: 1
kubernetes:
  exceptions:
  - {rule: untrusted-writer, namespaces: [shop], reason: r, owner: ann, expires: 2026-11-25}
  - {rule: untrusted-writer, namespaces: [shop], reason: r, owner: bob, expires: 2026-11-26}
  - {rule: writer-claim, namespaces: [shop], reason: r, owner: eve, expires: 2027-11-26}
`))
	if err != nil {
		t.Fatal(err)
	}
	s.Policy = *p.Kubernetes
	found, err := s.Expiries(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range found {
		if e.Fix == "" {
			t.Errorf("%s: nothing mends it", e.Subject)
		}
		lines = append(lines, e.Subject+": "+e.String())
	}
	want := []string{
		"exception from untrusted-writer, line 4 of the policy: it is over since 2026-11-26T00:00:00Z; ann answers for it",
		"exception from untrusted-writer, line 5 of the policy: it ends at 2026-11-27T00:00:00Z; bob answers for it",
		"emergency of Secret shop/over: it is over since 2026-11-20T00:00:00Z",
		"emergency of Secret shop/soon: it ends at 2026-11-26T13:00:00Z",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("%s", got)
	}
	if alone := ExpiriesOf(s.Policy, now); len(alone) != 2 {
		t.Errorf("%v", alone)
	}
}
