package main

import (
	_ "embed" // the files that init writes
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

var (
	//go:embed starter/github.yml
	starterGitHub string
	//go:embed starter/gitlab.yml
	starterGitLab string
	//go:embed starter/gitlab-ci.yml
	starterGitLabCI string
	//go:embed starter/policy.yaml
	starterPolicy string
)

// starter is a file to begin with, by its path in the repository.
type starter struct{ path, text string }

// starters are the files of each CI.
var starters = map[string][]starter{
	"github": {{".github/workflows/leakgate.yml", starterGitHub}},
	"gitlab": {{".gitlab/leakgate.yml", starterGitLab}, {".gitlab-ci.yml", starterGitLabCI}},
	"none":   nil,
}

// workTree reads and writes files below one folder; links in the repository do
// not lead out of it.
type workTree struct{ *os.Root }

func openTree(dir string) (workTree, error) {
	root, err := os.OpenRoot(dir)
	return workTree{root}, err
}

func (t workTree) has(name string) bool {
	_, err := t.Lstat(filepath.FromSlash(name))
	return err == nil
}

// maxStarter is how much of a file that is there already is read, in bytes.
const maxStarter = 1 << 20

// read gives a file's text, nil where there is none.
func (t workTree) read(name string) (*string, error) {
	f, err := t.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) && !t.has(name) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStarter))
	found := string(text)
	return &found, err
}

// create writes a file that is not there.
func (t workTree) create(name, text string) error {
	if err := t.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return err
	}
	f, err := t.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// difference is what is left of two texts without the lines that they begin and
// end with alike.
func difference(a, b string) (onlyA, onlyB string) {
	as, bs := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	for len(as) > 0 && len(bs) > 0 && as[0] == bs[0] {
		as, bs = as[1:], bs[1:]
	}
	for len(as) > 0 && len(bs) > 0 && as[len(as)-1] == bs[len(bs)-1] {
		as, bs = as[:len(as)-1], bs[:len(bs)-1]
	}
	return strings.Join(as, ""), strings.Join(bs, "")
}
