package remediate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// Approval is one approver's word on one plan, signed with an SSH key in the
// form of `ssh-keygen -Y sign -n leakgate`
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig).
type Approval struct {
	Plan      string    `json:"plan"`
	Undo      bool      `json:"undo,omitempty"`    // it allows to take the plan back, and nothing else
	Destroy   bool      `json:"destroy,omitempty"` // it allows to destroy what was kept to go back, and nothing else
	Word      Word      `json:"word,omitempty"`    // it says so of what Of stands for, and allows nothing else
	Of        string    `json:"of,omitempty"`
	Approver  string    `json:"approver"`
	Expires   time.Time `json:"expires"`
	Signature string    `json:"signature"`
}

// Word is what an approver may say of a plan when it was done, beside allowing it.
type Word string

// What is said of the push of a rewrite, and of what it leaves.
const (
	WordRemains Word = "remains" // what a rewrite does not reach may stay
	WordTaken   Word = "taken"   // a push whose end nobody saw was taken
	WordRefused Word = "refused" // it was not
)

// statements are the texts that are signed.
var statements = map[Word]string{
	WordRemains: "I accept what remains after this leakgate plan.",
	WordTaken:   "I say that the push of this leakgate plan was taken.",
	WordRefused: "I say that the push of this leakgate plan was not taken.",
}

// namespace keeps signatures for other purposes from counting as approvals.
const namespace = "leakgate"

// Statement is the text that is signed.
func (a Approval) Statement() []byte {
	word := "I approve this leakgate plan."
	switch {
	case a.Destroy:
		word = "I approve that nobody can take this leakgate plan back any more."
	case a.Undo:
		word = "I approve that this leakgate plan is taken back."
	}
	of := ""
	if a.Word != "" {
		word, of = statements[a.Word], "\nof: "+a.Of
	}
	return fmt.Appendf([]byte(word), "\nplan: %s%s\napprover: %s\nexpires: %s\n", a.Plan, of, a.Approver, a.Expires.UTC().Format(time.RFC3339))
}

// Sign fills in the signature.
func (a *Approval) Sign(key ssh.Signer) error {
	s, err := sshsig.Sign(bytes.NewReader(a.Statement()), key, sshsig.HashSHA512, namespace)
	if err != nil {
		return fmt.Errorf("sign approval: %w", err)
	}
	a.Signature = string(sshsig.Armor(s))
	return nil
}

// Approve keeps an approval, if it is a valid one of this plan.
func (e *Engine) Approve(ctx context.Context, a Approval) error {
	plan, err := e.read(ctx, a.Plan)
	if err == nil {
		err = e.trust(ctx)
	}
	if err != nil {
		return err
	}
	if err := e.Policy.accepts(plan, a, e.now()); err != nil {
		return err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode approval: %w", err)
	}
	return e.Store.Tx(ctx, func(t *store.Tx) error { return t.KeepApproval(ctx, a.Plan, a.Approver, a.Kind(), body) })
}

// Kind keeps the approvals that a person can give of a plan apart.
func (a Approval) Kind() string {
	switch {
	case a.Word != "":
		return string(a.Word)
	case a.Destroy:
		return KindDestroy
	case a.Undo:
		return string(revoke.Undo)
	}
	return ""
}

// KindDestroy is the kind of an approval that what was kept is destroyed.
const KindDestroy = "destroy"

// accepts holds an approval against the plan and the operator's list of approvers.
func (p Policy) accepts(plan *Plan, a Approval, now time.Time) error {
	digest, err := plan.Digest()
	if err != nil {
		return err
	}
	if a.Word != "" {
		return errors.New("the approval is of a rewrite")
	}
	return p.Accepts(a, digest, plan.Requester, now)
}

// Accepts holds an approval of what has a digest, and was asked for by the
// requester, against the operator's list of approvers.
func (p Policy) Accepts(a Approval, digest, requester string, now time.Time) error {
	switch {
	case a.Plan != digest:
		return errors.New("the approval is of another plan")
	case a.Undo && a.Destroy || a.Word != "" && (a.Undo || a.Destroy):
		return errors.New("an approval is of one thing")
	case (a.Word == "") != (a.Of == "") || a.Word != "" && statements[a.Word] == "":
		return errors.New("the approval says nothing that is known")
	case person(a.Approver) == person(requester):
		return fmt.Errorf("%s made the plan and cannot approve it", a.Approver)
	case !a.Expires.After(now):
		return fmt.Errorf("the approval of %s ended at %s", a.Approver, a.Expires.UTC().Format(time.RFC3339))
	}
	signature, err := sshsig.Unarmor([]byte(a.Signature))
	if err != nil {
		return fmt.Errorf("the approval of %s has no signature that parses", a.Approver)
	}
	for _, approver := range p.Approvers {
		if approver.Name != a.Approver {
			continue
		}
		if err := notOrdering(requester, approver); err != nil {
			return err
		}
		if same, err := p.sameHand(requester, approver); same || err != nil {
			return errors.Join(err, fmt.Errorf("%s has a key of %s, who made the plan, and cannot approve it", a.Approver, requester))
		}
		return approver.signed(a.Statement(), signature)
	}
	return fmt.Errorf("%s is not on the list of approvers", a.Approver)
}

// signed reports whether one of a person's keys made a signature.
func (p Approver) signed(statement []byte, s *sshsig.Signature) error {
	keys, err := p.keys()
	if err != nil {
		return err
	}
	for _, key := range keys {
		if sshsig.Verify(bytes.NewReader(statement), s, key, s.HashAlgorithm, namespace) == nil {
			return nil
		}
	}
	return fmt.Errorf("none of the keys of %s made the signature", p.Name)
}

func (p Approver) keys() (keys []ssh.PublicKey, err error) {
	for _, line := range p.Keys {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("a key does not parse: %w", err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key")
	}
	return keys, nil
}

// approved reports whether a plan has the approvals that the part of it that is
// to be done, or to be taken back, needs now.
func (e *Engine) approved(ctx context.Context, plan, part *Plan, digest string, undo bool) error {
	need := e.Policy.Needs(part)
	if need == 0 {
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
	valid := map[string]bool{}
	var faults []error
	for _, body := range bodies {
		var a Approval
		err := json.Unmarshal(body, &a)
		if err == nil && (a.Undo != undo || a.Destroy || a.Word != "" || a.Approver == "") { // of something else
			continue
		}
		if err == nil {
			err = e.Policy.accepts(plan, a, e.now())
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		valid[a.Approver] = true
	}
	if len(valid) >= need {
		return nil
	}
	flag := ""
	if undo {
		flag = "--undo "
	}
	return errors.Join(append(faults, fmt.Errorf("the plan has %d of %d approvals: leakgate remediate approve %s%s", len(valid), need, flag, digest))...)
}
