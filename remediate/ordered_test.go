package remediate

import (
	"strings"
	"testing"
)

// At GitHub people have other names than on the operator's list.
func TestNobodyApprovesWhatHeOrderedAtGitHub(t *testing.T) {
	requester := Ordered("ada", 7, "99bef01d")
	for _, c := range []struct {
		account   int64
		requester string
		says      string
	}{
		{7, requester, "ordered the plan at GitHub"},
		{0, requester, "give the approver the number"},
		{8, requester, ""},
		{70, requester, ""},
		{0, "olga", ""},
		{7, "olga (GitHub account 7) by leakgate-app, order x", ""}, // nobody's login
		{8, Ordered("ada", 99999999999999999, "x"), ""},
		{7, Ordered("ada", 0, "x"), "nobody can tell"}, // GitHub did not say whose login it is
	} {
		err := notOrdering(c.requester, Approver{Name: "ann", GitHub: c.account})
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("account %d for %q: %v", c.account, c.requester, err)
		}
	}
}
