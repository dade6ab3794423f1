package inspect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/scanner"
)

// resolve turns the question's revisions into a request, and finds the commit
// whose tree is trusted: the tip of the base of a range, else HEAD.
func (a *answer) resolve() error {
	head, err := a.headCommit()
	if err != nil {
		return err
	}
	a.head, a.trust = head, head
	switch a.q.What {
	case Range:
		err = a.resolveRange()
	case Since:
		err = a.resolveSince()
	case Commits:
		err = a.resolveCommits()
	case Staged:
		a.request = scanner.Request{Range: scanner.Range{Text: "staged changes", Base: head.String()}, Staged: true, Bounded: true}
	default:
		err = a.resolveHistory()
	}
	if err != nil {
		return err
	}
	a.request.Head = a.head
	if a.q.Trust != "" {
		if a.trust, err = a.named(a.q.Trust); err != nil {
			return err
		}
	}
	a.trusted, err = treeAt(a.reader, a.trust)
	return err
}

// headCommit is the commit of HEAD, zero where the branch has none yet.
func (a *answer) headCommit() (gitrepo.ID, error) {
	head, err := a.repo.Head()
	if err != nil {
		return gitrepo.ID{}, fmt.Errorf("find HEAD: %w", err)
	}
	if head.IsZero() {
		return gitrepo.ID{}, nil
	}
	return a.repo.Resolve("HEAD")
}

// named resolves a revision that the user typed. What a shallow clone does not
// know may well exist.
func (a *answer) named(rev string) (gitrepo.ID, error) {
	id, err := a.repo.Resolve(rev)
	var unknown *gitrepo.UnknownRevisionError
	if !errors.As(err, &unknown) {
		return id, err
	}
	err = new(quoted).error(err, []byte(rev))
	if unknown.Shallow {
		return id, err
	}
	return id, usage(err)
}

func (a *answer) resolveHistory() error {
	refs, err := a.repo.Refs() // what can be read, and why the rest cannot
	var tips []gitrepo.ID
	for _, r := range refs {
		if !r.ID.IsZero() {
			tips = append(tips, r.ID)
		}
	}
	inTree := a.repo.WorkDir() != ""
	a.request = scanner.Request{
		Range: scanner.Range{Text: "all refs", Head: a.head.String()},
		Tips:  tips, Names: true, Staged: inTree, Worktree: inTree, Untracked: inTree && a.q.Untracked,
		Ignore: a.repo.Excludes(""), Broken: err,
	}
	return nil
}

// resolveSince takes every commit that one revision does not reach.
func (a *answer) resolveSince() error {
	since, err := a.named(a.q.Range)
	if err != nil {
		return err
	}
	if err := a.resolveHistory(); err != nil {
		return err
	}
	a.request.Staged, a.request.Worktree, a.request.Untracked = false, false, false
	a.request.Hidden, a.request.Bounded = []gitrepo.ID{since}, true
	a.request.Range = scanner.Range{Text: "since " + a.q.Range, Base: since.String(), Head: a.head.String()}
	a.trust = since
	return nil
}

// resolveRange takes the commits of BASE..HEAD or BASE...HEAD. The policy is
// that of the tip of BASE also where the commits start at a merge base.
func (a *answer) resolveRange() error {
	from, to, three, err := splitRange(a.q.Range)
	if err != nil {
		return err
	}
	base, err := a.named(from)
	if err != nil {
		return err
	}
	head, err := a.named(to)
	if err != nil {
		return err
	}
	hidden := []gitrepo.ID{base}
	if three {
		if hidden, err = a.repo.MergeBases(base, head); err != nil {
			return fmt.Errorf("find where %s and %s part: %w", from, to, err)
		}
	}
	a.head, a.trust = head, base
	a.request = scanner.Request{
		Range: scanner.Range{Text: a.q.Range, Base: base.String(), Head: head.String()},
		Tips:  []gitrepo.ID{head}, Hidden: hidden, Bounded: true,
	}
	return nil
}

// emptyRange says why a range that somebody asked for holds no commit.
func (a *answer) emptyRange() error {
	if a.trust == a.head {
		return fmt.Errorf("the range %s is empty: both of its ends are %.10s", a.q.Range, a.head)
	}
	return fmt.Errorf("the range %s is empty: its first end has all commits of the second; write BASE..HEAD, the newer one last", a.q.Range)
}

// splitRange reads BASE..HEAD and BASE...HEAD. A second end left out is HEAD; a
// first one is rather a variable that nobody set.
func splitRange(text string) (from, to string, three bool, err error) {
	from, to, found := strings.Cut(text, "..")
	if !found || from == "" {
		return "", "", false, usage(fmt.Errorf("%q is not a range: write BASE..HEAD, as in origin/main..HEAD", text))
	}
	if strings.HasPrefix(to, ".") {
		three, to = true, to[1:]
	}
	if strings.Contains(to, "..") {
		return "", "", false, usage(fmt.Errorf("%q is not a range: it has too many dots", text))
	}
	if to == "" {
		to = "HEAD"
	}
	return from, to, three, nil
}
