package purge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/leakgate/leakgate/remediate"
)

// asked says in the journal what people are to sign: it says nothing of where the refs are.
const asked = "asked"

// Matter is what only people can say something of. Its digest is what they sign.
type Matter struct {
	Plan  string   `json:"plan"`
	About string   `json:"about"`
	What  []string `json:"what"` // names of refs and ids of files, or where each ref of a push is
}

// What matters are about.
const (
	aboutRemains = "what remains"
	aboutPush    = "a push that was cut off"
)

// about are the words that people may say of each.
var about = map[remediate.Word]string{
	remediate.WordRemains: aboutRemains, remediate.WordTaken: aboutPush, remediate.WordRefused: aboutPush,
}

// Digest is what an approval of it is bound to.
func (m Matter) Digest() (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", m.About, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// ask keeps a matter in the journal, once, so that who signs can read what it is.
func (e *Engine) ask(ctx context.Context, p past, m Matter) (of string, err error) {
	if of, err = m.Digest(); err != nil {
		return "", err
	}
	if _, ok := p.matters[of]; ok {
		return of, nil
	}
	return of, e.note(ctx, m.Plan, asked, m)
}

// Matter reads what a word is of, as it was shown.
func (e *Engine) Matter(ctx context.Context, digest string, word remediate.Word, of string) (Matter, error) {
	p, err := e.recall(ctx, digest)
	if err != nil {
		return Matter{}, err
	}
	m, ok := p.matters[of]
	if !ok || m.About != about[word] {
		return Matter{}, errors.New("nothing of this plan that was shown has that digest: leakgate rewrite verify, or settle, shows what is to be signed")
	}
	return m, nil
}

// Proof says who signed what an operator says.
type Proof struct {
	Signed []string `json:"signed,omitempty"`
	// Unproven: the policy wants no signature, so it is the word of whoever gave a name.
	Unproven bool `json:"unproven,omitempty"`
}

// vouched gives the proof of what is said of a matter: as many approvers signed it as a
// rewrite needs, or the policy wants none.
func (e *Engine) vouched(ctx context.Context, m *Manifest, digest string, word remediate.Word, of string) (Proof, error) {
	bodies, err := e.words(ctx, digest)
	if err != nil {
		return Proof{}, err
	}
	by, faults := e.signed(bodies, m, digest, string(word), of)
	need := e.Policy.Rewrite.Need()
	switch {
	case len(by) >= need && e.requested(bodies, m, digest):
		return Proof{Signed: slices.Sorted(maps.Keys(by))}, nil
	case e.Policy.Rewrite.Unsigned:
		return Proof{Unproven: true}, nil
	case len(by) >= need:
		return Proof{}, e.unrequested(m, digest)
	}
	return Proof{}, errors.Join(append(faults, fmt.Errorf("%w: %d of %d approvers signed it: leakgate rewrite approve %s --%s %s --key FILE",
		ErrUnproven, len(by), need, digest, flagOf[word], of))...)
}

// ErrUnproven says that a name is no proof.
var ErrUnproven = errors.New("that somebody gave a name proves nothing")

// flagOf is how leakgate rewrite approve calls a word.
var flagOf = map[remediate.Word]string{remediate.WordRemains: "remains", remediate.WordTaken: "taken", remediate.WordRefused: "refused"}
