// Package purge takes values out of the history that other people share: it
// plans the new history of a remote, waits until that is approved, and moves
// every ref of the remote to it at once, each under the id that it must still
// have. It keeps what was there in a sealed bundle until nobody needs to go back,
// proves from a fresh mirror that nothing is left, and says what it cannot reach.
//
// How history is rewritten is in package rewrite. What a run did is written down
// before and after, so that one that was cut off is taken up.
package purge

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// Rewriter makes the new history of a bare repository in a folder. It writes
// objects, and moves no refs. The same repository gives the same ids each time.
type Rewriter interface {
	Rewrite(ctx context.Context, dir string) (*Rewritten, error)
}

// Rewritten is what a Rewriter made.
type Rewritten struct {
	Spec        string         // stands for what is replaced by what, and tells nobody
	Credentials []string       // ids of the values that are replaced
	Dropped     []string       // paths that leave history; none holds a value
	Several     bool           // more than one value is replaced, as far as anybody can tell
	Others      int            // how many expressions and paths are replaced or dropped besides
	Changes     []Change       // refs that point elsewhere now
	First       []gitrepo.ID   // commits that change although none of their parents does
	Blobs       []gitrepo.ID   // that held a value
	Archives    []gitrepo.ID   // files in which a member holds a value; they stay
	Unread      []gitrepo.ID   // archives of which nobody can tell
	LFS         []string       // objects of Git LFS that nothing stands for any more
	Moves       []rewrite.Move // every commit that changes
	Signatures  []gitrepo.ID   // old ids of commits and tags whose signatures fall
	Commits     int            // how many change
	Map         string         // digest of the list of old and new commits
	Pack        string         // file of the new objects
}

// Engine takes one remote through a rewrite.
type Engine struct {
	Store    *store.Store
	Policy   remediate.Policy
	Remote   *wire.Remote
	Rewriter Rewriter
	Now      func() time.Time
	Actor    string // who runs it, for the audit trail
	// Dir holds mirrors while they are needed, and bundles until they are
	// destroyed. It must be private: mirrors hold the values.
	Dir string
	// Plain keeps a proposal to placeholders: no references, and no file removed or ignored.
	Plain bool
	// Recipients can open the bundle.
	Recipients []age.Recipient
	// Reviews are where proposals are judged, Rules what the remote holds pushes
	// against; both nil where there is nothing but git.
	Reviews Reviews
	Rules   Rules
	// Identities, where given, must open it before anything is pushed.
	Identities []age.Identity

	crash func(point string) // tests end the process here
}

var (
	// ErrChanged says that the remote is not what the plan was approved for.
	ErrChanged = errors.New("the remote holds what the plan does not know: make a new plan")
	// ErrNothing says that no ref holds any of the values.
	ErrNothing = errors.New("no value is left in what the refs reach")
)

// hidden are names that servers keep for themselves: nobody can push there.
// See https://docs.github.com/en/pull-requests and
// https://docs.gitlab.com/development/merge_request_concepts/.
var hidden = []string{"refs/pull/", "refs/merge-requests/", "refs/keep-around/", "refs/environments/", "refs/pipelines/",
	"refs/changes/", "refs/cache-automerge/", "refs/pull-requests/"}

func isHidden(name string) bool {
	for _, prefix := range hidden {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (e *Engine) at(point string) {
	if e.crash != nil {
		e.crash(point)
	}
}

// mirror fetches all of the remote and rewrites it.
func (e *Engine) mirror(ctx context.Context, work string) (*wire.Advert, *Rewritten, error) {
	dir := filepath.Join(work, "mirror.git")
	advert, err := e.Remote.Mirror(ctx, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	r, err := e.Rewriter.Rewrite(ctx, dir)
	return advert, r, err
}
