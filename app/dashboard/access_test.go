package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// TestARepositoryThatMovedIsNotShownByItsNumber: whose a repository is that went to another
// account is not known yet, and then its new readers see nothing of the account before.
func TestARepositoryThatMovedIsNotShownByItsNumber(t *testing.T) {
	w := newWorld(t)
	w.found(1, "high", "acme/app", "old.txt")
	app := w.repos["acme/app"]
	see := func(org, name string) {
		w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.See(t.Context(), store.Repository{ID: app.ID(), Installation: w.installed[org].ID, Account: w.Org(org).ID, Name: name})
		}))
	}
	see("acme", "acme/app")
	b := w.signIn("ada")
	if status, _ := b.get("/incidents/" + incident(1)); status != http.StatusOK {
		t.Fatalf("before: %d", status)
	}
	w.must(w.Transfer(app, "zeta"))
	w.later(3 * time.Minute) // what ada may read is asked anew: she reads it there, too
	if status, text := b.get("/health"); status != http.StatusOK || strings.Contains(text, "zeta/app") {
		t.Errorf("a repository is shown that is not known to be zeta's: %d", status)
	}
	if status, _ := b.get("/incidents/" + incident(1)); status != http.StatusNotFound {
		t.Errorf("the incident of the account before: %d", status)
	}
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
		_, _, err := tx.Move(t.Context(), "test", store.Repository{ID: app.ID(), Installation: w.installed["zeta"].ID, Account: w.Org("zeta").ID, Name: "zeta/app"})
		return err
	}))
	if _, text := b.get("/health"); !strings.Contains(text, "zeta/app") {
		t.Error("a repository that was taken over is not shown")
	}
	if status, _ := b.get("/incidents/" + incident(1)); status != http.StatusNotFound {
		t.Errorf("the incident of the account before, after that: %d", status)
	}
}
