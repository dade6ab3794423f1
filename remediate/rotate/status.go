package rotate

import (
	"context"
	"fmt"
	"time"

	"github.com/leakgate/leakgate/remediate"
)

// Standing is how far a step has come.
type Standing struct {
	Step  remediate.Step `json:"step"`
	Event string         `json:"event"` // the last of the journal, "" when nothing was done
	At    time.Time      `json:"at,omitzero"`
	Due   time.Time      `json:"due,omitzero"` // when the old version may end
}

// Status reads the rotations of a plan and how far they have come.
func (e *Engine) Status(ctx context.Context, digest string) (*remediate.Plan, []Standing, error) {
	plan, _, err := e.Engine.Status(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	journal, err := e.recall(ctx, plan, digest)
	if err != nil {
		return nil, nil, err
	}
	var all []Standing
	for i, s := range plan.Steps {
		if s.Rotation == nil {
			continue
		}
		p := journal[i]
		one := Standing{Step: s, Event: p.last, At: p.at}
		if p.did(written) && !p.did(ended) && !p.did(restored) {
			one.Due = p.times[written].Add(time.Duration(s.Rotation.Grace))
		}
		all = append(all, one)
	}
	return plan, all, nil
}

// Line says in one line what a step is about.
func Line(s remediate.Step) string {
	deed := "rotate"
	if s.Deed == "" {
		deed = "nothing"
	}
	who := s.Credential
	if who == "" {
		who = "unread"
	}
	return fmt.Sprintf("%s: %s %s (%s) in %s", deed, s.Rule, s.Preview, who, s.Repository)
}

// Details say the rest in plain words, a line each.
func Details(s remediate.Step) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	r := s.Rotation
	if s.Note != "" {
		return []string{s.Note}
	}
	if s.Why != "" {
		add("%s", s.Why)
	}
	if in := s.Identity["incident"]; in != "" {
		add("incident: %s", in)
	}
	if r.Reason != "" {
		add("reason: %s", r.Reason)
	}
	add("replaces version: %s", r.From)
	add("new value: %s", r.Mint)
	add("old version: after %s %s", time.Duration(r.Grace), r.Ends)
	if s.Undo {
		add("can be taken back while the old version is there: leakgate remediate rotate undo")
	} else {
		add("cannot be taken back by leakgate")
	}
	return lines
}
