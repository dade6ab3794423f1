package inspect

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/manifest/sops"
)

const sopsConfig = ".sops.yaml"

// creation finds the creation rules of sops for a file: those of the .sops.yaml
// nearest to it, in its folder or above. sops itself looks upwards from where it
// is run, and matches path_regex with the path behind the folder of the .sops.yaml
// (LookupConfigFile, parseCreationRuleForFile in
// https://github.com/getsops/sops/blob/v3.13.3/config/config.go).
type creation struct {
	tree tree

	mu    sync.Mutex // over the tree too, which has one reader
	known map[string]*sopsRules
	odd   []string
}

// sopsRules are those of one .sops.yaml, nil where it cannot be read.
type sopsRules struct {
	rules *sops.CreationRules
	cut   string // the folder that it is in, which path_regex does not see
	add   string // from the folder that it is in, above the tree, to the tree
}

// maxAbove is how many folders above the working directory are looked into, as
// many as sops looks into.
const maxAbove = 100

func newCreation(t tree) *creation { return &creation{tree: t, known: map[string]*sopsRules{}} }

// prescribed are the recipients that sops would encrypt the file for.
func (c *creation) prescribed(name string) *manifest.Recipients {
	name = memberless(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := path.Dir(name)
	if !filepath.IsLocal(name) { // named from outside of the tree: as sops run in the tree's root
		dir = "."
	}
	found := c.nearest(dir)
	if found == nil {
		return nil
	}
	return manifest.RecipientsOf(found.rules, found.add+strings.TrimPrefix(name, found.cut))
}

// nearest looks in a folder of the tree and then above.
func (c *creation) nearest(dir string) *sopsRules {
	if known, is := c.known[dir]; is {
		return known
	}
	name := path.Join(dir, sopsConfig)
	text, err := c.tree.read(name)
	found := c.parse(name, text, err)
	switch {
	case found != nil && dir != ".":
		found.cut = dir + "/"
	case found == nil && dir != ".":
		found = c.nearest(path.Dir(dir))
	case found == nil:
		found = c.above()
	}
	c.known[dir] = found
	return found
}

// above looks above a folder on disk. What git holds has nothing above it.
func (c *creation) above() *sopsRules {
	folder, is := c.tree.(folderTree)
	if !is {
		return nil
	}
	root, err := filepath.Abs(folder.root)
	if err != nil {
		return nil
	}
	for dir, n := filepath.Dir(root), 0; n < maxAbove; dir, n = filepath.Dir(dir), n+1 {
		name := filepath.Join(dir, sopsConfig)
		text, err := readNamed(name)
		if found := c.parse(name, text, err); found != nil {
			add, err := filepath.Rel(dir, root)
			if err != nil {
				return nil
			}
			found.add = filepath.ToSlash(add) + "/"
			return found
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return nil
}

// parse reads one .sops.yaml, nil where there is none. One that cannot be read
// says nothing, and is told.
func (c *creation) parse(name string, text []byte, err error) *sopsRules {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var rules *sops.CreationRules
	if err == nil {
		rules, err = sops.ParseCreationRules(text)
	}
	if err != nil {
		c.odd = append(c.odd, filepath.ToSlash(name))
		rules = nil
	}
	return &sopsRules{rules: rules}
}

// unread are the files that could not be read, sorted.
func (c *creation) unread() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.odd)
	return c.odd
}
