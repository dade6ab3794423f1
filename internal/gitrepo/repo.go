package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Repo is an open repository. It is safe for concurrent use. What git packs or
// deletes after Open is not noticed: open again for a fresh view.
type Repo struct {
	gitDir, commonDir, workDir string
	hash                       int
	config                     config
	store                      *store
	shallow                    map[ID]bool
	packed                     *packedRefs
	graph                      graphOnce
	index                      string // where the environment puts the index; "" for its usual place
}

// Open opens the repository whose work tree, git folder or linked worktree is
// at path or above it. Who owns the folder does not matter: nothing in it is
// run. The error is ErrNotRepository, or satisfies errors.Is(err, fs.ErrPermission)
// when the system forbids reading, or says which feature is not supported.
func Open(path string) (*Repo, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	r, err := discover(abs)
	if err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("open git repository %s: %w", r.gitDir, err)
	}
	return r, nil
}

// GitDir is the folder that holds HEAD; a linked worktree has its own.
func (r *Repo) GitDir() string { return r.gitDir }

// CommonDir is the folder that holds objects and refs, shared by worktrees.
func (r *Repo) CommonDir() string { return r.commonDir }

// WorkDir is the top of the work tree, "" for a bare repository.
func (r *Repo) WorkDir() string { return r.workDir }

// Name is a short name for messages: that of the folder a person would name.
func (r *Repo) Name() string {
	if r.workDir != "" {
		return filepath.Base(r.workDir)
	}
	return strings.TrimSuffix(filepath.Base(r.gitDir), ".git")
}

// HashSize is the length of an id in bytes: 20 for SHA-1, 32 for SHA-256.
func (r *Repo) HashSize() int { return r.hash }

// Shallow is the set of commits whose parents were cut off; it must not be changed.
func (r *Repo) Shallow() map[ID]bool { return r.shallow }

// Promisor reports a partial clone: objects may be missing on purpose.
func (r *Repo) Promisor() bool {
	if r.config["extensions.partialclone"] != "" {
		return true
	}
	for key := range r.config {
		if strings.HasPrefix(key, "remote.") && strings.HasSuffix(key, ".promisor") && r.config.isTrue(key) {
			return true
		}
	}
	for _, p := range r.store.packs {
		if _, err := os.Stat(p.name + ".promisor"); err == nil {
			return true
		}
	}
	return false
}

// Damage lists packs and alternates that cannot be read. While there is any,
// an object that is not found is reported as corrupt and not as missing.
func (r *Repo) Damage() []error { return r.store.damage }

// Close releases the mapped packs. Data given out by Scan's visits must not be used any more.
func (r *Repo) Close() error { return errors.Join(r.closeGraph(), r.store.close()) }

func (r *Repo) load() error {
	var err error
	if r.config, err = readConfig(filepath.Join(r.commonDir, "config")); err != nil {
		return err
	}
	if r.hash, err = checkFormat(r.config); err != nil {
		return err
	}
	if r.shallow, err = readShallow(filepath.Join(r.commonDir, "shallow")); err != nil {
		return err
	}
	r.packed = &packedRefs{path: filepath.Join(r.commonDir, "packed-refs"), hash: r.hash}
	r.findWorkDir()
	r.store, err = openStore(filepath.Join(r.commonDir, "objects"), r.hash)
	return err
}

// findWorkDir applies core.bare and core.worktree.
func (r *Repo) findWorkDir() {
	linked := r.gitDir != r.commonDir
	switch tree := r.config["core.worktree"]; {
	case linked:
	case r.config.isTrue("core.bare"):
		r.workDir = ""
	case tree != "":
		if !filepath.IsAbs(tree) {
			tree = filepath.Join(r.gitDir, tree)
		}
		r.workDir = filepath.Clean(tree)
	case r.workDir == "" && filepath.Base(r.gitDir) == ".git":
		r.workDir = filepath.Dir(r.gitDir)
	}
}

// knownExtensions can be read, or change nothing for a reader.
// See https://git-scm.com/docs/repository-version.
var knownExtensions = map[string]bool{"noop": true, "noop-v1": true, "objectformat": true, "partialclone": true,
	"preciousobjects": true, "worktreeconfig": true, "relativeworktrees": true, "refstorage": true, "compatobjectformat": true}

// checkFormat refuses what would be read wrongly and tells the size of an id.
func checkFormat(c config) (hash int, err error) {
	version := c["core.repositoryformatversion"]
	if version != "" && version != "0" && version != "1" {
		return 0, fmt.Errorf("core.repositoryformatversion %q is not supported", version)
	}
	for key := range c {
		name, isExtension := strings.CutPrefix(key, "extensions.")
		if isExtension && version == "1" && !knownExtensions[name] {
			return 0, fmt.Errorf("the repository needs the extension %q, which is not supported", name)
		}
	}
	if refs := strings.ToLower(c["extensions.refstorage"]); refs != "" && refs != "files" {
		return 0, fmt.Errorf("refs are stored as %q, which is not supported; convert with git refs migrate --ref-format=files", refs)
	}
	switch format := strings.ToLower(c["extensions.objectformat"]); format {
	case "", "sha1":
		return 20, nil
	case "sha256":
		return 32, nil
	default:
		return 0, fmt.Errorf("object format %q is not supported", format)
	}
}

func readShallow(path string) (map[ID]bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cut := map[ID]bool{}
	for line := range strings.FieldsSeq(string(data)) {
		id, err := ParseID(line)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		cut[id] = true
	}
	return cut, nil
}
