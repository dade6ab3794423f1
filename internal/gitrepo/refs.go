package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Ref is one name in the repository.
type Ref struct {
	Name   string // refs/heads/main, HEAD, worktrees/x/HEAD, stash@{1}
	ID     ID     // what it points to; zero for an unborn branch or a symbolic ref to nothing
	Peeled ID     // what an annotated tag points to in the end, where packed-refs says so; else zero
	Target string // the ref that a symbolic ref names, else ""
}

var errRef = errors.New("invalid ref")

// maxSymbolic is how many symbolic refs may point to each other in a row, as in git.
const maxSymbolic = 5

// Refs lists HEAD and everything under refs/, the HEAD and the own refs of every
// other worktree, and the stash entries below the newest as stash@{n}, sorted
// by name. The list is as complete as can be when there is an error too: the
// error joins every ref that cannot be read. Where git packs refs meanwhile, which
// could hide one, they are listed again.
func (r *Repo) Refs() (refs []Ref, err error) {
	for range maxListings {
		packed, before, lost := r.packed.read()
		refs, err = r.list(packed, lost)
		if _, after, _ := r.packed.read(); after == before {
			return refs, err
		}
	}
	return refs, errors.Join(err, fmt.Errorf("%w: packed-refs was replaced %d times while the refs were listed", errRef, maxListings))
}

// maxListings is how often refs are listed until packed-refs stays as it is.
const maxListings = 5

// list lists the refs, of which packed are packed; lost tells why some may not be.
func (r *Repo) list(packed map[string]Ref, lost error) ([]Ref, error) {
	l := &refList{repo: r, packed: packed, lost: lost != nil, seen: map[string]bool{}}
	l.note(lost)
	l.add(r.gitDir, "", "HEAD")
	l.addBelow(r.commonDir, "", "refs")
	if r.gitDir != r.commonDir {
		l.addOwn(r.gitDir, "")
		l.add(r.commonDir, "main-worktree/", "HEAD")
		l.addOwn(r.commonDir, "main-worktree/")
	}
	l.addWorktrees()
	for name, ref := range packed {
		if !l.seen[name] {
			l.refs = append(l.refs, ref)
		}
	}
	l.addStash()
	slices.SortFunc(l.refs, func(a, b Ref) int { return strings.Compare(a.Name, b.Name) })
	return l.refs, errors.Join(l.errs...)
}

// Head is what HEAD points to, zero for a branch without a commit.
func (r *Repo) Head() (ID, error) {
	packed, lost := r.packedRefs()
	ref, err := r.readRef(r.gitDir, "HEAD", packed)
	if err == nil && ref.ID.IsZero() && lost != nil {
		err = fmt.Errorf("%w: %s may be one of the packed refs that cannot be read: %w", errRef, ref.Target, lost)
	}
	return ref.ID, err
}

// refList gathers the refs of one repository.
type refList struct {
	repo   *Repo
	packed map[string]Ref
	lost   bool // packed is not all there is
	seen   map[string]bool
	refs   []Ref
	errs   []error
}

func (l *refList) note(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// add reads dir/name and lists it as prefix+name.
func (l *refList) add(dir, prefix, name string) {
	ref, err := l.repo.readRef(dir, name, l.packed)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && ref.ID.IsZero() && l.lost {
		err = fmt.Errorf("%w: %s may be one of the packed refs that cannot be read", errRef, ref.Target)
	}
	if err != nil {
		l.note(fmt.Errorf("%s%s: %w", prefix, name, err))
		l.seen[prefix+name] = true
		return
	}
	ref.Name = prefix + name
	if !l.seen[ref.Name] {
		l.seen[ref.Name] = true
		l.refs = append(l.refs, ref)
	}
}

func (l *refList) addBelow(dir, prefix, below string) {
	root := filepath.Join(dir, filepath.FromSlash(below))
	err := filepath.WalkDir(root, func(path string, item fs.DirEntry, err error) error {
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				l.note(fmt.Errorf("list refs: %w", err))
			}
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || item.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		l.add(dir, prefix, filepath.ToSlash(name))
		return nil
	})
	l.note(err)
}

// addOwn lists the refs that a worktree does not share.
func (l *refList) addOwn(dir, prefix string) {
	l.addBelow(dir, prefix, "refs/bisect")
	l.addBelow(dir, prefix, "refs/worktree")
	l.addBelow(dir, prefix, "refs/rewritten")
}

func (l *refList) addWorktrees() {
	root := filepath.Join(l.repo.commonDir, "worktrees")
	dirs, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.note(fmt.Errorf("list worktrees: %w", err))
	}
	for _, dir := range dirs {
		if dir.IsDir() {
			prefix := "worktrees/" + dir.Name() + "/"
			l.add(filepath.Join(root, dir.Name()), prefix, "HEAD")
			l.addOwn(filepath.Join(root, dir.Name()), prefix)
		}
	}
}

func (l *refList) addStash() {
	ids, err := readReflog(filepath.Join(l.repo.commonDir, "logs", "refs", "stash"))
	l.note(err)
	for i := 1; i < len(ids); i++ {
		l.refs = append(l.refs, Ref{Name: fmt.Sprintf("stash@{%d}", i), ID: ids[i]})
	}
}

