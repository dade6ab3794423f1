package rotate

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leakgate/leakgate/remediate"
)

// recall reads the journal of a plan, by step, as far as the audit trail tells the
// same: a line that somebody else wrote would end an old version without approvals.
func (e *Engine) recall(ctx context.Context, plan *remediate.Plan, digest string) (map[int]progress, error) {
	entries, err := e.Journal(ctx, plan, digest)
	if err != nil {
		return nil, err
	}
	all := map[int]progress{}
	for _, entry := range entries {
		var l line
		if err := json.Unmarshal(entry.Body, &l); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		p := all[entry.Step]
		p.add(entry.Event, entry.At, l)
		all[entry.Step] = p
	}
	return all, nil
}
