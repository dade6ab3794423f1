package store_test

import (
	"database/sql"
	"testing"

	"github.com/leakgate/leakgate/internal/store"
)

// What is kept of plans and of what people signed about them has an event each, under the
// action that is told.
func TestWhatIsKeptHasItsEvents(t *testing.T) {
	on(t, func(t *testing.T, open func(...func(*store.Options)) *store.Store, _ *sql.DB) {
		s := open()
		record(t, s, 1)
		var kept []store.Kept
		check(t, s.Tx(t.Context(), func(tx *store.Tx) error {
			check(t, tx.KeepPlan(t.Context(), "p", "ann", []byte(`{}`)))
			for _, a := range [][2]string{{"ann", "request"}, {"bob", ""}, {"eve", ""}, {"bob", "undo"}, {"bob", "destroy"}, {"bob", "remains"}, {"bob", "taken"}, {"bob", "refused"}, {"bob", "review"}} {
				check(t, tx.KeepApproval(t.Context(), "p", a[0], a[1], []byte(`{}`)))
			}
			var err error
			kept, err = tx.Kept(t.Context())
			return err
		}))
		events, want := map[[2]string]int{}, map[string]int{"detected": 1, "planned": 1, "requested": 1, "approved": 2, "approved undo": 1,
			"approved destroy": 1, "approved remains": 1, "approved taken": 1, "approved refused": 1, "approved review": 1}
		for _, e := range trail(t, s) {
			events[[2]string{e.Action, e.Subject}]++
		}
		for _, k := range kept {
			if k.Count != want[k.Action] || events[[2]string{k.Action, k.Key}] != k.Count {
				t.Errorf("%+v with %d events", k, events[[2]string{k.Action, k.Key}])
			}
			delete(want, k.Action)
		}
		if len(want) > 0 {
			t.Errorf("not kept: %v", want)
		}
	})
}
