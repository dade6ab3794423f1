package gitrepo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func FuzzAddedLines(f *testing.F) {
	f.Add([]byte("a\nb\nc"), []byte("b\nx\n\nc\n"))
	f.Add([]byte("{\n}\n\n{\n}\n"), []byte("{\n}\n\n{\n\n}\n\n{\n}\n"))
	f.Add([]byte(strings.Repeat("a\n", 40)), []byte(strings.Repeat("a\nb\n", 30)))
	f.Fuzz(func(t *testing.T, old, new []byte) {
		if err := checkAdded(old, new, AddedLines(old, new)); err != nil {
			t.Error(err)
		}
	})
}

// checkAdded holds added against what it must be for any diff: sorted disjoint
// ranges with a line between, and the other lines of new are lines of old in order.
func checkAdded(old, new []byte, added []LineRange) error {
	before, after := newSide(old), newSide(new)
	at, next := 0, 0
	for i, r := range append(added, LineRange{after.len(), after.len()}) {
		if r.Start < next || i > 0 && r.Start == next && i < len(added) || r.End > after.len() || r.Start == r.End && i < len(added) {
			return fmt.Errorf("the range %v follows line %d of %d", r, next, after.len())
		}
		for ; next < r.Start; next++ {
			for at < before.len() && !bytes.Equal(before.line(at), after.line(next)) {
				at++
			}
			if at == before.len() {
				return fmt.Errorf("line %d is not added and not among the old lines left", next)
			}
			at++
		}
		next = r.End
	}
	if bytes.Equal(old, new) && len(added) > 0 {
		return fmt.Errorf("equal files have added lines")
	}
	return nil
}

// TestAddedLinesOfHostileFilesTakeBoundedTime has fifty thousand lines a side, and a
// limit far above what is needed and far below what a quadratic search would take.
func TestAddedLinesOfHostileFilesTakeBoundedTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for name, p := range hostilePairs(50_000) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			added := AddedLines(p.old, p.new)
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			} else {
				t.Logf("%d ranges in %v", len(added), took)
			}
			if err := checkAdded(p.old, p.new, added); err != nil {
				t.Error(err)
			}
		})
	}
}

func hostilePairs(lines int) map[string]pair {
	rng := rand.New(rand.NewPCG(3, 3))
	write := func(line func(i int) int) (text []byte) {
		for i := range lines {
			text = fmt.Appendf(text, "%d\n", line(i))
		}
		return text
	}
	same := func(i int) int { return 0 }
	return map[string]pair{
		"one line, repeated":   {write(same), append(write(same), write(same)...)},
		"nothing in common":    {write(func(i int) int { return i }), write(func(i int) int { return -1 - i })},
		"every second changed": {write(func(i int) int { return i }), write(func(i int) int { return i * (i%2*2 - 1) })},
		"reversed":             {write(func(i int) int { return i }), write(func(i int) int { return lines - i })},
		"two letters":          {write(func(int) int { return rng.IntN(2) }), write(func(int) int { return rng.IntN(2) })},
		"a thousand letters":   {write(func(int) int { return rng.IntN(1000) }), write(func(int) int { return rng.IntN(1000) })},
		"rare letters":         {write(func(int) int { return rng.IntN(lines / 4) }), write(func(int) int { return rng.IntN(lines / 4) })},
		"periods 2 and 3":      {write(func(i int) int { return i % 2 }), write(func(i int) int { return i % 3 })},
	}
}

// BenchmarkAddedLines edits a file of 2000 lines in one place, in two, and all over.
func BenchmarkAddedLines(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 5))
	var old []byte
	for range 2000 {
		old = fmt.Appendf(old, "\tline %d of a file\n", rng.IntN(1500))
	}
	half := len(old) / 2
	inserted := append(append(bytes.Clone(old[:half]), "x\ny\n"...), old[half:]...)
	edited := bytes.Clone(old)
	copy(edited[half:], "changed")
	copy(edited[half+4000:], "changed")
	for name, new := range map[string][]byte{
		"insertion": inserted, "two edits": edited, "many edits": bytes.ReplaceAll(old, []byte("line 77"), []byte("other 77")),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(old) + len(new)))
			b.ReportAllocs()
			for b.Loop() {
				AddedLines(old, new)
			}
		})
	}
}
