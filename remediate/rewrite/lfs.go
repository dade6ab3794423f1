package rewrite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// pointer begins a file that stands for one of Git LFS, see
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
var pointer = []byte("version https://git-lfs.github.com/spec/v1\n")

// maxPointer is the longest pointer, in bytes.
const maxPointer = 1024

// oidOf is the name of the object of LFS that a file stands for, "" for none.
func oidOf(text []byte) string {
	if len(text) > maxPointer || !bytes.HasPrefix(text, pointer) {
		return ""
	}
	for line := range bytes.Lines(text) {
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("oid ")); ok {
			return string(bytes.TrimPrefix(name, []byte("sha256:")))
		}
	}
	return ""
}

// orphans are the objects of LFS that no file of the new history stands for: those
// whose pointers are dropped wherever they are, or are rewritten.
func (s *survey) orphans(ctx context.Context, r *refs, drop []string) ([]string, error) {
	left := map[gitrepo.ID]string{} // pointers that may lose their last place
	for id, oid := range s.pointers {
		if len(drop) > 0 || s.blobs.has(s.numbers.Of(id)) {
			left[id] = oid
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	stays := map[string]bool{}
	for id, oid := range s.pointers {
		stays[oid] = stays[oid] || left[id] == ""
	}
	met := map[string]bool{}
	paths := branches(drop)
	err := s.places(ctx, r, func(path string, id gitrepo.ID) {
		oid, ok := left[id]
		if !ok {
			return
		}
		met[oid] = true
		if !paths.drops(path) && !s.blobs.has(s.numbers.Of(id)) {
			stays[oid] = true
		}
	})
	var out []string
	for oid := range met {
		if !stays[oid] {
			out = append(out, oid)
		}
	}
	slices.Sort(out)
	return out, err
}

// places visits each file at each path at which history has it.
func (s *survey) places(ctx context.Context, r *refs, visit func(path string, id gitrepo.ID)) error {
	rd := s.repo.NewReader(32 << 20)
	report, err := s.repo.Walk(ctx, append(slices.Clone(r.commits), r.notes...), nil, func(c *gitrepo.Commit) error {
		var before gitrepo.ID
		if len(c.Parents) > 0 {
			parent, err := rd.Commit(c.Parents[0])
			if err != nil {
				return err
			}
			before = parent.Tree
		}
		return rd.DiffTrees(before, c.Tree, func(change gitrepo.Change) error {
			visit(change.Path, change.New.ID)
			return nil
		})
	})
	if err == nil && len(report.Missing) > 0 {
		err = report.Missing[0].Reason
	}
	if err != nil {
		return fmt.Errorf("look for files of LFS: %w", err)
	}
	return nil
}

// drops reports whether a path, or a folder that it is in, is dropped.
func (b *branch) drops(path string) bool {
	for name := range bytes.SplitSeq([]byte(path), []byte("/")) {
		if b = b.below[string(name)]; b == nil {
			return false
		}
		if b.drop {
			return true
		}
	}
	return false
}
