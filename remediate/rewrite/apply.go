package rewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// ErrBusy is the error for a repository in which something is under way.
var ErrBusy = errors.New("the repository is not at rest")

// Saved says where Apply keeps what was before. Both hold the values.
type Saved struct {
	Folder string // a bare repository with all old refs and objects
	Bundle string // a file with what the old refs hold and the new ones do not; "" for none
}

// Apply rewrites a local repository: it checks that nothing is under way, saves
// what is there, writes the new objects, and moves all refs in one transaction, each
// from its old id. Before that last step nothing that git sees has changed, and on an
// error nothing has.
func Apply(ctx context.Context, repo *gitrepo.Repo, spec *Spec, opts Options, saved Saved) (*Result, error) {
	g := git{repo.GitDir()}
	trees, err := atRest(ctx, g, repo)
	if err != nil {
		return nil, err
	}
	opts.Write = true
	r, err := Run(ctx, repo, spec, opts)
	if err != nil || r.Clean() {
		if r != nil {
			removePack(r.Pack)
		}
		return r, err
	}
	stage := func(name string) {
		if opts.Notice != nil {
			opts.Notice(name)
		}
	}
	stage("back up")
	stash, err := readStash(repo)
	if err == nil {
		err = save(ctx, g, repo, r, saved)
	}
	if err == nil {
		stage("move refs")
		err = moveRefs(ctx, g, r)
	}
	if err != nil {
		removePack(r.Pack)
		return nil, err
	}
	return r, errors.Join(rewriteStash(repo, r, stash), refresh(ctx, trees))
}

// save keeps what is there. A file or folder that is there already is left alone.
func save(ctx context.Context, g git, repo *gitrepo.Repo, r *Result, saved Saved) error {
	if err := backUp(repo, saved.Folder); err != nil {
		return err
	}
	if saved.Bundle == "" {
		return nil
	}
	return saveBundle(ctx, g, r, saved.Bundle)
}

// removePack takes back a pack that nothing names.
func removePack(pack string) {
	if base, ok := strings.CutSuffix(pack, ".pack"); ok {
		os.Remove(base + ".idx")
		os.Remove(pack)
	}
}

// saveBundle writes what the old refs reach beyond the commits that stay, and has git check it.
func saveBundle(ctx context.Context, g git, r *Result, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("write the bundle: %s is there already; name another file", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	file.Close()
	var tips bytes.Buffer
	for _, m := range r.Refs {
		if !m.Old.IsZero() {
			fmt.Fprintln(&tips, m.Name)
		}
	}
	slices.SortFunc(r.stays, gitrepo.ID.Compare)
	for _, id := range slices.Compact(r.stays) {
		fmt.Fprintf(&tips, "^%s\n", id)
	}
	_, err = g.run(ctx, &tips, "bundle", "create", "--quiet", path, "--stdin")
	err = errors.Join(err, os.Chmod(path, 0o600)) // git puts a file of its own there
	if err == nil {
		_, err = g.run(ctx, nil, "bundle", "verify", "--quiet", path)
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// moveRefs moves all refs or none.
func moveRefs(ctx context.Context, g git, r *Result) error {
	var in bytes.Buffer
	for _, m := range r.Refs {
		switch {
		case m.New.IsZero():
			fmt.Fprintf(&in, "delete %s\x00%s\x00", m.Name, m.Old)
		case m.Old.IsZero():
			fmt.Fprintf(&in, "create %s\x00%s\x00", m.Name, m.New)
		default:
			fmt.Fprintf(&in, "update %s\x00%s\x00%s\x00", m.Name, m.New, m.Old)
		}
	}
	_, err := g.run(ctx, &in, "update-ref", "-m", "leakgate rewrite", "--no-deref", "--stdin", "-z")
	if err != nil {
		return fmt.Errorf("move refs, of which none has moved: %w", err)
	}
	return nil
}

// underWay are files of operations that would go on with old commits.
var underWay = []string{"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_START"}

// atRest lists the working trees and refuses one with changes.
func atRest(ctx context.Context, g git, repo *gitrepo.Repo) ([]string, error) {
	if info, err := os.Stat(filepath.Join(repo.CommonDir(), "info", "grafts")); err == nil && info.Size() > 0 {
		return nil, fmt.Errorf("%w: it has grafts; git replace --convert-graft-file makes them replace refs", ErrBusy)
	}
	out, err := g.run(ctx, nil, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return nil, err
	}
	var trees []string
	for entry := range strings.SplitSeq(string(out), "\x00\x00") {
		path, _, _ := strings.Cut(entry, "\x00")
		path, ok := strings.CutPrefix(path, "worktree ")
		if !ok || strings.Contains(entry+"\x00", "\x00bare\x00") || strings.Contains(entry, "\x00prunable") {
			continue
		}
		if err := treeAtRest(ctx, git{path}); err != nil {
			return nil, err
		}
		trees = append(trees, path)
	}
	return trees, nil
}

func treeAtRest(ctx context.Context, g git) error {
	dir, err := g.run(ctx, nil, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return err
	}
	for _, name := range underWay {
		if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(dir)), name)); err == nil {
			return fmt.Errorf("%w: %s has a merge, rebase or the like under way; finish it, or use a fresh clone", ErrBusy, g.dir)
		}
	}
	out, err := g.run(ctx, nil, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
	if err == nil && len(out) > 0 {
		err = fmt.Errorf("%w: %s has changes that are not committed; commit or stash them, or use a fresh clone", ErrBusy, g.dir)
	}
	return err
}

// refresh brings working trees to their rewritten commits.
func refresh(ctx context.Context, trees []string) error {
	var errs []error
	for _, path := range trees {
		if _, err := (git{path}).run(ctx, nil, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"); err != nil {
			continue // an unborn branch
		}
		if _, err := (git{path}).run(ctx, nil, "reset", "--quiet", "--hard"); err != nil {
			errs = append(errs, fmt.Errorf("refs have moved, but not the files of %s: git reset --hard there: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

func stashLog(repo *gitrepo.Repo) string {
	return filepath.Join(repo.CommonDir(), "logs", "refs", "stash")
}

// readStash is the reflog of the stash: the only place that names its older entries.
func readStash(repo *gitrepo.Repo) ([]byte, error) {
	text, err := os.ReadFile(stashLog(repo))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// rewriteStash writes the reflog of the stash with the new ids, and without the
// line that moving refs/stash has added: each line is an entry.
func rewriteStash(repo *gitrepo.Repo, r *Result, log []byte) error {
	if len(log) == 0 {
		return nil
	}
	text, err := r.editLog(log)
	if err == nil {
		err = replaceFile(stashLog(repo), text)
	}
	if err != nil {
		return fmt.Errorf("refs have moved, but not the older entries of the stash: %w", err)
	}
	return nil
}

func replaceFile(path string, text []byte) error {
	temp := path + ".lock"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}
