package rotate

import (
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Over tells by its journal whether a rotation came to its end: the old version has
// ended, is in place again, or the new one was never written.
func Over(_ remediate.Step, entries []store.Entry) (bool, error) {
	if len(entries) == 0 {
		return true, nil
	}
	switch entries[len(entries)-1].Event {
	case ended, restored, declined, discarded:
		return true, nil
	}
	return false, nil
}
