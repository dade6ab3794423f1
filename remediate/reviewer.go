package remediate

import (
	"errors"
	"fmt"
)

// Reviewer names the approver who has an account on GitHub, by its number: names there
// change hands. Who asked for the plan is none, under whatever name.
func (p Policy) Reviewer(account int64, requester string) (string, error) {
	for _, approver := range p.Approvers {
		if approver.GitHub == 0 || approver.GitHub != account {
			continue
		}
		if person(approver.Name) == person(requester) {
			return "", fmt.Errorf("%s made the plan and cannot approve it", approver.Name)
		}
		for _, list := range [][]Approver{p.Requesters, p.Approvers} {
			for _, who := range list {
				if person(who.Name) == person(requester) && who.GitHub == account {
					return "", fmt.Errorf("%s has the account of %s, who made the plan, and cannot approve it", approver.Name, requester)
				}
			}
		}
		if len(approver.Keys) > 0 {
			if same, err := p.sameHand(requester, approver); same || err != nil {
				return "", errors.Join(err, fmt.Errorf("%s has a key of %s, who made the plan, and cannot approve it", approver.Name, requester))
			}
		}
		return approver.Name, nil
	}
	return "", fmt.Errorf("user %d of GitHub is not on the list of approvers", account)
}
