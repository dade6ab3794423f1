package revoketest

import (
	"testing"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// Databases have no fake that plays them. What their documentation says is held to the
// data here, field by field; that it is so, real servers say in test/roles.
func TestDatabasesAreAskedAsTheirDocumentationSays(t *testing.T) {
	catalogue, err := revoke.Default()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Databases()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range catalogue.Providers {
		if p.Speaks == "" {
			continue
		}
		d := all[p.ID]
		if d == nil {
			t.Errorf("%s: nothing says what its documentation says", p.ID)
			continue
		}
		conform := func(p *revoke.Provider) error { return ConformDatabase(p, d) }
		if err := conform(p); err != nil {
			t.Error(err)
		}
		n, err := survivors(p, conform)
		if err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
		t.Logf("%s: %d changes", p.ID, n)
	}
	if len(all) != 2 {
		t.Errorf("%d databases", len(all))
	}
}
