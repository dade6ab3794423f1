package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
)

func (w *world) preReceiveCommand() *cobra.Command {
	h := hook{
		blocked: "nothing was accepted: take the values out of the commits that are named (git rebase -i) and push again; " +
			"revoke those that were ever shared",
		undecided: "nothing was accepted: what could not be looked at is not taken for clean",
	}
	return w.newHookCommand("pre-receive", "Refuse a push of secrets where it arrives; reads OLD NEW REF lines", h,
		func(h *hook, _ []string) ([]inspect.Question, error) {
			moves, err := readMoves(h.w.stdin, "old new ref", parseReceived)
			return received(h.question, moves), err
		})
}

func (w *world) prePushCommand() *cobra.Command {
	h := hook{
		blocked: "nothing was pushed: take the values out of the commits that are named (git rebase -i); " +
			"revoke those that were ever shared",
		undecided: "nothing was pushed: what could not be looked at is not taken for clean",
	}
	return w.newHookCommand("pre-push [REMOTE [URL]]", "Refuse to push secrets; reads LOCAL-REF LOCAL REMOTE-REF REMOTE lines", h,
		func(h *hook, args []string) ([]inspect.Question, error) {
			moves, err := readMoves(h.w.stdin, "local-ref local-id remote-ref remote-id", parsePushed)
			if err != nil {
				return nil, err
			}
			return pushed(h.question, moves, append(args, "")[0])
		})
}

// move is what a push does to one ref. An id of zeros stands for none.
type move struct{ old, new, ref string }

func (m move) creates() bool { return strings.Trim(m.old, "0") == "" }
func (m move) deletes() bool { return strings.Trim(m.new, "0") == "" }

// branch is the branch that moves, "" for other refs.
func (m move) branch() string {
	name, ok := strings.CutPrefix(m.ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

func parseReceived(f []string) (move, bool) {
	if len(f) != 3 {
		return move{}, false
	}
	return move{old: f[0], new: f[1], ref: f[2]}, true
}

// parsePushed reads a line from its end: what is pushed may be named with
// spaces, as in HEAD@{1 day ago}.
func parsePushed(f []string) (move, bool) {
	n := len(f)
	if n < 4 {
		return move{}, false
	}
	return move{old: f[n-1], new: f[n-3], ref: f[n-2]}, true
}

// maxMove is the longest line that is read, in bytes.
const maxMove = 64 << 10

// readMoves reads what git hands to a hook, a line for each ref.
func readMoves(from io.Reader, form string, parse func(fields []string) (move, bool)) ([]move, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxMove)
	var out []move
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		m, ok := parse(strings.Split(lines.Text(), " "))
		_, oldErr := gitrepo.ParseID(m.old)
		_, newErr := gitrepo.ParseID(m.new)
		if !ok || oldErr != nil || newErr != nil {
			return nil, fmt.Errorf("line %d of standard input is not %q: git runs this as a hook", len(out)+1, form)
		}
		out = append(out, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read what is pushed: %w", err)
	}
	return out, nil
}

// received asks of a branch that moves what comes after its former tip, by the
// policy of that tip; of all that is new at once, and of tags, which carry no
// policy of their own, what no ref reaches, by the policy of HEAD.
func received(q inspect.Question, moves []move) []inspect.Question {
	var out []inspect.Question
	q.What = inspect.Commits
	fresh := q
	fresh.Known = []string{"refs/"}
	for _, m := range moves {
		branch := m.branch()
		switch {
		case m.deletes():
		case branch != "" && !m.creates():
			each := q
			each.Tips, each.Known, each.Trust, each.Branch = []string{m.new}, []string{m.old}, m.old, branch
			out = append(out, each)
		default:
			fresh.Tips = append(fresh.Tips, m.new)
			if branch != "" {
				fresh.Branches = append(fresh.Branches, branch)
			}
		}
	}
	if len(fresh.Tips) > 0 {
		out = append(out, fresh)
	}
	return out
}

// pushed asks for what the remote does not have, as far as this clone knows, by
// the policy of the remote's default branch where it is known, else of HEAD.
func pushed(q inspect.Question, moves []move, remote string) ([]inspect.Question, error) {
	q.What = inspect.Commits
	trust := []string{}
	if remote != "" {
		q.Known, trust = []string{"refs/remotes/" + remote + "/"}, []string{"refs/remotes/" + remote + "/HEAD"}
	}
	for _, m := range moves {
		if m.deletes() {
			continue
		}
		q.Tips = append(q.Tips, m.new)
		if !m.creates() {
			q.Known, trust = append(q.Known, m.old), append(trust, m.old)
		}
		if branch := m.branch(); branch != "" {
			q.Branches = append(q.Branches, branch)
		}
	}
	if len(q.Tips) == 0 {
		return nil, nil
	}
	var err error
	q.Trust, err = firstKnown(q, trust)
	return []inspect.Question{q}, err
}

// firstKnown is the first revision that is in the repository, "" for none.
func firstKnown(q inspect.Question, revisions []string) (string, error) {
	repo, err := gitrepo.OpenWith(q.Path, q.Git)
	if err != nil {
		return "", err
	}
	defer repo.Close()
	for _, rev := range revisions {
		_, err := repo.Resolve(rev)
		var unknown *gitrepo.UnknownRevisionError
		if err == nil || !errors.As(err, &unknown) || errors.Is(err, gitrepo.ErrAmbiguous) {
			return rev, err
		}
	}
	return "", nil
}
