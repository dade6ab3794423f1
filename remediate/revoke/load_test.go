package revoke

import "testing"

func TestTheBuiltInCatalogueIsSound(t *testing.T) {
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Providers) == 0 {
		t.Fatal("no provider")
	}
}
