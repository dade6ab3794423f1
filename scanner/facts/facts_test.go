package facts

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

func id(n int, size int) gitrepo.ID {
	id, err := gitrepo.IDFromBytes(bytes.Repeat([]byte{byte(n)}, size))
	if err != nil {
		panic(err)
	}
	return id
}

// sample is a table with one of everything, its numbers in the order of first use.
func sample(size int) Table {
	return Table{
		Commits: []Commit{
			{ID: id(1, size), Known: true, Said: true, When: 1_700_000_000, Parents: []int32{1, 2}, First: 0, Last: 2},
			{ID: id(2, size)},
			{ID: id(3, size), Known: true, When: -5, Parents: []int32{}, First: 2, Last: 3},
		},
		Changes: []Change{
			{Path: 0, Blob: 0, Olds: 0, Judged: true, From: 0, To: 1},
			{Path: 1, Blob: 2, Olds: 2, Link: true, From: 1, To: 1},
			{Path: 0, Blob: 1, Olds: 4, Judged: true, From: 1, To: 1},
		},
		Olds: []int32{1, -1, -1, -1, -1},
		Findings: []Finding{{
			Rule: "a-rule", Context: "a word", Confidence: 3, Allowed: true, Span: [2]int{7, 300_000_000}, Lines: [2]int{1, 2},
			Columns: [2]int{3, 4}, Fingerprint: "0011", Head: -1, AtHead: true,
		}},
		Paths: []Path{{Name: "a/b", Rules: 5, Alone: true}, {Name: "größe\n"}},
		Blobs: []Blob{
			{ID: id(4, size), Known: true, Found: true, Size: 1 << 40, Rules: 1 << 63},
			{ID: id(5, size), Known: true, LFS: true, Size: 3, Skips: []Skip{{"a reason", true, false}, {"", false, true}}}, {ID: id(6, size)},
		},
	}
}

func write(t Table, key string) []byte {
	var out bytes.Buffer
	e := NewEncoder(&out, key)
	e.Path = func(n int32) Path { return t.Paths[n] }
	e.Blob = func(n int32) Blob { return t.Blobs[n] }
	for _, c := range t.Commits {
		e.Commit(c, int(c.Last-c.First))
		for _, ch := range t.Changes[c.First:c.Last] {
			e.Change(ch, t.Olds[ch.Olds:][:max(1, len(c.Parents))], t.Findings[ch.From:ch.To])
		}
	}
	if err := e.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

var compareIDs = cmp.Comparer(func(a, b gitrepo.ID) bool { return a == b })

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, size := range []int{20, 32} {
		want := sample(size)
		got, err := Decode(write(want, "key"), "key")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, *got, compareIDs); diff != "" {
			t.Errorf("with ids of %d bytes (-written +read):\n%s", size, diff)
		}
	}
}

func TestAnotherKeyReadsNothing(t *testing.T) {
	for _, key := range []string{"", "ke", "keys", "other"} {
		if _, err := Decode(write(sample(20), "key"), key); err == nil {
			t.Errorf("read under %q", key)
		}
	}
	if _, err := Decode(nil, "key"); err == nil {
		t.Error("nothing is a table")
	}
}

// FuzzDecode holds that a table that can be read leads nowhere outside of itself,
// and is the same when it is written again.
func FuzzDecode(f *testing.F) {
	f.Add(write(sample(20), "k"))
	f.Add(write(sample(32), "k"))
	f.Add(write(Table{}, "k"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Decode(data, "k")
		if err != nil {
			return
		}
		if err := inside(table); err != nil {
			t.Fatal(err)
		}
		again, err := Decode(write(*table, "k"), "k")
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Changes) != len(table.Changes) || len(again.Findings) != len(table.Findings) {
			t.Fatal("written again, the table is another one")
		}
	})
}

func inside(t *Table) error {
	for _, c := range t.Commits {
		for _, p := range c.Parents {
			if int(p) >= len(t.Commits) {
				return fmt.Errorf("parent %d", p)
			}
		}
	}
	for _, c := range t.Changes {
		if int(c.Path) >= len(t.Paths) || c.Blob < 0 || int(c.Blob) >= len(t.Blobs) || int(c.To) > len(t.Findings) || c.From > c.To {
			return fmt.Errorf("change %+v", c)
		}
	}
	for _, n := range t.Olds {
		if n < -1 || int(n) >= len(t.Blobs) {
			return fmt.Errorf("old blob %d", n)
		}
	}
	for _, f := range t.Findings {
		if f.Head < -1 || int(f.Head) >= len(t.Blobs) {
			return fmt.Errorf("finding %+v", f)
		}
	}
	return nil
}
