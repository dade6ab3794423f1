package inspect

import (
	"bytes"
	"errors"
	"slices"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/scanner"
)

// maxAnnotated is the largest file in which a line is looked up, in bytes.
const maxAnnotated = 4 << 20

// Heads finds the lines of findings in the files as they are at the judged head:
// an annotation anywhere else would point at somebody else's line.
type Heads struct {
	rd   *gitrepo.Reader
	tree gitrepo.ID
}

// NewHeads looks at the files of a commit.
func NewHeads(repo *gitrepo.Repo, head string) (*Heads, error) {
	rd := repo.NewReader(maxAnnotated)
	id, err := repo.Resolve(head)
	if err != nil {
		return nil, err
	}
	commit, err := rd.Commit(id)
	if err != nil {
		return nil, err
	}
	return &Heads{rd, commit.Tree}, nil
}

// Line is where a finding's first line is at head; false when it is not there
// as it was, or has no line.
func (h *Heads) Line(f *gate.Judged) (int, bool) {
	at := f.At
	if at.StartLine == 0 || at.Kind != scanner.InContent && at.Kind != scanner.InManifest {
		return 0, false
	}
	if at.Origin == scanner.FromWorktree || at.Origin == scanner.FromStaged {
		return at.StartLine, true
	}
	if !at.AtHead {
		return 0, false
	}
	was, err := gitrepo.ParseID(at.Blob)
	if err != nil {
		return 0, false
	}
	entry, err := h.rd.Lookup(h.tree, at.Path)
	if err != nil || was == entry.ID {
		return at.StartLine, err == nil
	}
	return nearest(h.lines(was), h.lines(entry.ID), at.StartLine, max(at.EndLine, at.StartLine))
}

// Lacks says for sure that no file has this path.
func (h *Heads) Lacks(path string) bool {
	_, err := h.rd.Lookup(h.tree, path)
	return errors.Is(err, gitrepo.ErrNoPath)
}

func (h *Heads) lines(blob gitrepo.ID) [][]byte {
	o, err := h.rd.ObjectWithin(blob, maxAnnotated)
	if err != nil {
		return nil
	}
	return bytes.Split(o.Data, []byte{'\n'})
}

// nearest is where the lines from first to last stand in a later text; of
// several places the one closest to where they were.
func nearest(was, now [][]byte, first, last int) (int, bool) {
	if first < 1 || last > len(was) {
		return 0, false
	}
	wanted := was[first-1 : last]
	for away := range max(len(now), first) {
		for _, line := range []int{first - away, first + away} {
			if line >= 1 && line-1+len(wanted) <= len(now) && slices.EqualFunc(wanted, now[line-1:line-1+len(wanted)], bytes.Equal) {
				return line, true
			}
		}
	}
	return 0, false
}
