package rewrite

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// WriteMaps writes the files that git-filter-repo leaves in .git/filter-repo, in its
// formats: commit-map, ref-map, changed-refs and first-changed-commits,
// orphaned_lfs_objects, and lost-signatures beside them.
func (r *Result) WriteMaps(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	files := map[string]func(io.Writer){
		"commit-map": r.commitMap, "ref-map": r.refMap, "changed-refs": r.changedRefs,
		"first-changed-commits": func(w io.Writer) { r.list(w, r.First) },
		"lost-signatures":       func(w io.Writer) { r.list(w, r.Signatures) },
		"orphaned_lfs_objects":  func(w io.Writer) { fmt.Fprint(w, strings.Join(append(r.LFS, ""), "\n")) },
	}
	for name, write := range files {
		var out bytes.Buffer
		write(&out)
		if err := os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// hex is an id, zeros for none.
func (r *Result) hex(id gitrepo.ID) string {
	if id.IsZero() {
		return strings.Repeat("0", 2*r.Hash)
	}
	return id.String()
}

func (r *Result) commitMap(w io.Writer) {
	fmt.Fprintf(w, "%-*s %s\n", 2*r.Hash, "old", "new")
	sorted := slices.Clone(r.Commits)
	slices.SortFunc(sorted, func(a, b Move) int { return a.Old.Compare(b.Old) })
	for _, m := range sorted {
		fmt.Fprintf(w, "%s %s\n", r.hex(m.Old), r.hex(m.New))
	}
}

func (r *Result) refMap(w io.Writer) {
	fmt.Fprintf(w, "%-*s %-*s %s\n", 2*r.Hash, "old", 2*r.Hash, "new", "ref")
	for _, m := range r.Refs {
		fmt.Fprintf(w, "%s %s %s\n", r.hex(m.Old), r.hex(m.New), m.Name)
	}
}

func (r *Result) changedRefs(w io.Writer) {
	for _, m := range r.Refs {
		fmt.Fprintln(w, m.Name)
	}
}

func (r *Result) list(w io.Writer, ids []gitrepo.ID) {
	for _, id := range ids {
		fmt.Fprintln(w, id)
	}
}
