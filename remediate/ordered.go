package remediate

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Ordered names who ordered a plan at GitHub: by login, by the number of the account, which
// stays when the login changes, and by the order, so that each has one plan.
func Ordered(login string, account int64, order string) string {
	return fmt.Sprintf("@%s (GitHub account %d) by leakgate-app, order %s", login, account, order)
}

var ordered = regexp.MustCompile(`^@\S+ \(GitHub account ([0-9]+)\) by leakgate-app, order `)

// notOrdering refuses an approver who ordered the plan at GitHub, or of whom nobody could tell
// that he did not: there people have other names than on the operator's list.
func notOrdering(requester string, approver Approver) error {
	m := ordered.FindStringSubmatch(requester)
	if m == nil {
		return nil
	}
	switch account, err := strconv.ParseInt(m[1], 10, 64); {
	case err != nil || account == 0: // GitHub did not say
		return fmt.Errorf("the plan was ordered at GitHub, and nobody can tell that %s did not do so, as GitHub did not say whose login it was: ask for another plan", approver.Name)
	case approver.GitHub == 0:
		return fmt.Errorf("the plan was ordered at GitHub, and nobody can tell that %s did not do so: give the approver the number of his account there (github = …)", approver.Name)
	case account == approver.GitHub:
		return fmt.Errorf("%s ordered the plan at GitHub and cannot approve it", approver.Name)
	}
	return nil
}

// Made gives the newest plan that the engine's actor made before and that may still be
// applied by the policy of now; nil where there is none.
func (e *Engine) Made(ctx context.Context) (*Plan, string, error) {
	var digests []string
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) { digests, err = t.PlansOf(ctx, e.Actor); return err })
	if err != nil || len(digests) == 0 {
		return nil, "", err
	}
	policy, err := e.Policy.digest()
	if err != nil {
		return nil, "", err
	}
	plan, err := e.genuine(ctx, digests[0])
	if err != nil || plan.Policy != policy || !e.now().Before(plan.Expires) {
		return nil, "", err
	}
	return plan, digests[0], nil
}

// Until is until when a plan of now may be applied.
func (p *Plan) Until() time.Time {
	if p.Acts() == 0 {
		return time.Time{}
	}
	return p.Expires
}
