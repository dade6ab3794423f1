package change

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
)

// Git runs git in a folder, with whatever it needs to reach the server. The
// error holds what git said, without credentials. It is called with "fetch" only.
type Git func(ctx context.Context, dir string, args ...string) error

// clone is the repository that the CI checked out. It can become deeper.
type clone struct {
	dir  string
	git  Git // nil: never fetch
	fix  string
	repo *gitrepo.Repo
	rd   *gitrepo.Reader
}

// clonesCache is what a reader of commits keeps, in bytes.
const clonesCache = 4 << 20

func openClone(dir string, git Git, fix string) (*clone, error) {
	c := &clone{dir: dir, git: git, fix: fix}
	err := c.open()
	if errors.Is(err, gitrepo.ErrNotRepository) {
		return nil, &inspect.UsageError{Err: fmt.Errorf("%s: %w: check the repository out before this step", dir, err)}
	}
	return c, err
}

// open looks at the repository afresh: a reader does not notice what git fetches.
func (c *clone) open() error {
	repo, err := gitrepo.Open(c.dir)
	if err != nil {
		return err
	}
	c.close()
	c.repo, c.rd = repo, repo.NewReader(clonesCache)
	return nil
}

func (c *clone) close() {
	if c.repo != nil {
		_ = c.repo.Close() // only read from
	}
}

func (c *clone) shallow() bool { return len(c.repo.Shallow()) > 0 }

// fetch brings objects and opens the repository again. Nothing that a fetch
// might start on its own is wanted: tags, submodules, housekeeping.
func (c *clone) fetch(ctx context.Context, options []string, what ...string) error {
	if c.git == nil {
		return errors.New("nothing is fetched here")
	}
	args := []string{"-c", "protocol.version=2", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
		"fetch", "--quiet", "--no-recurse-submodules"}
	args = append(append(append(args, options...), "origin"), what...)
	if err := c.git(ctx, c.dir, args...); err != nil {
		return err
	}
	return c.open()
}

// bring gives a commit or tag by its id and fetches it when it is not here; ""
// is what is checked out.
func (c *clone) bring(ctx context.Context, id string) (gitrepo.ID, error) {
	if id == "" {
		return c.repo.Resolve("HEAD")
	}
	parsed, err := gitrepo.ParseID(id)
	if err != nil {
		return gitrepo.ID{}, fmt.Errorf("the event names %q, which is no commit: %w", id, err)
	}
	if c.has(parsed) {
		return parsed, nil
	}
	if err := c.fetch(ctx, c.depth(firstDepth), "--no-tags", id); err != nil {
		return gitrepo.ID{}, fmt.Errorf("the clone lacks %s: %w", id, err)
	}
	if !c.has(parsed) {
		return gitrepo.ID{}, fmt.Errorf("the clone lacks %s", id)
	}
	return parsed, nil
}

func (c *clone) has(id gitrepo.ID) bool {
	_, _, err := c.rd.Header(id)
	return err == nil
}

// branch is the tip of a branch of the server, as the clone knows it or fetches it.
func (c *clone) branch(ctx context.Context, name string) (gitrepo.ID, error) {
	if !safeBranch(name) {
		return gitrepo.ID{}, fmt.Errorf("%q is no name of a branch", name)
	}
	ref := "refs/remotes/origin/" + name
	if id, err := c.repo.Resolve(ref); err == nil {
		return id, nil
	}
	if err := c.fetch(ctx, c.depth(firstDepth), "--no-tags", "+refs/heads/"+name+":"+ref); err != nil {
		return gitrepo.ID{}, fmt.Errorf("the clone lacks the branch %s: %w", name, err)
	}
	return c.repo.Resolve(ref)
}

// safeBranch keeps a name from meaning more than a branch in a refspec or revision.
func safeBranch(name string) bool {
	return name != "" && !strings.ContainsAny(name, " ~^:?*[\\\x7f") && !strings.Contains(name, "..") && !strings.Contains(name, "@{") &&
		strings.IndexFunc(name, func(r rune) bool { return r < 0x20 }) < 0
}

// How deep a shallow clone is made, step by step, before everything is fetched:
// most changes are small, and most branches begin not far below their target.
const (
	firstDepth  = 50
	secondDepth = 1000
)

// depth keeps a shallow clone shallow; a depth would cut a complete one.
func (c *clone) depth(n int) []string {
	if !c.shallow() {
		return nil
	}
	return []string{"--depth=" + strconv.Itoa(n)}
}

// complete makes sure that every commit that head reaches and base does not is
// here with its parents, and is known to be one. Commits is how many are
// expected, 0 for no idea.
func (c *clone) complete(ctx context.Context, base, head gitrepo.ID, commits int) error {
	var fetchErr error
	for _, depth := range []int{max(firstDepth, commits+2), max(secondDepth, 2*commits), 0} {
		cut, err := c.cut(ctx, base, head, commits)
		if err != nil || !cut || fetchErr != nil {
			break
		}
		options := []string{"--unshallow"}
		if depth > 0 {
			options = c.depth(depth)
		}
		fetchErr = c.fetch(ctx, append(options, "--no-tags"), base.String(), head.String())
	}
	cut, err := c.cut(ctx, base, head, commits)
	if err == nil && cut {
		err = c.tooShallow(fetchErr)
	}
	return err
}

// cut reports whether the boundary of a shallow clone runs through the range, or
// above where it begins: what the base reaches beyond the boundary looks new.
func (c *clone) cut(ctx context.Context, base, head gitrepo.ID, commits int) (bool, error) {
	if !c.shallow() {
		return false, nil
	}
	cut, root, n := false, false, 0
	_, err := c.repo.Walk(ctx, []gitrepo.ID{head}, []gitrepo.ID{base}, func(commit *gitrepo.Commit) error {
		n++
		cut = cut || c.repo.Shallow()[commit.ID]
		root = root || len(commit.Parents) == 0
		return nil
	})
	const testMerge = 1
	if err != nil || cut || !root && (commits == 0 || n <= commits+testMerge) {
		return cut, err
	}
	_, err = c.repo.Walk(ctx, []gitrepo.ID{base}, nil, func(commit *gitrepo.Commit) error {
		cut = cut || c.repo.Shallow()[commit.ID]
		return nil
	})
	return cut, err
}

// whole makes a shallow clone complete: every branch and tag, all of their history.
func (c *clone) whole(ctx context.Context) error {
	if !c.shallow() {
		return nil
	}
	err := c.fetch(ctx, []string{"--unshallow", "--tags"}, "+refs/heads/*:refs/remotes/origin/*")
	if c.shallow() {
		return c.tooShallow(err)
	}
	return nil
}

// tooShallow is the error with the one line that helps.
func (c *clone) tooShallow(err error) error {
	if err == nil {
		err = errors.New("the server sent no more")
	}
	return fmt.Errorf("the clone is too shallow for this range and could not be deepened (%w): %s", err, c.fix)
}

// parents are those that a commit names, also where the clone ends.
func (c *clone) parents(id gitrepo.ID) []gitrepo.ID {
	commit, err := c.rd.Commit(id)
	if err != nil {
		return nil
	}
	return commit.Parents
}

// newer is b if it descends from a, else a.
func (c *clone) newer(a, b gitrepo.ID) gitrepo.ID {
	if a == b {
		return b // without reading all of the history
	}
	bases, err := c.repo.MergeBases(a, b)
	if err == nil && len(bases) == 1 && bases[0] == a {
		return b
	}
	return a
}
