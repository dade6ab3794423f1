package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/remediate/purge"
)

const guardLong = `Refuse what would bring rewritten history back: a commit that the rewrite replaced, or a file
as it was before. What is banned stands in the manifests that --base holds in .leakgate/rewrites,
and in those given by --manifest; who removes or changes one of the former is refused, too, unless
--lift names it. Of each REV (default HEAD) every commit is looked at that --base does not reach.

As a hook where pushes arrive, give --pre-receive; it reads OLD NEW REF lines, and --base is HEAD.
`

// guard are the flags of leakgate rewrite guard.
type guard struct {
	base       string
	manifests  []string
	lifts      []string
	preReceive bool
}

func (w *world) rewriteGuardCommand() *cobra.Command {
	var g guard
	c := &cobra.Command{
		Use: "guard [REV...]", Short: "Refuse commits that bring rewritten history back",
		Long: guardLong + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error { return w.stand(cmd, &g, args) },
	}
	c.Flags().StringVar(&g.base, "base", "", "the `REV` that is trusted, as origin/main")
	c.Flags().StringArrayVar(&g.manifests, "manifest", nil, "`FILE` that leakgate rewrite plan --manifest wrote; may be given several times")
	c.Flags().StringArrayVar(&g.lifts, "lift", nil, "`NAME` of a manifest of --base that may be removed; what it bans stays banned until it is gone there; may be given several times")
	c.Flags().BoolVar(&g.preReceive, "pre-receive", false, "be a hook of git")
	return c
}

func (w *world) stand(cmd *cobra.Command, g *guard, revs []string) error {
	if g.base == "" && len(g.manifests) == 0 && !g.preReceive {
		return badFlag("nothing says what was rewritten: give --base REV, as origin/main, or --manifest FILE")
	}
	env, err := gitrepo.HookEnvironment(w.env)
	if err != nil {
		return err
	}
	repo, err := gitrepo.OpenWith(pathOf([]string{w.env("GIT_DIR")}, 0), env)
	if err != nil {
		return err
	}
	defer repo.Close()
	tips, hidden, err := w.newcomers(repo, g, revs)
	if err != nil {
		return err
	}
	bans, err := g.bans(repo)
	if err != nil {
		return err
	}
	found, err := bans.Check(cmd.Context(), repo, tips, hidden)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	stale := false
	for _, r := range found {
		stale = stale || !r.Lifts
		fmt.Fprintln(w.stderr, inspect.Clean(r.String()))
	}
	if !stale {
		fmt.Fprintln(w.stderr, "leakgate: refused: a manifest goes only on purpose: whoever runs the guard names it by --lift")
		return outcome(exitBlocked)
	}
	fmt.Fprintln(w.stderr, "leakgate: refused: this clone is from before the rewrite. Clone again, and bring your own commits over by git rebase --onto")
	return outcome(exitBlocked)
}

// newcomers are the commits to look at, and those whose history is known.
func (w *world) newcomers(repo *gitrepo.Repo, g *guard, revs []string) (tips, hidden []gitrepo.ID, err error) {
	if g.preReceive {
		return w.arrivals(repo)
	}
	if len(revs) == 0 {
		revs = []string{"HEAD"}
	}
	for _, rev := range revs {
		id, err := repo.Resolve(rev)
		if err != nil {
			return nil, nil, flagError{err}
		}
		tips = append(tips, id)
	}
	if g.base != "" {
		id, err := repo.Resolve(g.base)
		if err != nil {
			return nil, nil, badFlag("--base: %w", err)
		}
		hidden = append(hidden, id)
	}
	return tips, hidden, nil
}

// arrivals are the new ids of a push. Only branches and tags count as known: the
// server's own refs hold what was rewritten.
func (w *world) arrivals(repo *gitrepo.Repo) (tips, hidden []gitrepo.ID, err error) {
	moves, err := readMoves(w.stdin, "old new ref", parseReceived)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range moves {
		if m.deletes() {
			continue
		}
		id, err := gitrepo.ParseID(m.new)
		if err != nil {
			return nil, nil, err
		}
		tips = append(tips, id)
	}
	refs, err := repo.Refs()
	for _, ref := range refs {
		if strings.HasPrefix(ref.Name, "refs/heads/") || strings.HasPrefix(ref.Name, "refs/tags/") {
			hidden = append(hidden, ref.ID)
		}
	}
	return tips, hidden, err
}

func (g *guard) bans(repo *gitrepo.Repo) (*purge.Bans, error) {
	bans := purge.NewBans()
	for _, path := range g.manifests {
		m, err := purge.Load(path)
		if err != nil {
			return nil, flagError{err}
		}
		if err := bans.Add(m); err != nil {
			return nil, badFlag("%s: %w", path, err)
		}
	}
	base := g.base
	if base == "" && !g.preReceive {
		return bans, nil
	}
	if base == "" {
		base = "HEAD"
	}
	id, err := repo.Resolve(base)
	if err != nil {
		return nil, badFlag("--base: %w", err)
	}
	if err := bans.Read(repo.NewReader(8<<20), id); err != nil {
		return nil, err
	}
	for _, name := range g.lifts {
		if err := bans.Lift(name); err != nil {
			return nil, badFlag("--lift: %w", err)
		}
	}
	return bans, nil
}
