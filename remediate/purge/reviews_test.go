package purge

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// said are words on a proposal, or why there are none.
type said struct {
	verdicts []Verdict
	err      error
}

func (s said) Verdicts(context.Context, string) ([]Verdict, error) { return s.verdicts, s.err }

// Approvals by key are enough, but not against an approver who asks for changes.
func TestWhoAsksForChangesStopsApprovalsByKeyToo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Policy.Approvers[0].GitHub = 7
	before := s.refs()
	_, digest := s.plan()
	s.approve(digest)
	unwell := errors.New("not well")
	for _, c := range []struct {
		said
		want string
	}{
		{said{verdicts: []Verdict{{User: 7, Login: "bob", Stops: true, Fault: "asks for changes"}}}, "bob asks for changes"},
		{said{err: unwell}, "not well"},
	} {
		s.Reviews = c.said
		if _, err := s.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), c.want) || s.refs() != before {
			t.Errorf("the error is %v", err)
		}
	}
	s.Reviews = said{err: ErrNoProposal}
	if _, err := s.Apply(t.Context(), digest); err != nil || s.refs() == before {
		t.Errorf("without a proposal: %v", err)
	}
}
