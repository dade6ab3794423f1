package rotate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// recall reads the journal of a plan, by step, as far as the audit trail tells the
// same: a line that somebody else wrote would end an old version without approvals.
func (e *Engine) recall(ctx context.Context, plan *remediate.Plan, digest string) (map[int]progress, error) {
	all := map[int]progress{}
	said, err := e.told(ctx, plan, digest)
	if err != nil {
		return nil, err
	}
	var entries []store.Entry
	err = e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		entries, err = t.Journal(ctx, digest)
		return err
	})
	if err == nil && len(entries) != len(said) {
		err = fmt.Errorf("the journal has %d lines, and the audit trail tells of %d: make a new plan", len(entries), len(said))
	}
	if err != nil {
		return nil, err
	}
	for i, entry := range entries {
		var l line
		if err := json.Unmarshal(entry.Body, &l); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if !said[i].tells(plan, entry, l) {
			return nil, fmt.Errorf("line %d of the journal is not what the audit trail tells: make a new plan", i+1)
		}
		p := all[entry.Step]
		p.add(entry.Event, said[i].at, l)
		all[entry.Step] = p
	}
	return all, nil
}

// told is what the audit trail says with an event of a rotation.
type told struct {
	seq    int64
	at     time.Time
	event  string
	Plan   string
	Place  string
	Detail line
}

func (s told) tells(plan *remediate.Plan, entry store.Entry, l line) bool {
	if entry.Step < 0 || entry.Step >= len(plan.Steps) || plan.Steps[entry.Step].Rotation == nil {
		return false
	}
	return s.event == entry.Event && s.Place == plan.Steps[entry.Step].Rotation.Place && reflect.DeepEqual(s.Detail, l)
}

// told are the events of a plan's rotations, in their order.
func (e *Engine) told(ctx context.Context, plan *remediate.Plan, digest string) (all []told, err error) {
	subjects := map[string]bool{}
	for _, s := range plan.Steps {
		if s.Rotation != nil {
			subjects[subject(s)] = true
		}
	}
	for about := range subjects {
		err := e.Store.Proven(ctx, about, func(ev store.Event) error {
			event, is := strings.CutPrefix(ev.Action, string(remediate.Rotate)+" ")
			if !is {
				return nil
			}
			one := told{seq: ev.Seq, at: ev.At, event: event}
			if err := json.Unmarshal(ev.Body, &one); err != nil {
				return fmt.Errorf("audit event %d: %w", ev.Seq, err)
			}
			if one.Plan == digest {
				all = append(all, one)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b told) int { return cmp.Compare(a.seq, b.seq) })
	return all, nil
}
