package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// maxConfig is the largest configuration file that is read, in bytes.
const maxConfig = 64 << 20

// tree is where configuration is read from. Names are "/"-separated and stay
// inside; a name that does not exist gives fs.ErrNotExist.
type tree interface {
	read(name string) ([]byte, error)
}

// noTree has no files: an unborn branch, a stream.
type noTree struct{}

func (noTree) read(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

// commitTree is the tree of a commit.
type commitTree struct {
	rd   *gitrepo.Reader
	root gitrepo.ID
}

func treeAt(rd *gitrepo.Reader, commit gitrepo.ID) (tree, error) {
	if commit.IsZero() {
		return noTree{}, nil
	}
	c, err := rd.Commit(commit)
	if err != nil {
		return nil, err
	}
	return commitTree{rd, c.Tree}, nil
}

func (t commitTree) read(name string) ([]byte, error) {
	entry, err := t.rd.Lookup(t.root, path.Clean(name))
	if errors.Is(err, gitrepo.ErrNoPath) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if entry.Mode&0o170000 != 0o100000 {
		return nil, fmt.Errorf("read %s: not a regular file", name)
	}
	o, err := t.rd.ObjectWithin(entry.ID, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return o.Data, nil
}

// indexTree is what is staged.
type indexTree struct{ a *answer }

func (t indexTree) read(name string) ([]byte, error) {
	index, err := t.a.repo.Index()
	if err != nil {
		return nil, err
	}
	for _, e := range index.Entries {
		if e.Path == name && e.Stage == 0 {
			o, err := t.a.reader.ObjectWithin(e.ID, maxConfig)
			return o.Data, err
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

// folderTree is a folder on disk; symbolic links may not lead out of it.
type folderTree struct{ root string }

func (t folderTree) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, there := root.Lstat(filepath.FromSlash(name)); there == nil {
			return nil, fmt.Errorf("read %s: a link that leads nowhere", name)
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readCapped(f, name)
}

// readNamed reads a file that the user named.
func readNamed(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readCapped(f, name)
}

func readCapped(from io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxConfig {
		return nil, fmt.Errorf("read %s: larger than %d bytes", name, maxConfig)
	}
	return text, nil
}

// inside is a reader for files that a configuration names: they are looked up
// in the tree, relative to its root, and never outside.
func inside(t tree) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		clean := path.Clean(filepath.ToSlash(name))
		if path.IsAbs(clean) || filepath.IsAbs(name) || clean == ".." || strings.HasPrefix(clean, "../") {
			return nil, fmt.Errorf("%s is outside of the tree that the configuration is in", name)
		}
		return t.read(clean)
	}
}
