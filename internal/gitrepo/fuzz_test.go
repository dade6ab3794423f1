package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func FuzzPackIndex(f *testing.F) {
	f.Add([]byte(idxMagic+"\x00\x00\x00\x02"), false)
	var b idxBuilder
	b.add(bytes.Repeat([]byte{1}, 20), 12)
	x := b.index(20)
	f.Add(bytes.Join([][]byte{[]byte(idxMagic + "\x00\x00\x00\x02"), x.fanout, x.names, make([]byte, 4), x.off32, make([]byte, 40)}, nil), false)
	f.Add(make([]byte, fanoutBytes+64), true)
	f.Fuzz(func(t *testing.T, data []byte, wide bool) {
		hash := 20
		if wide {
			hash = 32
		}
		x, err := parsePackIndex(data, hash)
		if err != nil {
			return
		}
		for pos := range min(x.count, 1000) {
			x.offset(pos)
			x.crc(pos)
			name := x.name(pos)
			if found := x.find(name); found >= 0 && !bytes.Equal(x.name(found), name) {
				t.Fatal("find gives another id")
			}
			if at := x.from(name); at < 0 || at > x.count {
				t.Fatal("from leaves the index")
			}
		}
	})
}

func FuzzMidx(f *testing.F) {
	f.Add([]byte("MIDX\x01\x01\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		indexes, err := parseMidx(data, 20)
		if err != nil {
			return
		}
		for _, x := range indexes {
			for pos := range x.count {
				x.offset(pos)
				if len(x.name(pos)) != 20 {
					t.Fatal("an id is cut")
				}
			}
		}
	})
}

func FuzzPackEntry(f *testing.F) {
	f.Add([]byte{0x95, 0x0a}, int64(12))
	f.Add([]byte{0xe5, 0x0a, 0x81, 0x02}, int64(5000))
	f.Add(append([]byte{0x75}, make([]byte, 20)...), int64(99))
	f.Fuzz(func(t *testing.T, data []byte, off int64) {
		if off < 12 {
			return
		}
		e, used, err := parseEntry(data, off, 20)
		if err != nil {
			return
		}
		if used > len(data) || e.size < 0 || (e.kind == typeOfsDelta && (e.base < 12 || e.base >= off)) {
			t.Fatalf("%+v of %d bytes at %d", e, used, off)
		}
	})
}

func FuzzDelta(f *testing.F) {
	f.Add([]byte("base text"), []byte{9, 12, 0x91, 0, 9, 3, 'n', 'e', 'w'})
	f.Add([]byte(""), []byte{0, 0})
	f.Add([]byte("x"), []byte{1, 0x80, 0x80, 4, 0xb0, 1})
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		if _, size, _, err := deltaSizes(delta); err != nil || size > 1<<24 {
			return
		}
		got, err := applyDelta(nil, base, delta)
		if err != nil {
			return
		}
		_, size, ops, err := deltaSizes(delta)
		if err != nil || int64(len(got)) != size || deltaTotal(ops) != size {
			t.Fatalf("%d bytes, declared %d, added up %d", len(got), size, deltaTotal(ops))
		}
	})
}

// serialise writes a tree; leading zeros of modes are not kept.
func serialise(entries []Entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%o %s\x00%s", e.Mode, e.Name, e.ID.Bytes())
	}
	return b.Bytes()
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x00" + strings.Repeat("x", 20) + "40000 dir\x00" + strings.Repeat("y", 20)))
	f.Add([]byte("100644 a\x00short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := ParseTree(ID{}, data, 20)
		if err != nil {
			mustBeCorrupt(t, err)
			return
		}
		written := serialise(entries)
		zeros := bytes.HasPrefix(data, []byte("0"))
		for _, e := range entries {
			zeros = zeros || bytes.Contains(data, append(bytes.Clone(e.ID.Bytes()), '0'))
		}
		if !zeros && !bytes.Equal(written, data) {
			t.Fatalf("written again: %q", written)
		}
		again, err := ParseTree(ID{}, written, 20)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(entries) {
			t.Fatalf("read again: %v %v", again, err)
		}
	})
}

func mustBeCorrupt(t *testing.T, err error) {
	t.Helper()
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("untyped error %v", err)
	}
}

func FuzzCommit(f *testing.F) {
	tree := "tree " + strings.Repeat("ab", 20) + "\n"
	f.Add([]byte(tree + "parent " + strings.Repeat("cd", 20) + "\nauthor A <a@x> 1700000000 +0130\ncommitter B <b@x> 1 -0000\n\nhi\n"))
	f.Add([]byte(tree + "author > <\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCommit(ID{}, data)
		if err != nil {
			mustBeCorrupt(t, err)
			return
		}
		if c.Tree.IsZero() || !bytes.HasSuffix(data, []byte(c.Message)) {
			t.Fatalf("%+v", c)
		}
		if year := c.Author.When.Year(); year < -9999 || year > 10000 {
			t.Fatalf("year %d cannot be printed", year)
		}
	})
}

func FuzzTag(f *testing.F) {
	f.Add([]byte("object " + strings.Repeat("ab", 20) + "\ntype commit\ntag v1\ntagger A <a@x> 1 +0000\n\nhi\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tag, err := ParseTag(ID{}, data)
		if err != nil {
			mustBeCorrupt(t, err)
			return
		}
		if tag.Target.IsZero() || !bytes.HasSuffix(data, []byte(tag.Message)) {
			t.Fatalf("%+v", tag)
		}
	})
}

func FuzzPackedRefs(f *testing.F) {
	id := strings.Repeat("ab", 20)
	f.Add("# pack-refs with: peeled\n" + id + " refs/tags/v1\n^" + id + "\n" + id + " refs/heads/main\n")
	f.Fuzz(func(t *testing.T, text string) {
		refs, err := parsePackedRefs(text, 20)
		if text != "" && !strings.HasSuffix(text, "\n") && err == nil {
			t.Fatal("a file without its end passes for a whole one")
		}
		for name, ref := range refs {
			if !safeRefName(name) || ref.Name != name || ref.ID.size != 20 || ref.ID.IsZero() {
				t.Fatalf("%q: %+v", name, ref)
			}
			if strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
				t.Fatalf("%q leaves the folder", name)
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add("[a \"b\"]\nc = \"d\\n\" # e\nf\n")
	f.Fuzz(func(t *testing.T, text string) {
		escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
		for key, value := range parseConfig(text) {
			again := parseConfig("[s]\nk = \"" + escape.Replace(value) + "\"\n")
			if again["s.k"] != value && !strings.Contains(value, "\r\n") {
				t.Fatalf("%s: %q is read again as %q", key, value, again["s.k"])
			}
		}
	})
}
