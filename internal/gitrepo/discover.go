package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// discover looks for a repository at path and in every folder above it.
func discover(path string) (*Repo, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotRepository, err)
	} else if err != nil {
		return nil, err
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		r, err := discoverIn(dir)
		if err != nil {
			return nil, err
		}
		if r != nil {
			return r, r.findCommonDir()
		}
		if filepath.Dir(dir) == dir {
			return nil, fmt.Errorf("%s: %w, and no folder above it is one", path, ErrNotRepository)
		}
	}
}

// discoverIn looks at one folder: its .git, then the folder itself.
func discoverIn(dir string) (*Repo, error) {
	dotGit := filepath.Join(dir, ".git")
	info, err := os.Stat(dotGit)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err == nil && info.IsDir():
		if ok, err := isGitDir(dotGit); ok || err != nil {
			return &Repo{gitDir: dotGit, workDir: dir}, err
		}
	case err == nil:
		return readGitFile(dotGit, dir)
	}
	if ok, err := isGitDir(dir); ok || err != nil {
		return &Repo{gitDir: dir}, err
	}
	return nil, nil
}

// readGitFile follows a .git file, which submodules and linked worktrees have.
func readGitFile(path, dir string) (*Repo, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	target, found := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !found {
		return nil, fmt.Errorf("%s: %w: the file names no gitdir", path, ErrNotRepository)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	ok, err := isGitDir(target)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w: it names %s, which is none; when this is a linked worktree or a submodule, "+
			"make the main repository visible too (docker: mount it at the same path)", path, ErrNotRepository, target)
	}
	return &Repo{gitDir: filepath.Clean(target), workDir: dir}, nil
}

// isGitDir recognises a git folder as git does: HEAD, objects and refs, the
// latter two possibly in the common folder.
func isGitDir(dir string) (bool, error) {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false, onlyPermission(err)
	}
	common, err := commonDir(dir)
	if err != nil {
		return false, onlyPermission(err)
	}
	for _, name := range []string{"objects", "refs"} {
		info, err := os.Stat(filepath.Join(common, name))
		if err != nil || !info.IsDir() {
			return false, onlyPermission(err)
		}
	}
	return true, nil
}

func onlyPermission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

func commonDir(gitDir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if errors.Is(err, fs.ErrNotExist) {
		return gitDir, nil
	}
	if err != nil {
		return "", err
	}
	dir := strings.TrimRight(string(data), "\r\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(gitDir, dir)
	}
	return filepath.Clean(dir), nil
}

// findCommonDir completes a found repository; a linked worktree opened by its
// git folder learns its work tree from the file that git keeps there.
func (r *Repo) findCommonDir() error {
	var err error
	if r.commonDir, err = commonDir(r.gitDir); err != nil {
		return err
	}
	if r.workDir == "" && r.commonDir != r.gitDir {
		if data, err := os.ReadFile(filepath.Join(r.gitDir, "gitdir")); err == nil {
			back := strings.TrimRight(string(data), "\r\n")
			if !filepath.IsAbs(back) {
				back = filepath.Join(r.gitDir, back)
			}
			r.workDir = filepath.Dir(back)
		}
	}
	return nil
}
