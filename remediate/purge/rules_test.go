package purge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// gatekeeper is one ruleset, which the next calls that close it may fail to reach.
type gatekeeper struct {
	open   bool
	losing int
}

func (g *gatekeeper) Look(context.Context) (json.RawMessage, error) {
	if g.open { // we are let through already
		return json.RawMessage("null"), nil
	}
	return json.RawMessage(`{"was":"closed"}`), nil
}

func (g *gatekeeper) Turn(_ context.Context, _ json.RawMessage, open bool) error {
	if !open && g.losing > 0 {
		g.losing--
		return errors.New("the network is down")
	}
	g.open = open
	return nil
}

// What a run of one plan left open is put back by the next step of any plan of the same
// remote, which would take it for leave of its own otherwise.
func TestWhatAnotherPlanLeftOpenIsPutBack(t *testing.T) {
	t.Parallel()
	s, rules := newScene(t), &gatekeeper{losing: 1}
	_, second := s.plan()
	s.clock = s.clock.Add(time.Minute)
	_, first := s.plan()
	s.approve(first)
	s.approve(second)
	s.Rules = rules
	if _, err := s.Apply(t.Context(), first); err == nil || !strings.Contains(err.Error(), "they are open; leakgate rewrite recover "+first) || !rules.open {
		t.Fatalf("the rules are not left open: %v", err)
	}
	s.Rules = nil
	if _, err := s.Apply(t.Context(), second); err == nil || !strings.Contains(err.Error(), "recover "+first) {
		t.Errorf("without reach of the rules: %v", err)
	}
	s.Rules = rules
	_, _ = s.Apply(t.Context(), second) // the refs have moved since, which is not what is asked here
	if rules.open {
		t.Error("the rules are still open")
	}
	if before, err := s.opened(t.Context(), first); err != nil || before != nil {
		t.Errorf("the journal says %s, %v", before, err)
	}
}
