package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/remediate/purge"
)

// Told is who was told of a rewrite, and who has to be told otherwise.
type Told struct {
	Pulls []Note   `json:"pulls"`
	Forks []string `json:"forks"`
	// Remains are what a rewrite does not reach, a line each.
	Remains []string `json:"remains"`
	// Ticket is the text for GitHub's support.
	Ticket string `json:"-"`
}

// Note is the comment on one pull request.
type Note struct {
	Pull    int    `json:"pull"`
	Comment int64  `json:"comment"`
	Old     string `json:"old"`
	New     string `json:"new"` // "" when only its owner can move it
}

// Tell comments on each open pull request that a rewrite touched, once: a second run
// edits what the first one wrote. It lists the forks and what remains.
func (h *Hub) Tell(ctx context.Context, d *purge.Done) (*Told, error) {
	mine, err := h.self(ctx)
	if err != nil {
		return nil, err
	}
	pulls, err := all(func(page github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		return h.client.PullRequests.List(ctx, h.owner, h.name, &github.PullRequestListOptions{State: "open", ListOptions: page})
	})
	if err != nil {
		return nil, failed("list the open pull requests", err)
	}
	told := &Told{Pulls: []Note{}, Forks: []string{}}
	for _, pr := range pulls {
		t, ok := h.touched(d, pr)
		if !ok {
			continue
		}
		note := Note{Pull: pr.GetNumber(), Old: t.head.Old, New: t.head.New}
		if note.Comment, err = h.comment(ctx, pr.GetNumber(), marker("told", d.Digest), t.text(d.Digest), mine); err != nil {
			return told, err
		}
		told.Pulls = append(told.Pulls, note)
	}
	if told.Forks, err = h.forks(ctx); err != nil {
		return told, err
	}
	told.Remains = h.remains(ctx, d)
	told.Ticket = h.ticket(d, told)
	return told, nil
}

// touch is what a rewrite did to a pull request.
type touch struct {
	here       bool         // its branch is in this repository
	branch     string       // of its author
	head       purge.Change // New is "" in a fork, which only its owner can move
	base       purge.Change // Old is "" when the base did not move
	baseBranch string
	remote     string // where the base is cloned from
}

// touched finds out what became of the head and the base of a pull request.
func (h *Hub) touched(d *purge.Done, pr *github.PullRequest) (t touch, ok bool) {
	t = touch{here: h.here(pr.GetHead()), branch: pr.GetHead().GetRef(), baseBranch: pr.GetBase().GetRef(), remote: pr.GetBase().GetRepo().GetCloneURL()}
	t.base, _ = d.New("refs/heads/" + t.baseBranch)
	if t.here {
		t.head, ok = d.New("refs/heads/" + t.branch)
		return t, ok && pr.GetHead().GetRef() != strings.TrimPrefix(purge.Branch(d.Digest), "refs/heads/")
	}
	_, held := d.Holds(fmt.Sprintf("refs/pull/%d/head", pr.GetNumber()))
	t.head = purge.Change{Old: pr.GetHead().GetSHA()}
	return t, held || t.base.Old != ""
}

// text tells the author what happened and what to type.
func (t touch) text(digest string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("%s", marker("told", digest))
	say("The history of this repository was rewritten: it held values that must not be there (plan %s).\n", span(digest[:16]))
	if t.here {
		say("| | before | now |\n|---|---|---|\n| %s | %s | %s |", span(t.branch), span(t.head.Old), span(t.head.New))
		if t.base.Old != "" {
			say("| %s | %s | %s |", span(t.baseBranch), span(t.base.Old), span(t.base.New))
		}
		say("\nThis pull request has its new head already. **Do not push from a clone of before.**\n")
		t.branchHere(say)
	} else {
		t.fork(say)
	}
	say("Who brings the old history back, by a merge or a push, brings the values back; the guard refuses it.")
	return b.String()
}

func (t touch) branchHere(say func(string, ...any)) {
	name := word(t.branch)
	if name == "" {
		say("Fetch, and rebase your own commits from the old head onto the new one: the name of the branch cannot be shown as a command.\n")
		return
	}
	say("Without commits of your own that are not pushed:\n")
	say("%s", fenced("git fetch origin", "git checkout "+name, "git reset --hard "+t.head.New))
	say("With some, which are kept:\n")
	say("%s", fenced("git fetch origin", "git checkout "+name, "git rebase --onto "+t.head.New+" "+t.head.Old, "git push origin "+word("HEAD:refs/heads/"+t.branch)))
}

// fork is for a branch that only its owner can move.
func (t touch) fork(say func(string, ...any)) {
	say("The branch of this pull request is in a fork, which nobody but its owner can rewrite. It may hold the values still. To bring it onto the new history:\n")
	name, base, remote := word(t.branch), word("refs/heads/"+t.baseBranch), word(t.remote)
	if name == "" || base == "" || remote == "" || t.base.Old == "" {
		say("rebase your own commits onto the new %s, and push with a lease.\n", span(t.baseBranch))
		return
	}
	say("%s", fenced("git fetch "+remote+" "+base, "git checkout "+name, "git rebase --onto "+t.base.New+" "+t.base.Old, "git push --force-with-lease origin "+word("HEAD:refs/heads/"+t.branch)))
}

// remark is what of a comment is read: the client's type does not say which App wrote it.
type remark struct {
	ID   int64        `json:"id"`
	Body string       `json:"body"`
	User *github.User `json:"user"`
	App  *github.App  `json:"performed_via_github_app"`
}

// comment writes one comment, over an older one of ours with the same marker. One that
// others wrote with it is not touched.
func (h *Hub) comment(ctx context.Context, number int, mark, text string, mine func(*github.User, *github.App) bool) (int64, error) {
	doing := fmt.Sprintf("comment on pull request %d", number)
	comments, err := all(func(page github.ListOptions) ([]remark, *github.Response, error) {
		var part []remark
		res, err := h.call(ctx, http.MethodGet, fmt.Sprintf("issues/%d/comments?per_page=%d&page=%d", number, page.PerPage, max(1, page.Page)), nil, &part)
		return part, res, err
	})
	if err != nil {
		return 0, failed(doing, err)
	}
	for _, k := range comments {
		if !strings.HasPrefix(k.Body, mark) || !mine(k.User, k.App) {
			continue
		}
		if strings.TrimSpace(k.Body) == strings.TrimSpace(text) {
			return k.ID, nil
		}
		_, _, err := h.client.Issues.EditComment(ctx, h.owner, h.name, k.ID, &github.IssueComment{Body: &text})
		return k.ID, failed(doing, err)
	}
	k, _, err := h.client.Issues.CreateComment(ctx, h.owner, h.name, number, &github.IssueComment{Body: &text})
	return k.GetID(), failed(doing, err)
}
