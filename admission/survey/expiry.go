package survey

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Expiry is something that was allowed for a time which is over, or soon will be.
type Expiry struct {
	Subject string
	Owner   string // who answers for it, "" where nobody is named
	End     time.Time
	Over    bool
	Fix     string
}

// String is what is wrong with it.
func (e Expiry) String() string {
	when := "it ends at " + e.End.UTC().Format(time.RFC3339)
	if e.Over {
		when = "it is over since " + e.End.UTC().Format(time.RFC3339)
	}
	if e.Owner == "" {
		return when
	}
	return when + "; " + e.Owner + " answers for it"
}

// How long before its end something is told.
const (
	soonException = 14 * 24 * time.Hour
	soonEmergency = 2 * time.Hour
)

// Expiries are the exceptions of the policy and the Secrets written in an emergency
// whose time is over, or soon will be. Those of the policy come first.
func (s Survey) Expiries(ctx context.Context) ([]Expiry, error) {
	out := s.exceptions()
	err := s.secrets(ctx, "", func(secret manifest.LiveSecret, _ *unstructured.Unstructured) error {
		if end := admission.EmergencyEnd(secret); !end.IsZero() && end.Before(s.Now.Add(soonEmergency)) {
			out = append(out, Expiry{Subject: "emergency of Secret " + secret.Namespace + "/" + secret.Name, End: end, Over: end.Before(s.Now),
				Fix: "let a trusted writer write the Secret, and remove the annotations " + admission.AnnotationReason + " and " + admission.AnnotationExpires})
		}
		return nil
	})
	return out, err
}

func (s Survey) exceptions() (out []Expiry) {
	add := func(rule, owner string, line int, last time.Time) {
		if end := last.AddDate(0, 0, 1); end.Before(s.Now.Add(soonException)) {
			out = append(out, Expiry{Subject: fmt.Sprintf("exception from %s, line %d of the policy", rule, line), Owner: owner, End: end, Over: !s.Now.Before(end),
				Fix: "remove it from the policy, or give it another last day"})
		}
	}
	for _, e := range s.Policy.Exceptions {
		add(e.Rule, e.Owner, e.Line, e.Expires)
	}
	for _, e := range s.Policy.Forms {
		add(e.Rule, e.Owner, e.Line, e.Expires)
	}
	return out
}

// ExpiriesOf are those of a policy alone, where no Secret may be read.
func ExpiriesOf(p gate.Kubernetes, now time.Time) []Expiry {
	return Survey{Policy: p, Now: now}.exceptions()
}
