// Package revoke knows how the issuer of a credential is asked about it: a
// read-only check, which of the issuer's records is this very value, and the
// calls that disable it, revoke it and undo that. Each [Provider] is data that
// says what the issuer documents; each other kind has a [Runbook] for people.
//
// The package decides nothing: not whether to act, not in which order, and it
// keeps no journal and never waits or repeats a call. What a provider answers
// beyond what it documents is Unknown.
package revoke

import (
	"errors"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Status says whether a credential still works.
type Status int

const (
	// Unknown: no documented answer came back. It never closes anything.
	Unknown Status = iota
	// Live: the provider accepted the value.
	Live
	// Dead: the provider answered as it documents for a value that is no longer valid.
	Dead
)

func (s Status) String() string { return [...]string{"unknown", "live", "dead"}[s] }

// MarshalText writes the word for reports.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Class says what a revocation needs.
type Class string

const (
	// ClassU: an unauthenticated report of a leaked value.
	ClassU Class = "U"
	// ClassS: the leaked value itself.
	ClassS Class = "S"
	// ClassA: a credential of an administrator.
	ClassA Class = "A"
	// ClassM: a person, by a [Runbook].
	ClassM Class = "M"
)

// Proof says why a record of the provider is the leaked value and no other.
type Proof string

const (
	// ProofValue: the call carries the value itself, so it can hit nothing else.
	ProofValue Proof = "value"
	// ProofOwnID: the provider, asked with the value, told the id of the value.
	ProofOwnID Proof = "own-id"
	// ProofInValue: the id is a public part of the value.
	ProofInValue Proof = "in-value"
	// ProofListValue: one record of the provider's complete list equals the value, its digest or its public half.
	ProofListValue Proof = "list-value"
	// ProofListEdges: exactly one record of the complete list shows the value's first and last characters and a fitting date.
	ProofListEdges Proof = "list-edges"
)

// Deed is one thing that can be done to a credential.
type Deed string

const (
	Disable Deed = "disable" // it stops working and can be enabled again
	Revoke  Deed = "revoke"  // it never works again
	Undo    Deed = "undo"    // takes a Disable back
)

// ErrAmbiguous is what Locate answers when no proof names exactly one record.
// Nothing may be done then.
var ErrAmbiguous = errors.New("REFUSED_AMBIGUOUS")

// Input is the leaked credential and what else a provider's requests need.
type Input struct {
	Secret secret.Secret
	// Given holds, by the name of the provider's [Need], companions of the
	// leaked value, credentials of an administrator and settings of the
	// operator. Nothing in it may come from the repository that leaked, but
	// companions.
	Given map[string]secret.Secret
	// Seen is when the value was first committed. A record that was created
	// later cannot be it. Required by ProofListEdges.
	Seen time.Time
	// Home says that the value was seen alive where it is asked about, or that
	// the operator knows of no other place: not to be known there is to be dead.
	Home bool
}

// Report is the answer to a check.
type Report struct {
	Status     Status
	Why        string            // in plain words; never holds a value
	Identity   map[string]string // id, name, owner, account, created, expires, last_used, as far as the provider tells
	Scopes     []string          // what the value may do, as the provider names it
	RetryAfter time.Duration     // how long the provider asks to wait; 0 when it does not say
	// Answered: the status is unknown although the provider answered as it
	// documents, as of a value that may be from elsewhere.
	Answered bool
	own      vars
}

// Target is the one record of the provider that is the leaked value. Locate
// makes it. A journal may keep it as JSON; one that was read back serves only
// Undo until [Target.Vouched].
type Target struct {
	Provider string            `json:"provider"`
	ID       string            `json:"id,omitempty"` // "" when the value names itself
	Proof    Proof             `json:"proof"`
	Facts    map[string]string `json:"facts,omitempty"` // public names that the calls need, as of the owner
	own      vars
	proved   bool
}

// Vouched is a target that may be acted on again although it was read back:
// after a Disable the provider no longer tells which record the value is, and
// the record is to be deleted after a grace. The caller vouches that Locate made
// it for the same value, and that nobody changed it since.
func (t Target) Vouched() Target {
	t.proved = true
	return t
}

// Result says what became of a deed.
type Result int

const (
	// Unclear: the provider answered nothing it documents; check before anything else.
	Unclear Result = iota
	// Done: the documented success.
	Done
	// Gone: the documented answer for a value that was dead already.
	Gone
	// Refused: the documented refusal, or a reason not to ask at all. Nothing was done.
	Refused
)

func (r Result) String() string { return [...]string{"unclear", "done", "gone", "refused"}[r] }

// Outcome is the answer to a deed. It proves nothing about the credential: a check afterwards does.
type Outcome struct {
	Result     Result
	Why        string        // in plain words; never holds a value
	Settle     time.Duration // until when after Done a check may still say live
	RetryAfter time.Duration // how long the provider asks to wait; 0 when it does not say
}
