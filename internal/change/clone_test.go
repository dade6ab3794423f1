package change

import "testing"

func TestNamesOfBranchesStayNames(t *testing.T) {
	for name, safe := range map[string]bool{
		"main": true, "release/1.x": true, "-x": true, "ä": true,
		"": false, "a b": false, "a:b": false, "a..b": false, "a^": false, "*": false, "a\nb": false, "x@{1}": false, "a\x7f": false,
	} {
		if safeBranch(name) != safe {
			t.Errorf("%q: %v", name, !safe)
		}
	}
}
