package rewrite

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// refs are the names of a repository at the time of a rewrite.
type refs struct {
	all     []gitrepo.Ref
	commits []gitrepo.ID // what they name in the end, of all but notes
	notes   []gitrepo.ID // that notes name
	others  []gitrepo.ID // trees and blobs
}

// readRefs lists the refs. One that cannot be read, or that names a value, is refused.
func (s *survey) readRefs() (*refs, error) {
	all, err := s.repo.Refs()
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	r := &refs{all: all}
	rd := s.repo.NewReader(1 << 20)
	for _, ref := range all {
		if err := s.checkName(ref.Name); err != nil {
			return nil, err
		}
		if ref.ID.IsZero() || ref.Target != "" && ref.Name != "HEAD" {
			continue // unborn, or the target is listed itself
		}
		if err := s.tip(rd, r, &ref); err != nil {
			return nil, fmt.Errorf("%s: %w", ref.Name, err)
		}
	}
	return r, nil
}

func (s *survey) tip(rd *gitrepo.Reader, r *refs, ref *gitrepo.Ref) error {
	id := ref.ID
	for range maxTags {
		if tag, isTag := s.tags[id]; isTag {
			id = tag.target
			continue
		}
		switch _, isCommit := s.index[id]; {
		case isCommit && strings.HasPrefix(ref.Name, "refs/notes/"):
			r.notes = append(r.notes, id)
		case isCommit:
			r.commits = append(r.commits, id)
		case s.numbers.Of(id) < 0:
			return fmt.Errorf("object %s: %w", id, gitrepo.ErrMissing)
		default:
			r.others = append(r.others, id)
		}
		return nil
	}
	return fmt.Errorf("more than %d tags name each other", maxTags)
}

// checkName refuses a ref whose name holds a value: other clones know it by that name.
func (s *survey) checkName(name string) error {
	if !s.editor.matcher.has([]byte(name)) {
		return nil
	}
	shown, err := s.editor.name([]byte(strings.ReplaceAll(name, "/", " ")))
	if err != nil {
		shown = []byte("a ref")
	}
	return fmt.Errorf("%w: the name of %q holds a value, and renaming a branch or tag is for people to agree on: "+
		"git branch -m OLD NEW, or git tag NEW OLD and git tag -d OLD, then begin again", ErrSpec, shown)
}

// moveRefs says what becomes of each ref.
func (w *writer) moveRefs(r *refs) error {
	for _, ref := range r.all {
		if ref.ID.IsZero() || ref.Target != "" {
			continue // what a symbolic ref names moves
		}
		id, err := w.moved(ref.ID)
		if err != nil {
			return fmt.Errorf("%s: %w", ref.Name, err)
		}
		if strings.Contains(ref.Name, "@{") {
			w.result.stash = append(w.result.stash, Move{ref.Name, ref.ID, id})
			continue
		}
		w.result.AllRefs++
		name, err := w.replaced(ref.Name)
		if err != nil {
			return err
		}
		switch {
		case name != ref.Name:
			w.result.Refs = append(w.result.Refs, Move{Name: ref.Name, Old: ref.ID}, Move{Name: name, New: id})
		case id != ref.ID:
			w.result.Refs = append(w.result.Refs, Move{ref.Name, ref.ID, id})
		}
	}
	return nil
}

// replaced gives a ref below refs/replace/ the id of what its object became.
func (w *writer) replaced(name string) (string, error) {
	hex, ok := strings.CutPrefix(name, "refs/replace/")
	if !ok {
		return name, nil
	}
	old, err := gitrepo.ParseID(hex)
	if err != nil {
		return name, nil // git ignores it too
	}
	id, err := w.moved(old)
	return "refs/replace/" + id.String(), err
}
