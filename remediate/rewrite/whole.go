package rewrite

import (
	"encoding/binary"
	"fmt"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// lack is an object that a tree names and that is not there: nobody can tell
// whether a value is in it.
type lack struct {
	tree int32
	id   gitrepo.ID
}

// known are ids of files that are there and were met lately: versions of a tree
// name mostly the same.
type known [1 << 12][32]byte

func (k *known) at(id []byte) *[32]byte { return &k[binary.LittleEndian.Uint16(id[4:])&(1<<12-1)] }

func (k *known) has(id []byte) bool { return string(k.at(id)[:len(id)]) == string(id) }

// meet looks whether a file is there.
func (r *treeReader) meet(raw []byte) {
	id, err := gitrepo.IDFromBytes(raw)
	if err != nil {
		return
	}
	if r.survey.numbers.Of(id) < 0 {
		r.lacks = append(r.lacks, lack{r.number, id})
		return
	}
	copy(r.known.at(raw)[:], raw)
}

// needed are the trees of commits, and the trees and files that refs name.
func (s *survey) needed(r *refs) (bits, error) {
	needed := newBits(s.numbers.Len())
	for i := range s.commits {
		c := &s.commits[i]
		if c.reached == 0 {
			continue
		}
		n := s.numbers.Of(c.tree)
		if n < 0 {
			return nil, fmt.Errorf("the repository is damaged: commit %s names %s: %w", c.id, c.tree, gitrepo.ErrMissing)
		}
		needed.add(n)
	}
	for _, id := range r.others {
		needed.add(s.numbers.Of(id))
	}
	return needed, nil
}

// complete refuses a history that lacks an object. What nothing reaches may lack some.
func (s *survey) complete(f *forest, needed bits) error {
	seen := map[int32]bool{}
	for _, l := range f.lacks {
		queue := []int32{l.tree}
		for len(queue) > 0 {
			n := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if needed.has(n) {
				return fmt.Errorf("the repository is damaged: tree %s names %s: %w", s.numbers.ID(l.tree), l.id, gitrepo.ErrMissing)
			}
			if !seen[n] {
				seen[n] = true
				queue = append(queue, f.holds.of(n)...)
			}
		}
	}
	return nil
}
