package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// server is a repository with the action on main and a branch feature.
type server struct {
	top, dir string
	base     string // tip of main
	tokens   []string
}

func newServer(tools string) (*server, error) {
	top, err := os.MkdirTemp(tools, "run-")
	if err != nil {
		return nil, err
	}
	s := &server{top: top, dir: filepath.Join(top, "server")}
	err = plant(s.dir, func(text string) string { return text })
	for _, each := range []string{"out", "home"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(top, each), 0o755))
	}
	if err == nil {
		err = git(s.dir, "add", "-A")
	}
	if err == nil {
		err = git(s.dir, "commit", "-q", "-m", "Begin")
	}
	s.base = s.head()
	return s, errors.Join(err, git(s.dir, "checkout", "-q", "-b", "feature"))
}

// commit writes one file on the branch and commits it.
func (s *server) commit(path, text string) error {
	if err := write(filepath.Join(s.dir, path), text); err != nil {
		return err
	}
	if err := git(s.dir, "add", "-A"); err != nil {
		return err
	}
	return git(s.dir, "commit", "-q", "-m", "Change")
}

func (s *server) head() string {
	out, _ := command(s.dir, "rev-parse", "HEAD").Output()
	return strings.TrimSpace(string(out))
}

// proposal is the payload of a pull request of the branch.
func (s *server) proposal(errs ...error) (any, error) {
	end := func(ref, sha string) map[string]any { return map[string]any{"ref": ref, "sha": sha} }
	return map[string]any{
		"number":       1,
		"pull_request": map[string]any{"number": 1, "commits": len(errs), "base": end("main", s.base), "head": end("feature", s.head())},
		"repository":   map[string]any{"default_branch": "main"},
	}, errors.Join(errs...)
}

// clone checks the branch out elsewhere; the server can go away afterwards.
func (s *server) clone(shallow, gone bool) (string, error) {
	dir := filepath.Join(s.top, "clone")
	args := []string{"clone", "-q", "--branch", "feature"}
	if shallow {
		args = append(args, "--depth", "1")
	}
	err := git(s.top, append(args, "file://"+s.dir, dir)...)
	if gone {
		err = errors.Join(err, os.RemoveAll(s.dir+".gone"), git(dir, "remote", "set-url", "origin", "file://"+s.dir+".gone"))
	}
	return dir, err
}

func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	return cmd
}

func git(dir string, args ...string) error {
	if out, err := command(dir, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return nil
}
