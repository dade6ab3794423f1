// Package rotate gives consumers a new value: it makes one, writes it to the
// place where they read it, has it proven that they follow, and ends the old
// version after a grace. Every call is written down before and behind it, so
// that a run that was cut off is taken up without a second version.
//
// What a store understands is in package stores; whether consumers follow is
// asked of a [Follower]. Plans, approvals, journal and audit trail are those of
// package remediate. Whether the old credential dies at its issuer is not
// decided here.
package rotate

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
)

// Store is one document of one store, in which consumers read one value. An
// error that is neither [ErrConflict] nor [ErrDenied] leaves open what was done.
type Store interface {
	// Read gives a version, the current one for "". A store that keeps no
	// earlier ones answers [ErrGone] for them.
	Read(ctx context.Context, version string) (Version, error)
	// Write makes a new version with other values, if from is still the current
	// one; else ErrConflict, and nothing is lost. It gives the new version's id.
	Write(ctx context.Context, from string, values map[string]secret.Secret) (version string, err error)
	// Destroy ends an old version, as far as the store can. What has ended already
	// is no error.
	Destroy(ctx context.Context, version string) error
}

// Annotator is a store that keeps why a version was made. Saying it twice
// changes nothing.
type Annotator interface {
	Annotate(ctx context.Context, version string, n Note) error
}

// Note is why a version was made.
type Note struct {
	Reason string
	Plan   string // digest
	At     time.Time
}

// Version is one version of a document.
type Version struct {
	ID     string                   // as the store calls it
	Values map[string]secret.Secret // by key; nil where nobody can read them
}

// name is what a version may be called: names are shown and kept.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// sound refuses a version whose name could steer a terminal or hold a value.
func (v Version) sound() error {
	if !name.MatchString(v.ID) {
		return errors.New("the store calls its version what no version is called")
	}
	for _, value := range v.Values {
		if value.Len() >= 6 && strings.Contains(v.ID, value.Reveal()) { // the name is shown
			return errors.New("the store calls its version by a value")
		}
	}
	return nil
}

// What a store answers.
var (
	// ErrConflict: somebody else wrote; nothing of ours is in the place.
	ErrConflict = errors.New("somebody else wrote to the store")
	// ErrDenied: the store documents that it did nothing.
	ErrDenied = errors.New("the store refused")
	// ErrGone: there is no such version, or no longer.
	ErrGone = errors.New("the store does not have the version")
)

// Fate is what becomes of an old version.
type Fate string

const (
	Destroyed Fate = "destroyed" // nobody can read it again
	Disabled  Fate = "disabled"  // readable again for whoever may enable it
	Kept      Fate = "kept"      // the store has no call that ends it
)

// Kind is what is known of a kind of store.
type Kind struct {
	ID      string
	Name    string
	Fate    Fate
	Kept    string        // what a person does where the fate is not Destroyed
	History bool          // an earlier version can be read, and so restored
	Blind   bool          // nobody but the consumer can read the values
	Atomic  bool          // the store itself refuses a write over another's
	Settle  time.Duration // until when a read may show the version before
	Source  string        // where its maker documents it
	Needs   []string      // settings and credentials, as the operator's file names them
}

// Minter makes new values.
type Minter interface {
	// Mint makes one. ErrDenied: none was made.
	Mint(context.Context) (Minted, error)
	// List gives the ids of those that exist, nil where none are kept.
	List(context.Context) ([]string, error)
	// Discard ends one that was made and never used.
	Discard(ctx context.Context, id string) error
}

// Minted is a new value. ID is what its issuer calls it, and no secret.
type Minted struct {
	ID    string
	Value secret.Secret
}

// Follower proves that consumers use the new version of a place.
type Follower interface {
	// Follow waits until they do, and says what proves it; "" when the place names
	// nobody who could be asked. The value is the one that they are to use, none
	// where nobody but they can read it.
	Follow(ctx context.Context, place remediate.Place, value secret.Secret, since time.Time) (proof string, err error)
}

// World opens what the operator's file names.
type World interface {
	Kind(id string) (Kind, bool)
	Store(remediate.Place) (Store, error)
	Minter(remediate.Place) (Minter, error)
}

// Engine plans rotations and does them. It must not be used by two goroutines at once.
type Engine struct {
	*remediate.Engine
	World    World
	Follower Follower // nil: nobody is asked

	crash func(point string) // tests end the process here
}

func (e *Engine) at(point string) {
	if e.crash != nil {
		e.crash(point)
	}
}