// readRef reads a loose ref of a git folder and follows it when it is symbolic.
func (r *Repo) readRef(dir, name string, packed map[string]Ref) (Ref, error) {
	text, err := readRefFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return Ref{}, err
	}
	target, symbolic := strings.CutPrefix(string(text), "ref:")
	if !symbolic {
		id, err := r.refID(text)
		return Ref{Name: name, ID: id}, err
	}
	ref := Ref{Name: name, Target: strings.TrimSpace(target)}
	final, err := r.follow(dir, ref.Target, packed, 1)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	ref.ID, ref.Peeled = final.ID, final.Peeled
	return ref, err
}

// maxRefFile is more than any ref needs, in bytes.
const maxRefFile = 64 << 10

// readRefFile reads a ref's file and refuses what would block or fill the memory.
func readRefFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, syscall.ENOTDIR) { // refs/heads/a/b where a is a branch
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRefFile {
		if info.IsDir() {
			return nil, fs.ErrNotExist
		}
		return nil, fmt.Errorf("%w: not a small plain file", errRef)
	}
	return os.ReadFile(path)
}

func (r *Repo) refID(text []byte) (ID, error) {
	if len(text) < 2*r.hash || (len(text) > 2*r.hash && !strings.ContainsRune(" \t\r\n", rune(text[2*r.hash]))) {
		return ID{}, errRef
	}
	id, err := ParseID(string(text[:2*r.hash]))
	if err != nil || id.IsZero() { // a crash of the system may leave zeros
		return ID{}, errRef
	}
	return id, nil
}

// follow reads a ref by its full name, as seen from the worktree whose git
// folder is dir. The error is fs.ErrNotExist when there is none.
func (r *Repo) follow(dir, name string, packed map[string]Ref, depth int) (Ref, error) {
	if depth > maxSymbolic {
		return Ref{}, fmt.Errorf("%w: symbolic refs loop", errRef)
	}
	if !safeRefName(name) {
		return Ref{}, fmt.Errorf("%w: %q is not a ref name", errRef, name)
	}
	if !ownRef(name) {
		dir = r.commonDir
	}
	text, err := readRefFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		if ref, ok := packed[name]; ok && errors.Is(err, fs.ErrNotExist) {
			return ref, nil
		}
		return Ref{}, err
	}
	if target, symbolic := strings.CutPrefix(string(text), "ref:"); symbolic {
		return r.follow(dir, strings.TrimSpace(target), packed, depth+1)
	}
	id, err := r.refID(text)
	return Ref{Name: name, ID: id}, err
}

// ownRef tells refs that every worktree has for itself, see `git help worktree`.
func ownRef(name string) bool {
	return !strings.HasPrefix(name, "refs/") || strings.HasPrefix(name, "refs/bisect/") ||
		strings.HasPrefix(name, "refs/worktree/") || strings.HasPrefix(name, "refs/rewritten/")
}

// safeRefName refuses names that would leave the git folder or that git refuses
// too (`git help check-ref-format`).
func safeRefName(name string) bool {
	if name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\:*?[^~ \x7f") || strings.Contains(name, "@{") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") || strings.Contains(part, "..") {
			return false
		}
	}
	return strings.IndexFunc(name, func(c rune) bool { return c < ' ' }) < 0
}

// readPackedRefs reads packed-refs; no file is an empty one. Broken lines come
// back as an error beside the refs that can be read.
func readPackedRefs(path string, hash int) (map[string]Ref, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read packed refs: %w", err)
	}
	return parsePackedRefs(string(data), hash)
}

// parsePackedRefs is as strict as git, which dies of any line it cannot read. A
// last line without its end is not used: its name may be the start of another's.
func parsePackedRefs(text string, hash int) (map[string]Ref, error) {
	refs := map[string]Ref{}
	var errs []error
	last := ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line[0] == '#' && number == 1 && strings.HasSuffix(line, "\n") {
			continue
		}
		var err error
		if last, err = addPackedRef(refs, line, last, hash); err != nil {
			errs = append(errs, fmt.Errorf("packed-refs line %d: %w", number, err))
		}
	}
	return refs, errors.Join(errs...)
}

// addPackedRef reads "id name" or, about the ref of the line before, "^id". It
// returns the ref that a following "^id" is about.
func addPackedRef(refs map[string]Ref, line, last string, hash int) (string, error) {
	line, whole := strings.CutSuffix(line, "\n")
	hexed, peeled := strings.CutPrefix(strings.TrimSuffix(line, "\r"), "^")
	hexed, name, named := strings.Cut(hexed, " ")
	id, err := ParseID(hexed)
	_, twice := refs[name]
	switch {
	case !whole:
		return "", fmt.Errorf("%w: the file is cut off here", errRef)
	case err != nil || id.IsZero() || int(id.size) != hash:
		return "", errRef
	case peeled && (named || last == ""), !peeled && (twice || !safeRefName(name)):
		return "", errRef
	case peeled:
		ref := refs[last]
		ref.Peeled = id
		refs[last] = ref
		return "", nil
	}
	refs[name] = Ref{Name: name, ID: id}
	return name, nil
}

// readReflog gives the ids of a reflog, newest first; no file is an empty one.
func readReflog(path string) ([]ID, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	var ids []ID
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(line, " ", 3)
		if len(fields) < 3 {
			return ids, fmt.Errorf("reflog %s: %w", filepath.Base(path), errRef)
		}
		id, err := ParseID(fields[1])
		if err != nil {
			return ids, fmt.Errorf("reflog %s: %w", filepath.Base(path), errRef)
		}
		ids = append(ids, id)
	}
	slices.Reverse(ids)
	return ids, nil
}
