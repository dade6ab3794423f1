package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitrepo/wire"
)

// whole is the file that marks a mirror which was fetched with the contents of all files.
const whole = "leakgate-whole"

// refetch is [Mirror.Refresh] where there is no git. What speaks the protocol instead
// leaves nothing out, and adds to nothing that is there: the mirror is made anew whenever
// anything moved.
func (m *Mirror) refetch(ctx context.Context, commits ...string) error {
	wants, err := parse(commits)
	if err != nil {
		return err
	}
	remote, err := m.origin.remote(m.cache.Max)
	if err != nil {
		return err
	}
	now, err := remote.Refs(ctx)
	if err != nil {
		return fmt.Errorf("list the refs of the repository: %w", err)
	}
	if m.isWhole() && m.packedRefs() == tracked(now.Refs) && !slices.ContainsFunc(wants, func(id gitrepo.ID) bool { return !m.has(id) }) {
		return nil
	}
	m.cache.Log.Info("there is no git: a repository is fetched as a whole", "repository", m.origin.ID)
	remote.Wanted, remote.Wants = isTracked, wants
	draft := m.cache.path(m.origin.ID, draftEnd)
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	got, err := remote.Mirror(ctx, draft, nil)
	if err != nil {
		return fmt.Errorf("fetch the repository: %w", err)
	}
	return m.install(draft, tracked(got.Refs))
}

// draftEnd is how the folder of a mirror ends that is being made anew beside the old one.
const draftEnd = ".git.tmp"

// install puts what was fetched in the place of the mirror.
func (m *Mirror) install(draft, refs string) error {
	for name, text := range map[string]string{"packed-refs": refs, "config": promised(m.origin.URL), whole: "", used: ""} {
		if err := replace(filepath.Join(draft, name), text); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(m.Dir); err != nil {
		return err
	}
	return os.Rename(draft, m.Dir)
}

// remote is the origin for who has no git. It follows no redirect, and sends no more than
// max bytes; 0 is the limit that the protocol has anyway.
func (o Origin) remote(limit int64) (*wire.Remote, error) {
	r, err := wire.Open(o.URL)
	if err != nil {
		return nil, err
	}
	r.Limits.Pack = limit
	if !o.Token.IsZero() {
		r.Authorize = func(req *http.Request) error {
			req.SetBasicAuth("x-access-token", o.Token.Reveal()) // to the host that git would send it to
			return nil
		}
	}
	return r, nil
}

func parse(commits []string) (ids []gitrepo.ID, err error) {
	for _, commit := range commits {
		id, err := gitrepo.ParseID(commit)
		if err != nil {
			return nil, fmt.Errorf("fetch a commit: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func isTracked(ref string) bool {
	return strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/tags/")
}

// tracked are the refs of an origin as a mirror keeps them, in the form of packed-refs.
func tracked(refs []wire.Ref) string {
	lines := []string{}
	for _, r := range refs {
		if branch, is := strings.CutPrefix(r.Name, "refs/heads/"); is {
			lines = append(lines, "refs/remotes/origin/"+branch+" "+r.ID.String())
		} else if isTracked(r.Name) {
			lines = append(lines, r.Name+" "+r.ID.String())
		}
	}
	slices.Sort(lines)
	text := "# pack-refs with: sorted \n"
	for _, line := range lines {
		name, id, _ := strings.Cut(line, " ")
		text += id + " " + name + "\n"
	}
	return text
}

func (m *Mirror) isWhole() bool {
	_, err := os.Stat(filepath.Join(m.Dir, whole))
	return err == nil
}

func (m *Mirror) packedRefs() string {
	text, err := os.ReadFile(filepath.Join(m.Dir, "packed-refs"))
	if err != nil {
		return ""
	}
	return string(text)
}

// plainGit does what a clone asks git for, as far as that is to fetch commits by their
// ids. All branches and tags are here since the mirror was refreshed.
func (m *Mirror) plainGit(ctx context.Context, args []string) error {
	i := slices.Index(args, "origin")
	if i < 0 || verb(args) != "fetch" {
		return errors.New("there is no git for that: apt-get install git")
	}
	ids, err := parse(args[i+1:])
	if err != nil {
		return errors.New("the server has no such branch")
	}
	lacking := slices.DeleteFunc(ids, m.has)
	if len(lacking) == 0 {
		return nil
	}
	texts := []string{}
	for _, id := range append(lacking, m.standing()...) {
		texts = append(texts, id.String())
	}
	return m.refetch(ctx, texts...)
}

// standing is the commit that HEAD names, which has to stay.
func (m *Mirror) standing() []gitrepo.ID {
	text, err := os.ReadFile(filepath.Join(m.Dir, "HEAD"))
	if err != nil {
		return nil
	}
	id, err := gitrepo.ParseID(strings.TrimSpace(string(text)))
	if err != nil {
		return nil
	}
	return []gitrepo.ID{id}
}
