package scanner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/facts"
)

// Cache keeps what complete scans of whole histories have learned, so that the
// next one looks at what is new only. It is trusted: whoever can write it decides
// what is found.
type Cache interface {
	// Load gives what was stored under a name, or nil.
	Load(name string) []byte
	// Store puts what write writes in the place of what the name stood for: whole, or
	// not at all.
	Store(name string, write func(io.Writer) error)
}

// maxPathRules is how many rules that look at some paths only a set of them in
// a fact can hold.
const maxPathRules = 64

// history is what is known of a repository from before, and what is learned.
type history struct {
	facts.Table
	cache Cache
	name  string
	key   string

	rules   []*rules.Rule // those that look at some paths only
	commits idTable       // as they stand in the table

	paths   []uint64        // by path: the rules of the list that look at it
	masks   []uint64        // by blob: those that look at one of its paths
	judged  map[int32]int32 // change of the run to change of the table
	learned []facts.Blob    // by blob: what this scan says of it
	changed atomic.Bool     // there is something to store

	mu    sync.Mutex
	found map[int32][]facts.Finding // by change of the run
	said  map[gitrepo.ID]bool       // commits in whose message or people something was found
}

// recall loads what is known, where the request is for all there is.
func (r *run) recall() {
	whole := r.req.Names && !r.req.Bounded && len(r.req.Hidden) == 0
	if r.s.opt.Cache == nil || r.s.opt.Reference || r.s.opt.Engine == "" || !whole {
		return
	}
	h := &history{cache: r.s.opt.Cache, key: r.s.cacheKey(), rules: r.s.pathRules(),
		judged: map[int32]int32{}, found: map[int32][]facts.Finding{}, said: map[gitrepo.ID]bool{}}
	if len(h.rules) > maxPathRules {
		return
	}
	h.name = cacheName(r.repo.CommonDir(), h.key)
	r.history = h
	if t, err := facts.Decode(h.cache.Load(h.name), h.key); err == nil && !r.adopt(t) {
		h.Table, h.commits, r.blobs, r.paths = facts.Table{}, idTable{}, idTable{}, interner{}
	}
}

// adopt numbers what a table names as the table does. It reports false for one
// that names something twice, which none does that a scan has stored.
func (r *run) adopt(t *facts.Table) bool {
	h := r.history
	h.Table = *t
	h.commits.grow(len(t.Commits))
	for i := range t.Commits {
		if int(h.commits.add(t.Commits[i].ID)) != i {
			return false
		}
	}
	r.blobs.grow(len(t.Blobs))
	for i := range t.Blobs {
		if int(r.blobs.add(t.Blobs[i].ID)) != i {
			return false
		}
	}
	r.paths.grow(len(t.Paths))
	for i := range t.Paths {
		if int(r.paths.add(t.Paths[i].Name)) != i {
			return false
		}
	}
	r.commits = make([]commit, 0, len(t.Commits)+len(t.Commits)/16)
	r.changes = make([]change, 0, len(t.Changes)+len(t.Changes)/16)
	return true
}

// cacheName is that of a repository under a key. Each repository has a file of its
// own: a pack may be forged so that an object is not what its id says, and what
// one repository was made to teach must not be believed of another.
func cacheName(folder, key string) string {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	sum := sha256.Sum256([]byte(folder))
	return hex.EncodeToString(sum[:10]) + "-" + key[:20]
}

// cacheKey is a digest of all that facts depend on beside the objects.
func (s *Scanner) cacheKey() string {
	o := s.opt
	kept := make([]string, 0, len(o.Rules.Rules))
	for _, r := range o.Rules.Rules {
		kept = append(kept, r.ID)
	}
	m := o.Manifests
	text, err := json.Marshal([]any{
		"facts 2", o.Engine, o.Rules.Digest, kept, o.Depth, o.MaxBlob, o.Unpack, o.Named,
		m.Formats, m.Prescribed != nil, !m.Keys.IsZero(), m.Strict, len(m.Roles),
	})
	if err != nil {
		panic(fmt.Sprintf("settings are plain data: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// pathRules are the rules that look at the text of some paths only.
func (s *Scanner) pathRules() (out []*rules.Rule) {
	for _, r := range s.opt.Rules.Rules {
		if r.Path != nil && r.Regex != nil {
			out = append(out, r)
		}
	}
	return out
}

// meet takes note of a commit that was read. Those that the table names without
// describing them are read by every scan.
func (h *history) meet(commit gitrepo.ID) {
	if h == nil {
		return
	}
	if _, listed := h.commits.find(commit); !listed {
		h.changed.Store(true)
	}
}

// known gives the place of a commit that the table describes.
func (h *history) knownCommit(id gitrepo.ID) (int32, bool) {
	n, ok := h.commits.find(id)
	return n, ok && h.Commits[n].Known
}

// learn notes the findings of a change.
func (h *history) learn(change int32, found []facts.Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.found[change] = found
}

// tells notes that something was found in the message or the people of a commit.
func (r *run) tells(commit gitrepo.ID) {
	if h := r.history; h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.said[commit] = true
	}
}
