package action

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
)

// ownPolicy refuses a policy file that the change being judged brings along:
// its author would judge himself.
func ownPolicy(q inspect.Question) error {
	if q.PolicyFile == "" || q.Range == "" {
		return nil
	}
	repo, err := gitrepo.Open(q.Path)
	if err != nil {
		return err
	}
	defer func() { _ = repo.Close() }() // only read from
	_, head, _ := strings.Cut(q.Range, "..")
	h, err := inspect.NewHeads(repo, strings.TrimPrefix(head, "."))
	if err != nil {
		return err
	}
	for _, name := range namesInside(repo.WorkDir(), q.PolicyFile) {
		if !h.Lacks(name) {
			return &inspect.UsageError{Err: fmt.Errorf("the policy %s belongs to the change that is judged: leave it away to judge "+
				"by the policy of the base, or name a file that the repository does not hold", name)}
		}
	}
	return nil
}

// namesInside are the paths of a file below a folder, as it was named and with
// symbolic links followed; none outside of it.
func namesInside(dir, file string) []string {
	if dir == "" {
		return nil
	}
	var names []string
	for _, each := range [][2]string{{dir, file}, {followed(dir), followed(file)}} {
		if name, err := filepath.Rel(each[0], each[1]); err == nil && filepath.IsLocal(name) {
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names
}

// followed is the path without symbolic links, or as it is where there is no such file.
func followed(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
