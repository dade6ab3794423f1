package purge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rewrite"
)

// History is the Rewriter of package rewrite.
type History struct {
	// Spec says what is to leave the repository, which it may read values in.
	Spec   func(*gitrepo.Repo) (*rewrite.Spec, error)
	Signer rewrite.Signer
	Key    secret.Key
	Notice func(stage string)
}

// Rewrite writes the new objects into the repository; its refs stay.
func (h History) Rewrite(ctx context.Context, dir string) (*Rewritten, error) {
	repo, err := gitrepo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	spec, err := h.Spec(repo)
	if err != nil {
		return nil, err
	}
	r, err := rewrite.Run(ctx, repo, spec, rewrite.Options{Write: true, Signer: h.Signer, Notice: h.Notice})
	if err != nil {
		return nil, err
	}
	out := &Rewritten{Spec: mark(spec, h.Key), First: r.First, Blobs: r.Tainted, Signatures: r.Signatures, Commits: r.Changed, Map: digestMap(r), Pack: r.Pack}
	out.Archives, out.LFS = r.Archives.Tainted, r.LFS
	for _, m := range r.Commits {
		if m.Old != m.New {
			out.Moves = append(out.Moves, m)
		}
	}
	for _, u := range r.Archives.Unread {
		out.Unread = append(out.Unread, u.ID)
	}
	for _, l := range spec.Literals {
		out.Credentials = append(out.Credentials, h.Key.ID(l.Value))
	}
	out.Others = len(spec.Patterns) + len(spec.Drop)
	out.Several = len(spec.Patterns) > 0 || len(slices.Compact(slices.Sorted(slices.Values(out.Credentials)))) > 1
	values := spec.Finder()
	for _, path := range spec.Drop {
		if !values.Holds(path) { // it would be written into the repository, for all to read
			out.Dropped = append(out.Dropped, strings.Trim(path, "/"))
		}
	}
	for _, m := range r.Refs {
		out.Changes = append(out.Changes, Change{Name: m.Name, Old: m.Old.String(), New: m.New.String()})
	}
	return out, nil
}

// mark stands for what is replaced by what: the same for the same, in whatever
// order it was given, and without the key it tells nobody anything.
func mark(spec *rewrite.Spec, key secret.Key) string {
	var lines []string
	add := func(kind string, texts ...string) {
		line, err := json.Marshal(append([]string{kind}, texts...))
		if err != nil {
			panic(err) // strings always encode
		}
		lines = append(lines, string(line))
	}
	for _, l := range spec.Literals {
		add("literal", hex.EncodeToString([]byte(l.Value.Reveal())), l.With) // hex, because JSON would mend what is not UTF-8
	}
	for _, p := range spec.Patterns {
		add("pattern", p.Match.String(), p.With)
	}
	for _, path := range spec.Drop {
		add("drop", path)
	}
	slices.Sort(lines)
	sum := key.HMAC("rewrite", secret.New(strings.Join(slices.Compact(lines), "\n")))
	return hex.EncodeToString(sum[:])
}

// digestMap is the digest of which commit became which, a line each, sorted.
func digestMap(r *rewrite.Result) string {
	var lines []string
	for _, m := range r.Commits {
		if m.Old != m.New {
			lines = append(lines, fmt.Sprintf("%s %s\n", m.Old, m.New))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}
