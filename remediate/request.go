package remediate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
)

// Request is the word of who made a plan, signed like an [Approval]. Where the
// operator lists requesters, nothing is done without it: that somebody gave a
// name to --actor proves nothing.
type Request struct {
	Plan      string `json:"plan"`
	Requester string `json:"requester"`
	Signature string `json:"signature"`
}

// Statement is the text that is signed.
func (q Request) Statement() []byte {
	return fmt.Appendf(nil, "I ask for this leakgate plan.\nplan: %s\nrequester: %s\n", q.Plan, q.Requester)
}

// Sign fills in the signature.
func (q *Request) Sign(key ssh.Signer) error {
	s, err := sshsig.Sign(bytes.NewReader(q.Statement()), key, sshsig.HashSHA512, namespace)
	if err != nil {
		return fmt.Errorf("sign the plan: %w", err)
	}
	q.Signature = string(sshsig.Armor(s))
	return nil
}

// KindRequest keeps it apart from the approvals of a plan.
const KindRequest = "request"

// Request keeps the word of who made a plan, if it is valid.
func (e *Engine) Request(ctx context.Context, q Request) error {
	plan, err := e.read(ctx, q.Plan)
	if err != nil {
		return err
	}
	if err := e.Policy.proves(plan, q); err != nil {
		return err
	}
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepApproval(ctx, q.Plan, q.Requester, KindRequest, body) })
}

// proves holds a request against the plan and the operator's list of requesters.
func (p Policy) proves(plan *Plan, q Request) error {
	digest, err := plan.Digest()
	if err != nil {
		return err
	}
	return p.Proves(q, digest, plan.Requester)
}

// Proves holds the request of what has a digest, and says whom it is of, against
// the operator's list of requesters.
func (p Policy) Proves(q Request, digest, requester string) error {
	if q.Plan != digest || q.Requester != requester {
		return errors.New("the signature is of another plan, or of another's name")
	}
	s, err := sshsig.Unarmor([]byte(q.Signature))
	if err != nil {
		return fmt.Errorf("the request of %s has no signature that parses", q.Requester)
	}
	for _, who := range p.Requesters {
		if who.Name == q.Requester {
			return who.signed(q.Statement(), s)
		}
	}
	return fmt.Errorf("%s is not on the list of requesters", q.Requester)
}

// requested reports whether it is proven who made a plan, where the operator
// wants that.
func (e *Engine) requested(ctx context.Context, plan *Plan, digest string) error {
	if len(e.Policy.Requesters) == 0 {
		return nil
	}
	var bodies [][]byte
	err := e.Store.Tx(ctx, func(t *store.Tx) (err error) {
		bodies, err = t.Approvals(ctx, digest)
		return err
	})
	if err != nil {
		return err
	}
	for _, body := range bodies {
		var q Request
		if json.Unmarshal(body, &q) == nil && e.Policy.proves(plan, q) == nil {
			return nil
		}
	}
	return fmt.Errorf("nobody proved to be %s, who made the plan: leakgate remediate approve --request %s", plan.Requester, digest)
}

// sameHand reports whether an approver has a key of who made a plan, under
// whatever name.
func (p Policy) sameHand(requester string, approver Approver) (bool, error) {
	mine := map[string]bool{}
	for _, list := range [][]Approver{p.Requesters, p.Approvers} {
		for _, who := range list {
			if person(who.Name) != person(requester) || len(who.Keys) == 0 {
				continue
			}
			keys, err := who.keys()
			if err != nil {
				return false, err
			}
			for _, k := range keys {
				mine[string(k.Marshal())] = true
			}
		}
	}
	keys, err := approver.keys()
	for _, k := range keys {
		if mine[string(k.Marshal())] {
			return true, err
		}
	}
	return false, err
}
