package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Resolve finds the commit that a revision names: an id or the start of one, a
// ref by its full or short name in git's order, HEAD or @, name@{n}, followed by
// any of ~N, ^N, ^{commit} and ^{}. Tags are peeled. The error is an
// *UnknownRevisionError, which wraps ErrAmbiguous where the name means several
// commits; git only warns there and takes the tag. Replace refs and grafts are not followed.
func (r *Repo) Resolve(rev string) (ID, error) {
	id, err := r.resolve(rev)
	if err != nil {
		if errors.Is(err, errUnknown) {
			err = nil
		}
		return ID{}, &UnknownRevisionError{Rev: rev, Shallow: len(r.shallow) > 0, Err: err}
	}
	return id, nil
}

var errUnknown = errors.New("unknown")

func (r *Repo) resolve(rev string) (ID, error) {
	end := strings.IndexAny(rev, "^~")
	if end < 0 {
		end = len(rev)
	}
	rd := r.NewReader(1 << 20)
	id, err := r.resolveName(rd, rev[:end])
	if err != nil {
		return ID{}, err
	}
	commit, err := rd.peelToCommit(id)
	for ops := rev[end:]; ops != "" && err == nil; {
		commit, ops, err = r.step(rd, commit, ops)
	}
	if err != nil {
		return ID{}, err
	}
	return commit, nil
}

// peelToCommit follows tags to a commit.
func (rd *Reader) peelToCommit(id ID) (ID, error) {
	id, o, err := rd.peel(id)
	if err == nil && o.Type != TypeCommit {
		err = fmt.Errorf("it names a %s, not a commit", o.Type)
	}
	return id, err
}

// step applies the first of the suffixes.
func (r *Repo) step(rd *Reader, id ID, ops string) (ID, string, error) {
	for _, peel := range []string{"^{commit}", "^{}"} {
		if rest, ok := strings.CutPrefix(ops, peel); ok {
			return id, rest, nil
		}
	}
	digits := 1
	for digits < len(ops) && ops[digits] >= '0' && ops[digits] <= '9' {
		digits++
	}
	n, err := 1, error(nil)
	if digits > 1 {
		n, err = strconv.Atoi(ops[1:digits])
	}
	if err != nil || (ops[0] != '^' && ops[0] != '~') {
		return id, "", fmt.Errorf("cannot read %q", ops)
	}
	if ops[0] == '^' {
		if n > 0 {
			id, err = r.parent(rd, id, n)
		}
		return id, ops[digits:], err
	}
	for ; n > 0 && err == nil; n-- {
		id, err = r.parent(rd, id, 1)
	}
	return id, ops[digits:], err
}

func (r *Repo) parent(rd *Reader, id ID, n int) (ID, error) {
	if r.shallow[id] {
		return id, fmt.Errorf("parent of %s: %w", id, ErrShallow)
	}
	c, err := rd.Commit(id)
	if err != nil {
		return id, err
	}
	if n > len(c.Parents) {
		return id, fmt.Errorf("commit %s has %d parents", id, len(c.Parents))
	}
	return c.Parents[n-1], nil
}

var (
	reflogSyntax   = regexp.MustCompile(`^(.+)@\{([0-9]{1,9})\}$`)
	describeSyntax = regexp.MustCompile(`^.+-[0-9]+-g([0-9a-f]{4,64})$`)
	abbreviation   = regexp.MustCompile(`^[0-9a-fA-F]{4,64}$`)
)

// resolveName reads what stands before the suffixes, in git's order: a whole
// id, a ref, the start of an id, the output of git describe.
func (r *Repo) resolveName(rd *Reader, name string) (ID, error) {
	if id, err := ParseID(name); err == nil && int(id.size) == r.hash {
		return id, nil
	}
	if m := reflogSyntax.FindStringSubmatch(name); m != nil {
		return r.resolveReflog(rd, m[1], m[2])
	}
	ref, _, err := r.findRef(rd, name)
	if err == nil || !errors.Is(err, errUnknown) {
		return ref.ID, err
	}
	if abbreviation.MatchString(name) {
		return r.resolveShort(rd, strings.ToLower(name))
	}
	if m := describeSyntax.FindStringSubmatch(name); m != nil {
		return r.resolveShort(rd, m[1])
	}
	return ID{}, errUnknown
}

// refRules is the order in which git tries short names, see `git help revisions`.
var refRules = []string{"%s", "refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD"}

// findRef finds a ref by its name and tells its full name. A short name that
// names different commits is refused: whoever may push a tag could otherwise put
// it in front of the branch that is meant.
func (r *Repo) findRef(rd *Reader, name string) (Ref, string, error) {
	if name == "@" {
		name = "HEAD"
	}
	found, full, err := r.refsNamed(name)
	if err != nil {
		return Ref{}, "", err
	}
	for i := range found {
		if !rd.sameCommit(found[0].ID, found[i].ID) {
			return Ref{}, "", fmt.Errorf("%w: it names %s; type one of these full names", ErrAmbiguous, strings.Join(full, " and "))
		}
	}
	return found[0], full[0], nil
}

