package remediate

import (
	"strings"
	"testing"
)

func TestReviewersAreKnownByTheirNumbers(t *testing.T) {
	public := newPeople(t, "bob").one("bob").Keys[0]
	p := Policy{
		Approvers:  []Approver{{Name: "bob", GitHub: 2, Keys: []string{public}}, {Name: "carl", GitHub: 3}, {Name: "dora", Keys: []string{public}}},
		Requesters: []Approver{{Name: "ann", GitHub: 3}},
	}
	for _, c := range []struct {
		account         int64
		requester, want string
	}{
		{2, "zoe", "bob"}, {3, "zoe", "carl"}, {2, "Bob ", ""}, {9, "zoe", ""}, {0, "zoe", ""},
		{3, "ann", ""},  // carl has the account of ann
		{2, "dora", ""}, // bob has a key of dora
	} {
		if got, err := p.Reviewer(c.account, c.requester); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("account %d, for %s: %q, %v", c.account, c.requester, got, err)
		}
	}
}

func TestAnAccountIsOfOnePerson(t *testing.T) {
	for text, want := range map[string]string{
		"[[approvers]]\nname='a'\ngithub=1\n[[approvers]]\nname='b'\ngithub=1\n": "same account",
		"[[approvers]]\nname='a'\ngithub=-1\n":                                   "no key",
		"[[approvers]]\nname='a'\n":                                              "no key",
		"[[approvers]]\nname='a'\ngithub=1\n[[approvers]]\nname='b'\ngithub=2\n": "",
	} {
		_, err := ParsePolicy([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
