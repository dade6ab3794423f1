package scanner

import (
	"context"
	"fmt"
	"runtime"
	"sort"
	"sync"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// Options say how to look. Rules and Key must be set; the rest has usable zero values.
type Options struct {
	Rules     *rules.Set
	Key       secret.Key
	Reference bool                     // the plain path, without windows: slow, the oracle of the fast one
	Depth     int                      // passes of decoding; 0 for DefaultDepth, negative for none
	MaxBlob   int64                    // bytes; larger blobs are not read; 0 for DefaultMaxBlob
	Unpack    unpack.Limits            // zero values for its defaults
	Named     Named                    // which of the limits the policy named
	Manifests Manifests                // how Kubernetes documents are judged
	Workers   int                      // below 1: one per CPU
	Exclude   func(path string) string // a reason to leave a path out, or ""; nil leaves out nothing
	Cache     Cache                    // what earlier scans have learned; nil for none
	Engine    string                   // names what this program makes of objects, for the Cache; "" uses none
	Progress  func(Progress)           // called from several goroutines, now and then; may be nil
}

// Named tells which limits the policy set itself. What exceeds a named limit is
// excluded; what exceeds a built-in one was missed.
type Named struct{ MaxBlob, Archives, Depth bool }

// Built-in limits.
const (
	DefaultDepth   = 5
	DefaultMaxBlob = 512 << 20 // bytes
)

// Progress is how far a scan has come. Total is 0 while it is not known.
type Progress struct {
	Stage string // "commits", "changes", "blobs", "findings", "files"
	Done  int
	Total int
}

// Scanner finds secrets. It may be used for several scans, also at once.
type Scanner struct {
	opt         Options
	detector    *detect.Detector
	memory      *detect.Memory // of the texts of blobs, many of which are versions of one
	plainSecret *rules.Rule

	mu    sync.Mutex
	idle  []*scratch
	large sync.Mutex // held while a large manifest is parsed
}

// New prepares a Scanner. It compiles nothing: rules are compiled when a text
// first calls for them.
func New(opt Options) *Scanner {
	if opt.Depth == 0 {
		opt.Depth = DefaultDepth
	}
	if opt.MaxBlob == 0 {
		opt.MaxBlob = DefaultMaxBlob
	}
	if opt.Workers < 1 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Exclude == nil {
		opt.Exclude = func(string) string { return "" }
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	d := detect.New(opt.Rules, detect.Options{Reference: opt.Reference, Depth: max(0, opt.Depth), Marks: marks()})
	return &Scanner{opt: opt, detector: d, memory: d.NewMemory(), plainSecret: rules.PlainManifestSecret()}
}

// marks are what tells whether a text is read as Kubernetes documents.
func marks() (all []detect.Mark) {
	for _, m := range manifest.AllMarks() {
		all = append(all, detect.Mark{Word: m.Word, Bit: uint8(m.Bit), Holds: m.Holds})
	}
	return all
}

// Request says what of a repository to look at.
type Request struct {
	Range     Range
	Head      gitrepo.ID   // the commit of which "still there" is asked; zero for none
	Tips      []gitrepo.ID // commits and tags to start from
	Hidden    []gitrepo.ID // what these reach is older and not looked at
	Bounded   bool         // a range: what lies before it is reported as Older
	Broken    error        // why some refs are not among the tips; nil: they all are
	Names     bool         // tag messages of every ref too
	Staged    bool         // the index against HEAD
	Worktree  bool         // the working tree against the index
	Untracked bool         // files that git neither tracks nor ignores
	Ignore    [][]byte     // contents of the ignore files outside of the working tree, weakest first
}

// Repository scans what the request names. The error is nil only when nothing
// was missed: ErrIncomplete beside a usable Result otherwise, and another error
// when there is no usable result. A cancelled context gives a partial Result.
func (s *Scanner) Repository(ctx context.Context, repo *gitrepo.Repo, req Request) (Result, error) {
	run := newRun(ctx, s, repo, req)
	if err := run.findHead(); err != nil {
		return Result{}, err
	}
	run.recall()
	for _, stage := range []func() error{run.walk, run.diff, run.read, run.attribute, run.names, run.local} {
		if err := stage(); err != nil {
			if ctx.Err() != nil {
				break
			}
			return Result{}, err
		}
	}
	return run.result(ctx)
}

// run is the state of one scan of a repository.
type run struct {
	ctx  context.Context
	s    *Scanner
	repo *gitrepo.Repo
	req  Request

	commits           []commit
	trees             map[gitrepo.ID]gitrepo.ID // commit to tree, of the commits walked
	paths             interner
	blobs             idTable
	headTree          gitrepo.ID
	wanted            []bool // by blob
	changes           []change
	firstUse, nextUse []int32           // see link
	more              map[int32][]int32 // change to its further old blobs, for merges
	aside             []asideChange
	reasons           map[string]string // path to why it is left out, "" for one that is not
	history           *history          // nil: every scan is the first

	sightings map[int32][]sighting // by blob
	coverage  coverage

	mu       sync.Mutex
	findings []Finding
	asked    map[question][]sighting // blobs outside the scan that a question was asked about
	places   sync.Map                // path to *detect.PlaceVerdict
	inNames  sync.Map                // path to []detect.Match
	heads    sync.Map                // path to gitrepo.ID at HEAD
}

// findHead finds the tree that "still there" is asked of.
func (r *run) findHead() error {
	for _, damage := range r.repo.Damage() {
		r.coverage.miss(Skip{Reason: "damaged repository: " + reason(damage)})
	}
	if r.req.Broken != nil {
		r.coverage.miss(Skip{Reason: "refs cannot be read: " + reason(r.req.Broken)})
	}
	if r.req.Head.IsZero() {
		return nil
	}
	c, err := r.repo.NewReader(readerCache).Commit(r.req.Head)
	if err != nil {
		return fmt.Errorf("read HEAD: %w", err)
	}
	r.headTree = c.Tree
	return nil
}

func newRun(ctx context.Context, s *Scanner, repo *gitrepo.Repo, req Request) *run {
	return &run{
		ctx: ctx, s: s, repo: repo, req: req,
		trees:     map[gitrepo.ID]gitrepo.ID{},
		more:      map[int32][]int32{},
		reasons:   map[string]string{},
		sightings: map[int32][]sighting{},
		asked:     map[question][]sighting{},
	}
}

// result sorts what was found and groups it.
func (r *run) result(ctx context.Context) (Result, error) {
	if ctx.Err() != nil {
		r.coverage.miss(Skip{Reason: stopped(ctx)})
	}
	res := Result{Range: r.req.Range, Findings: r.findings, Coverage: r.coverage.report()}
	if r.history != nil && res.Coverage.Complete() && r.history.changed.Load() {
		r.remember()
	}
	finish(&res, r.s.opt.Key)
	return res, incomplete(res)
}

// finish gives a result its order and its credentials.
func finish(res *Result, key secret.Key) {
	sort.SliceStable(res.Findings, func(i, j int) bool { return before(&res.Findings[i], &res.Findings[j]) })
	res.Findings = dedupe(res.Findings)
	res.Credentials = group(res.Findings, key)
	res.StableIDs = key.Stable()
}

func before(a, b *Finding) bool {
	switch {
	case a.At.Path != b.At.Path:
		return a.At.Path < b.At.Path
	case a.At.StartLine != b.At.StartLine:
		return a.At.StartLine < b.At.StartLine
	case a.At.StartColumn != b.At.StartColumn:
		return a.At.StartColumn < b.At.StartColumn
	case a.Rule.ID != b.Rule.ID:
		return a.Rule.ID < b.Rule.ID
	case !a.Commit.Date.Equal(b.Commit.Date):
		return a.Commit.Date.Before(b.Commit.Date)
	case a.Commit.ID != b.Commit.ID:
		return a.Commit.ID < b.Commit.ID
	case a.At.Span != b.At.Span:
		return a.At.Span[0] < b.At.Span[0] || a.At.Span[0] == b.At.Span[0] && a.At.Span[1] < b.At.Span[1]
	}
	return len(a.At.DecodedFrom) < len(b.At.DecodedFrom)
}
