package rewrite

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// minAbbreviation is the shortest id that a message quotes, as git abbreviates.
const minAbbreviation = 7

// quotes follows ids that messages quote.
type quotes struct {
	commits []node                    // in the order of their ids
	moved   map[gitrepo.ID]gitrepo.ID // old to new
	fresh   map[string][]gitrepo.ID   // new ids by their first digits
	lost    map[gitrepo.ID]int        // quoted, and rewritten only later
	future  func(id gitrepo.ID) bool  // whether a commit is yet to be rewritten
}

func newQuotes(commits []node) *quotes {
	return &quotes{commits: commits, moved: map[gitrepo.ID]gitrepo.ID{}, fresh: map[string][]gitrepo.ID{}, lost: map[gitrepo.ID]int{}}
}

// Quoting lists the commits that branches and tags reach and whose messages name
// one of some commits that are gone, whole or abbreviated.
func Quoting(ctx context.Context, repo *gitrepo.Repo, gone []gitrepo.ID) ([]gitrepo.ID, error) {
	nodes := make([]node, len(gone))
	for i, id := range gone {
		nodes[i].id = id
	}
	slices.SortFunc(nodes, func(a, b node) int { return a.id.Compare(b.id) })
	q := newQuotes(nodes)
	q.future = func(gitrepo.ID) bool { return true } // all are counted, none is replaced
	all, err := repo.Refs()
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	var tips []gitrepo.ID
	for _, ref := range all {
		if strings.HasPrefix(ref.Name, "refs/heads/") || strings.HasPrefix(ref.Name, "refs/tags/") {
			tips = append(tips, ref.ID)
		}
	}
	var found []gitrepo.ID
	_, err = repo.Walk(ctx, tips, nil, func(c *gitrepo.Commit) error {
		before := len(q.lost)
		if q.replace([]byte(c.Message)); len(q.lost) > before {
			found = append(found, c.ID)
			clear(q.lost)
		}
		return nil
	})
	return found, err
}

func (q *quotes) move(old, changed gitrepo.ID) {
	q.moved[old] = changed
	if key := changed.String()[:minAbbreviation]; old != changed {
		q.fresh[key] = append(q.fresh[key], changed)
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// replace gives a text with the ids that it quotes moved on; the same slice
// where there are none.
func (q *quotes) replace(text []byte) []byte {
	var out []byte
	done := 0
	for from := 0; from < len(text); {
		if !isWord(text[from]) {
			from++
			continue
		}
		to, all := from, true
		for to < len(text) && isWord(text[to]) {
			all = all && isHex(text[to])
			to++
		}
		if all && to-from >= minAbbreviation {
			if id, ok := q.follow(string(text[from:to])); ok {
				out = append(append(out, text[done:from]...), id...)
				done = to
			}
		}
		from = to
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// follow gives the new id, as long as the old one was quoted, or longer where it
// would mean several commits.
func (q *quotes) follow(quoted string) (string, bool) {
	old, ok := q.unique(quoted)
	if !ok {
		return "", false
	}
	changed, ok := q.moved[old]
	if !ok && q.future != nil && q.future(old) {
		q.lost[old]++
	}
	if !ok || changed == old {
		return "", false
	}
	text := changed.String()
	n := min(len(quoted), len(text))
	for n < len(text) && q.ambiguous(text[:n], changed) {
		n++
	}
	return text[:n], true
}

// unique is the one old commit whose id begins so.
func (q *quotes) unique(prefix string) (gitrepo.ID, bool) {
	i := q.from(prefix)
	if i >= len(q.commits) || !strings.HasPrefix(q.commits[i].id.String(), prefix) {
		return gitrepo.ID{}, false
	}
	if i+1 < len(q.commits) && strings.HasPrefix(q.commits[i+1].id.String(), prefix) {
		return gitrepo.ID{}, false
	}
	return q.commits[i].id, true
}

// from is the first commit whose id is not below a prefix.
func (q *quotes) from(prefix string) int {
	raw, err := hex.DecodeString(prefix + strings.Repeat("0", len(prefix)%2))
	if err != nil {
		return len(q.commits)
	}
	i, _ := slices.BinarySearchFunc(q.commits, raw, func(n node, raw []byte) int { return bytes.Compare(n.id.Bytes(), raw) })
	return i
}

func (q *quotes) ambiguous(prefix string, own gitrepo.ID) bool {
	if i := q.from(prefix); i < len(q.commits) && strings.HasPrefix(q.commits[i].id.String(), prefix) {
		return true
	}
	return slices.ContainsFunc(q.fresh[prefix[:minAbbreviation]], func(id gitrepo.ID) bool {
		return id != own && strings.HasPrefix(id.String(), prefix)
	})
}
