// Package inspect answers the one question that every door asks: what is in
// this change, history, folder or stream, and does the policy let it pass? It
// finds the policy in the tree that may be trusted, loads the rules, scans and
// has the gate decide. It prints nothing and never looks at the environment.
package inspect

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// What names the part of a repository, or the thing that is no repository.
type What int

// The things to inspect.
const (
	History   What = iota // every ref, and what is staged or changed
	Range                 // the commits of Question.Range
	Since                 // the commits that Question.Range, one revision, does not reach
	Commits               // those that Question.Tips reach and Question.Known do not; tags too
	Staged                // the index against HEAD
	Folder                // files, without git
	Stream                // one text
	Manifests             // the files of Question.Paths, as Kubernetes documents
)

// Question says what to inspect and by which files to judge. Path is the
// repository or folder; the files named override those of the trusted tree.
type Question struct {
	What       What
	Path       string
	Range      string   // "BASE..HEAD" or "BASE...HEAD"; for Since one revision
	Tips       []string // with Commits: ids, which no ref needs to name
	Known      []string // with Commits: revisions; "refs/remotes/" is every ref below. What is not here is passed over
	MayBeEmpty bool     // a Range without a commit is clean: nobody asked for it, a CI told it
	Trust      string   // revision whose tree holds the policy; "" for the default of What
	Untracked  bool     // with History: files that git does not track
	Stream     io.Reader
	Name       string // of the stream

	Paths  []string // with Manifests: files and folders, relative to the working directory
	Strict bool     // what looks like a Kubernetes document and cannot be read was missed
	Render bool     // with Manifests: render kustomizations too
	// Helm renders the chart in a folder; nil: its templates are read as text.
	Helm func(ctx context.Context, dir string) ([]byte, error)
	// OpenKey decrypts keys of sops that are no age's, to verify the MACs; nil: none.
	OpenKey func(kind, name, enc string) (secret.Secret, bool)

	PolicyFile   string
	RulesFile    string // a gitleaks configuration
	IgnoreFile   string // a .gitleaksignore
	BaselineFile string

	// Organisation is the policy under which the repository stands, or the file that
	// has it; zero: none.
	Organisation     gate.Organisation
	OrganisationFile string

	Branch    string   // being judged, for environments
	Branches  []string // instead, where several are judged at once
	Git       gitrepo.Environment
	Reference bool // the plain engine
	NoCache   bool // look at everything again, and keep nothing
	Workers   int
}

// World is what the question does not say: the door's own surroundings.
type World struct {
	Key      secret.Key
	SOPSKeys secret.Secret // age identities, one a line, to verify the MACs of sops; zero: none
	Now      func() time.Time
	Log      *slog.Logger
	Progress func(scanner.Progress)
	Version  string
	Cache    scanner.Cache // what scans of whole histories have learned; nil: none
	Engine   string        // names this program to the cache
}

// UsageError is a mistake in the question itself: a file given by name that
// does not parse, a range that names no commit. Doors exit 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *UsageError) Unwrap() error { return e.Err }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &UsageError{err}
}

// IsUsage reports whether the question was wrong, and not the world.
func IsUsage(err error) bool {
	var u *UsageError
	return errors.As(err, &u)
}

// BrokenError is a file of the trusted tree by which nothing can be judged. Asking again
// does not help, and the gate stays closed.
type BrokenError struct{ Err error }

func (e *BrokenError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *BrokenError) Unwrap() error { return e.Err }

// IsBroken reports whether an error is a [BrokenError].
func IsBroken(err error) bool {
	_, is := errors.AsType[*BrokenError](err)
	return is
}
