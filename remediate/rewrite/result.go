package rewrite

import (
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Move says what a ref or a commit becomes. A zero New is none.
type Move struct {
	Name     string // of a ref
	Old, New gitrepo.ID
}

// Result says what a rewrite changes. It holds no value.
type Result struct {
	Hash       int          // length of an id in bytes
	Commits    []Move       // every commit that refs reach, in the order of rewriting
	Changed    int          // of these
	First      []gitrepo.ID // commits that change and have no parent that does
	Refs       []Move       // that change
	AllRefs    int
	Signatures []gitrepo.ID // commits and tags that are signed and change
	Signed     int          // of these, signed again
	Tags       int          // annotated tags that change
	Blobs      int          // that were rewritten
	Tainted    []gitrepo.ID // blobs that hold a value
	Trees      int
	Notes      int // commits of notes that change
	Quoted     int // ids in messages that could not be followed
	Submodules int // commits of submodules that history names; they stay
	Archives   Archives
	LFS        []string // objects of Git LFS that no file stands for any more
	Pack       string   // file of the new objects
	Objects    int      // in it
	Bytes      int64    // its size

	stays []gitrepo.ID // commits that stay and have a child that changes
	stash []Move       // entries of the stash below the newest
	edit  func([]byte) ([]byte, error)
}

// editLog moves the ids that begin the lines of a reflog and edits their messages.
func (r *Result) editLog(text []byte) ([]byte, error) {
	moves := map[string]string{}
	for _, m := range append(slices.Clone(r.stash), r.Refs...) {
		if !m.Old.IsZero() && !m.New.IsZero() {
			moves[m.Old.String()] = m.New.String()
		}
	}
	var out []byte
	for line := range strings.Lines(string(text)) {
		for _, at := range []int{0, 2*r.Hash + 1} {
			if end := at + 2*r.Hash; end <= len(line) {
				if to, ok := moves[line[at:end]]; ok {
					line = line[:at] + to + line[end:]
				}
			}
		}
		edited, err := r.edit([]byte(line))
		if err != nil {
			return nil, err
		}
		out = append(out, edited...)
	}
	return out, nil
}

func (r *Result) noteCommit(n *node, id gitrepo.ID, moved map[gitrepo.ID]gitrepo.ID) {
	r.Changed++
	first := !slices.ContainsFunc(n.parents, func(p gitrepo.ID) bool {
		to, ok := moved[p]
		return ok && to != p
	})
	if first {
		r.First = append(r.First, n.id)
	}
	for _, p := range n.parents {
		if to, ok := moved[p]; !ok || to == p {
			r.stays = append(r.stays, p)
		}
	}
}

// Clean reports whether there is nothing to rewrite.
func (r *Result) Clean() bool { return len(r.Refs) == 0 }

// Pulls are the refs of pull requests that change.
func (r *Result) Pulls() []Move {
	var out []Move
	for _, m := range r.Refs {
		if strings.HasPrefix(m.Name, "refs/pull/") || strings.HasPrefix(m.Name, "refs/merge-requests/") {
			out = append(out, m)
		}
	}
	return out
}