// refsNamed lists what a name may mean, in git's order, beside the full names.
// HEAD, the other refs outside refs/ and full names mean only themselves.
func (r *Repo) refsNamed(name string) (found []Ref, full []string, err error) {
	packed, _ := r.packedRefs() // a broken line is not the ref asked for
	for _, rule := range refRules {
		meant := fmt.Sprintf(rule, name)
		if !safeRefName(meant) || (rule == "%s" && !pseudoRef(meant)) {
			continue
		}
		dir, inside := r.worktreeRef(meant)
		ref, err := r.follow(dir, inside, packed, 0)
		if err == nil {
			found, full = append(found, ref), append(full, meant)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("ref %s: %w", meant, err)
		}
		if rule == "%s" && (err == nil || name == "HEAD" || strings.HasPrefix(name, "refs/")) {
			break
		}
	}
	if len(found) == 0 {
		return nil, nil, errUnknown
	}
	return found, full, nil
}

// sameCommit follows tags: an annotated tag and a branch may lead to one commit.
func (rd *Reader) sameCommit(a, b ID) bool {
	if a == b {
		return true
	}
	x, errX := rd.peelToCommit(a)
	y, errY := rd.peelToCommit(b)
	return errX == nil && errY == nil && x == y
}

// pseudoRef keeps git's other files (config, index, logs/…) from being read as refs.
func pseudoRef(name string) bool {
	if strings.HasPrefix(name, "refs/") || strings.HasPrefix(name, "worktrees/") || strings.HasPrefix(name, "main-worktree/") {
		return true
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == ""
}

// worktreeRef understands main-worktree/X and worktrees/id/X.
func (r *Repo) worktreeRef(name string) (dir, inside string) {
	if rest, ok := strings.CutPrefix(name, "main-worktree/"); ok {
		return r.commonDir, rest
	}
	if rest, ok := strings.CutPrefix(name, "worktrees/"); ok {
		if id, inside, ok := strings.Cut(rest, "/"); ok {
			return filepath.Join(r.commonDir, "worktrees", id), inside
		}
	}
	return r.gitDir, name
}

func (r *Repo) resolveReflog(rd *Reader, name, number string) (ID, error) {
	_, full, err := r.findRef(rd, name)
	if err != nil {
		return ID{}, err
	}
	dir := r.commonDir
	if ownRef(full) {
		dir = r.gitDir
	}
	ids, err := readReflog(filepath.Join(dir, "logs", filepath.FromSlash(full)))
	n, _ := strconv.Atoi(number) // at most nine digits
	if err == nil && n >= len(ids) {
		err = fmt.Errorf("the log of %s has only %d entries", full, len(ids))
	}
	if err != nil {
		return ID{}, err
	}
	return ids[n], nil
}

// resolveShort finds the one object whose id begins so; among several, the one that is a commit.
func (r *Repo) resolveShort(rd *Reader, prefix string) (ID, error) {
	ids, err := r.withPrefix(prefix)
	if err != nil {
		return ID{}, err
	}
	switch len(ids) {
	case 0:
		return ID{}, errUnknown
	case 1:
		return ids[0], nil
	}
	var commits []ID
	for _, id := range ids {
		if _, err := rd.peelToCommit(id); err == nil {
			commits = append(commits, id)
		}
	}
	if len(commits) == 1 {
		return commits[0], nil
	}
	return ID{}, fmt.Errorf("%w: %d objects begin with it; type more digits", ErrAmbiguous, len(ids))
}

// maxSame bounds what an ambiguous abbreviation may list.
const maxSame = 1000

// withPrefix lists objects by the start of their id, at least two digits.
func (r *Repo) withPrefix(prefix string) ([]ID, error) {
	seen := map[ID]bool{}
	first, err := ParseID(prefix + strings.Repeat("0", max(0, 2*r.hash-len(prefix))))
	if err != nil || len(prefix) > 2*r.hash {
		return nil, errUnknown
	}
	for _, p := range r.store.packs {
		for pos := p.idx.from(first.Bytes()); pos < p.idx.count && len(seen) < maxSame; pos++ {
			id := p.idx.id(pos)
			if !strings.HasPrefix(id.String(), prefix) {
				break
			}
			seen[id] = true
		}
	}
	err = r.store.looseIDs(prefix, func(id ID) {
		if strings.HasPrefix(id.String(), prefix) {
			seen[id] = true
		}
	})
	ids := make([]ID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	return ids, err
}
