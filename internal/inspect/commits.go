package inspect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/scanner"
)

// resolveCommits takes what the tips reach and what is known does not. The tips
// are those of a push that may still be refused, so that no ref names them.
func (a *answer) resolveCommits() error {
	a.request = scanner.Request{Bounded: true}
	for _, text := range a.q.Tips {
		id, err := gitrepo.ParseID(text)
		if err != nil {
			return usage(fmt.Errorf("a tip is not an object id: %w", err))
		}
		a.request.Tips = append(a.request.Tips, id)
	}
	a.head = gitrepo.ID{}
	if len(a.q.Tips) == 1 {
		if id, err := a.repo.Resolve(a.q.Tips[0]); err == nil { // else a tag of a tree or blob, or the walk tells
			a.head = id
		}
	}
	var err error
	a.request.Hidden, err = a.known()
	a.request.Range = scanner.Range{Text: "new commits", Base: hex(a.trust), Head: hex(a.head)}
	return err
}

func hex(id gitrepo.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// known are the objects that the known revisions name, as far as they are here:
// passing one over means to look at more.
func (a *answer) known() ([]gitrepo.ID, error) {
	var out []gitrepo.ID
	for _, name := range a.q.Known {
		if strings.HasSuffix(name, "/") {
			out = append(out, a.below(name)...)
			continue
		}
		id, err := a.repo.Resolve(name)
		var unknown *gitrepo.UnknownRevisionError
		if err != nil && !errors.As(err, &unknown) {
			return nil, err
		}
		if err == nil {
			out = append(out, id)
		}
	}
	return out, nil
}

// below are the readable objects that the refs below a prefix name. A ref that
// cannot be read hides nothing.
func (a *answer) below(prefix string) []gitrepo.ID {
	refs, _ := a.repo.Refs() // the list holds every ref that can be read
	var out []gitrepo.ID
	seen := map[gitrepo.ID]bool{}
	for _, r := range refs {
		if !strings.HasPrefix(r.Name, prefix) || r.ID.IsZero() || seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		if _, _, err := a.reader.Header(r.ID); err == nil {
			out = append(out, r.ID)
		}
	}
	return out
}
