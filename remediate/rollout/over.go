package rollout

import (
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Over tells by its journal whether a rollout came to its end: one of the two
// versions is retired, or nothing was made before it went back.
func Over(_ remediate.Step, entries []store.Entry) (bool, error) {
	made, back := false, false
	for _, e := range entries {
		switch {
		case e.Event == done && (e.Step == retired || e.Step == withdrawn):
			return true, nil
		case e.Step == minted:
			made = true
		case e.Step == verdict:
			back = true
		}
	}
	return len(entries) == 0 || back && !made, nil
}
