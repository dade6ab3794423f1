package rewrite

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// TestSearchIsTheSlowOne searches every object of a packed repository as a rewrite does,
// and beside it from its first byte to its last, for stretches of what is in it. Set
// LEAKGATE_BENCH_REPO to a repository for a real one.
func TestSearchIsTheSlowOne(t *testing.T) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		g := newGround(t, "sha1")
		lines := strings.SplitAfter(noise(4000), " ")
		for i := range 40 {
			at := rand.N(len(lines))
			lines[at] = noise(1+rand.N(20)) + "\n"
			g.Write("dir/deep/b", strings.Join(lines[at:], ""))
			g.Write("new/"+gittest.Letters(1), "x")
			g.File("dir/a", strings.Join(lines, "")+g.value[:i%9])
		}
		g.Git("repack", "-adfq", "--window=50")
		path = g.Dir
	}
	repo := open(t, path)
	all := 0 // a delta is searched as such where its base holds no piece, which is so in some rounds
	for round := 0; round < 6 || all == 0 && round < 100; round++ {
		s, err := newSurvey(repo, newEditor(pieces(t, repo)))
		if err != nil {
			t.Fatal(err)
		}
		tainted, deltas := searchedTwice(t, s)
		if tainted == 0 {
			t.Error("no object holds a value")
		}
		all += deltas
	}
	if all == 0 {
		t.Error("no delta was searched as such")
	}
}

// pieces are values that stand in the repository.
func pieces(t *testing.T, repo *gitrepo.Repo) *Spec {
	t.Helper()
	var spec Spec
	err := repo.Scan(t.Context(), nil, gitrepo.ScanOptions{All: true, Only: gitrepo.TypeBlob, Workers: 1}, func(_ int, o gitrepo.Packed) (any, error) {
		if len(o.Data) > 100 && (len(spec.Literals) == 0 || rand.N(200) == 0) {
			size := 3 + rand.N(40)
			at := rand.N(len(o.Data) - size)
			piece := Literal{secret.New(string(o.Data[at : at+size])), Placeholder}
			if spec.Literals = append(spec.Literals, piece); len(spec.Literals) > 3 {
				spec.Literals[rand.N(3)] = piece
				spec.Literals = spec.Literals[:3]
			}
		}
		return nil, o.Err
	})
	if err != nil {
		t.Fatal(err)
	}
	return &spec
}

func searchedTwice(t *testing.T, s *survey) (tainted, deltas int) {
	t.Helper()
	var lock sync.Mutex
	searchers := make([]stretches, s.workers)
	err := s.each(t.Context(), gitrepo.ScanOptions{Except: gitrepo.TypeTree}, func(worker int, o *gitrepo.Packed) (any, error) {
		searchers[worker].editor = s.editor
		found, note := searchers[worker].look(o)
		lock.Lock()
		defer lock.Unlock()
		if want := s.editor.matcher.has(o.Data); found != want {
			t.Errorf("%s: %v, not %v", o.ID, found, want)
		} else if found && o.Type == gitrepo.TypeBlob {
			s.found = append(s.found, o.ID)
			s.blobs.add(s.numbers.Of(o.ID))
		}
		if o.Note != nil {
			deltas++
		}
		return note, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	treesTwice(t, s)
	return len(s.found), deltas
}

// treesTwice does the same with trees.
func treesTwice(t *testing.T, s *survey) {
	t.Helper()
	var lock sync.Mutex
	var ids sieve
	for _, id := range s.found {
		ids.add(id.Bytes())
	}
	reader := func() *treeReader {
		f := &forest{tainted: newBits(s.numbers.Len()), named: newBits(s.numbers.Len())}
		return &treeReader{survey: s, forest: f, blobs: &ids, stretches: stretches{editor: s.editor}}
	}
	fast, slow := make([]*treeReader, s.workers), make([]*treeReader, s.workers)
	for i := range fast {
		fast[i], slow[i] = reader(), reader()
	}
	err := s.each(t.Context(), gitrepo.ScanOptions{Only: gitrepo.TypeTree}, func(worker int, o *gitrepo.Packed) (any, error) {
		f, w := fast[worker], slow[worker]
		f.edges, f.direct, w.edges, w.direct = nil, nil, nil, nil
		plain := *o
		plain.Delta, plain.Note = nil, nil
		note, err := f.read(o)
		if _, other := w.read(&plain); err != nil || other != nil {
			return nil, err
		}
		lock.Lock()
		defer lock.Unlock()
		named := f.forest.named.has(f.number) == w.forest.named.has(w.number)
		if !named || !slices.Equal(f.edges, w.edges) || !slices.Equal(f.direct, w.direct) {
			t.Errorf("tree %s: %v %v, not %v %v", o.ID, f.edges, f.direct, w.edges, w.direct)
		}
		return note, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
