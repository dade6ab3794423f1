package rewrite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// TestLinesOfBases reads random trees by what was read of their bases, however the
// deltas cut lines and whatever they make of them, and beside it from the first byte.
func TestLinesOfBases(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		var ids []string
		for i := range 6 {
			ids = append(ids, g.raw("blob", fmt.Sprint(g.value, i)))
		}
		ids = append(ids, g.raw("tree", ""), g.raw("blob", "fine"), strings.Repeat("ab", len(ids[0])/2))
		s, err := newSurvey(open(t, g.Dir), newEditor(&g.spec))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.search(t.Context()); err != nil {
			t.Fatal(err)
		}
		inherited := 0
		for range 1000 {
			inherited += readTwice(t, s, ids)
		}
		if inherited < 300 {
			t.Errorf("only %d trees had anything of their bases", inherited)
		}
	})
}

func readTwice(t *testing.T, s *survey, ids []string) int {
	t.Helper()
	lines := randomTree(ids)
	base := []byte(strings.Join(lines, ""))
	reader := func() *treeReader {
		f := &forest{tainted: newBits(s.numbers.Len()), named: newBits(s.numbers.Len())}
		var found sieve
		for _, id := range s.found {
			found.add(id.Bytes())
		}
		return &treeReader{survey: s, forest: f, blobs: &found, stretches: stretches{editor: s.editor}}
	}
	read := reader()
	id := s.found[0] // any that has a number
	note, err := read.read(&gitrepo.Packed{ID: id, Data: base, Bases: true})
	if err != nil {
		t.Fatal(err)
	}
	target := []byte(strings.Join(changedLines(lines, randomTree(ids)), ""))
	delta := deltaOf(base, target)
	read.edges, read.lacks, read.direct = nil, nil, nil
	second, err := read.read(&gitrepo.Packed{ID: id, Data: target, Delta: delta, Note: note, Bases: true})
	plain := reader()
	want, wantErr := plain.read(&gitrepo.Packed{ID: id, Data: target, Bases: true})
	if err != nil || wantErr != nil {
		t.Fatal(err, wantErr)
	}
	a, b := second.(*treeNote), want.(*treeNote)
	if !slices.Equal(a.starts, b.starts) || !slices.Equal(a.kids, b.kids) || a.clean != b.clean || a.whole != b.whole {
		t.Fatalf("the note is %v, not %v", *a, *b)
	}
	if !slices.Equal(read.edges, plain.edges) || !slices.Equal(read.lacks, plain.lacks) || !slices.Equal(read.direct, plain.direct) {
		t.Fatalf("it holds %v %v, not %v %v", read.edges, read.lacks, plain.edges, plain.lacks)
	}
	if len(read.copies) > 0 && note.(*treeNote).whole {
		return 1
	}
	return 0
}

// randomTree has lines with names, modes and ids that may be mistaken for parts of others.
func randomTree(ids []string) (lines []string) {
	for range rand.N(8) {
		at := rand.N(len(ids))
		if at == len(ids)-1 && rand.N(8) > 0 { // one that is missing
			at = 0
		}
		mode := []string{"100644", "040000", "40000", "160000", "120000"}[rand.N(5)]
		id, err := gitrepo.ParseID(ids[at])
		if err != nil {
			panic(err)
		}
		lines = append(lines, mode+" "+strings.Repeat("1 ", rand.N(3))+"n\x00"+string(id.Bytes()))
	}
	return lines
}

// changedLines are lines of which some are others, gone, doubled or elsewhere.
func changedLines(lines, others []string) []string {
	out := slices.Clone(lines)
	for range 1 + rand.N(2) {
		at := rand.N(len(out) + 1)
		switch end := min(at+1, len(out)); rand.N(4) {
		case 0:
			out = slices.Concat(out[:at], out[end:])
		case 1:
			out = slices.Concat(out[:at], others, out[end:])
		case 2:
			out = slices.Concat(out[:end], out[at:])
		case 3:
			out = slices.Concat(out[at:], out[:at])
		}
	}
	return out
}

// deltaOf makes instructions that copy what is the same, of any length and wherever
// in a line it begins, and now and then insert it all the same.
func deltaOf(base, target []byte) []byte {
	out := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(base))), uint64(len(target)))
	for at := 0; at < len(target); {
		from, size := 0, 0
		for i := range base {
			n := 0
			for i+n < len(base) && at+n < len(target) && base[i+n] == target[at+n] {
				n++
			}
			if n > size {
				from, size = i, n
			}
		}
		switch {
		case size < 4 || rand.N(9) == 0:
			out, size = append(out, 1, target[at]), 1
		case rand.N(9) == 0:
			size = 1 + rand.N(size)
			fallthrough
		default:
			out = append(out, copyOf(from, size)...)
		}
		at += size
	}
	return out
}
