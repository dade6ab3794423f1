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

	rules   []*rules.Rule        // those that look at some paths only
	commits map[gitrepo.ID]int32 // the known ones of the table
	barred  map[gitrepo.ID]bool  // those that are read by every scan

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
	if t, err := facts.Decode(h.cache.Load(h.name), h.key); err == nil {
		h.Table = *t
	}
	h.commits, h.barred = make(map[gitrepo.ID]int32, len(h.Commits)), map[gitrepo.ID]bool{}
	for i := range h.Commits {
		if c := &h.Commits[i]; c.Known {
			h.commits[c.ID] = int32(i)
		} else {
			h.barred[c.ID] = true
		}
	}
	r.history = h
	for _, b := range h.Blobs {
		r.blobs.add(b.ID)
	}
	for _, p := range h.Paths {
		r.paths.add(p.Name)
	}
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
		"facts 1", o.Engine, o.Rules.Digest, kept, o.Depth, o.MaxBlob, o.Unpack,
		m.Formats, m.Creation != nil, !m.Keys.IsZero(), m.Strict, len(m.Roles),
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

// meet takes note of a commit that is not known.
func (h *history) meet(commit gitrepo.ID) {
	if h != nil && !h.barred[commit] {
		h.changed.Store(true)
	}
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
