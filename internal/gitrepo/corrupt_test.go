package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packedRepo is a repository with one pack full of deltas and nothing loose.
func packedRepo(t testing.TB) (dir, pack, idx string) {
	t.Helper()
	dir = newRepo(t)
	git(t, dir, "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50")
	pack = packFiles(t, dir, "*.pack")[0]
	return dir, pack, strings.TrimSuffix(pack, ".pack") + ".idx"
}

// damage writes a file that git made read-only.
func damage(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wrongs counts objects that came back without an error but not as git has
// them, and those that came back with one. Every wanted object must come back.
func wrongs(t *testing.T, dir string, want map[string]string) (silent, told int) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ids := make([]ID, 0, len(want))
	for name := range want {
		id, _ := ParseID(name)
		ids = append(ids, id)
	}
	got := scanned(t, r, ids, ScanOptions{CacheBytes: 10_000})
	rd := r.NewReader(1 << 16)
	for _, id := range ids {
		o, found := got[id.String()]
		var corrupt *CorruptError
		switch {
		case !found:
			t.Fatalf("%s was not visited", id)
		case o.Err != nil:
			if !errors.As(o.Err, &corrupt) && !errors.Is(o.Err, ErrMissing) {
				t.Fatalf("%s: untyped error %v", id, o.Err)
			}
			told++
		case o.Type.String()+" "+string(o.Data) != want[id.String()]:
			silent++
		}
		if _, err := rd.Object(id); err != nil && !errors.As(err, &corrupt) && !errors.Is(err, ErrMissing) {
			t.Fatalf("%s: untyped error %v", id, err)
		}
	}
	scanned(t, r, nil, ScanOptions{All: true})
	return silent, told
}

func TestEveryFlippedByteOfAPackIsTold(t *testing.T) {
	dir, pack, _ := packedRepo(t)
	want, clean := catFile(t, dir), mustRead(t, pack)
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		at := 12 + r.IntN(len(clean)-12-20)
		bad := bytes.Clone(clean)
		bad[at] ^= 1 << r.IntN(8)
		damage(t, pack, bad)
		if silent, told := wrongs(t, dir, want); silent != 0 || told == 0 || told > len(want)*9/10 {
			t.Fatalf("byte %d: %d objects are wrong without a word, %d of %d were reported", at, silent, told, len(want))
		}
	}
}

func TestDamagedIndexHarmsNothingSilently(t *testing.T) {
	dir, _, idx := packedRepo(t)
	want, clean := catFile(t, dir), mustRead(t, idx)
	count := int(binary.BigEndian.Uint32(clean[8+4*255:]))
	names := 8 + fanoutBytes
	r := rand.New(rand.NewPCG(7, 8))
	for _, part := range []struct {
		name       string
		start, end int
	}{
		{"header", 0, 8}, {"fanout", 8, names}, {"ids", names, names + 20*count},
		{"checksums", names + 20*count, names + 24*count}, {"offsets", names + 24*count, names + 28*count},
	} {
		t.Run(part.name, func(t *testing.T) {
			for range 12 {
				at := part.start + r.IntN(part.end-part.start)
				bad := bytes.Clone(clean)
				bad[at] ^= 1 << r.IntN(8)
				damage(t, idx, bad)
				if silent, told := wrongs(t, dir, want); silent != 0 || told == 0 {
					t.Fatalf("byte %d: %d objects are wrong without a word, %d were reported", at, silent, told)
				}
			}
		})
	}
}

func TestCutFilesAreTold(t *testing.T) {
	dir, pack, idx := packedRepo(t)
	want := catFile(t, dir)
	for _, path := range []string{pack, idx} {
		clean := mustRead(t, path)
		for _, keep := range []int{0, 1, 11, 40, 1000, len(clean) / 2, len(clean) - 21, len(clean) - 1} {
			damage(t, path, clean[:min(keep, len(clean))])
			if silent, told := wrongs(t, dir, want); silent != 0 || told == 0 {
				t.Errorf("%s cut to %d: %d wrong, %d reported", filepath.Ext(path), keep, silent, told)
			}
		}
		damage(t, path, clean)
	}
}

func TestDamagedLooseObjectIsTold(t *testing.T) {
	dir := newRepo(t)
	want := catFile(t, dir)
	name := git(t, dir, "rev-parse", "HEAD:text.txt")
	path := filepath.Join(dir, ".git", "objects", name[:2], name[2:])
	clean := mustRead(t, path)
	r := rand.New(rand.NewPCG(9, 1))
	for i := range 30 {
		bad := bytes.Clone(clean)
		if i%3 == 0 {
			bad = bad[:r.IntN(len(bad))]
		} else {
			bad[2+r.IntN(len(bad)-2)] ^= 1 << r.IntN(8) // two header bytes hold hints only
		}
		damage(t, path, bad)
		if silent, told := wrongs(t, dir, want); silent != 0 || told != 1 {
			t.Fatalf("%d wrong, %d reported", silent, told)
		}
	}
}

func TestLooseObjectUnderAnotherIDIsTold(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		dir := t.TempDir()
		git(t, dir, "init", "-q", "--object-format="+format)
		var names, paths []string
		for _, text := range []string{"harmless\n", "replaced\n"} {
			name := gitInput(t, dir, []byte(text), "hash-object", "-w", "--stdin")
			names, paths = append(names, name), append(paths, filepath.Join(dir, ".git", "objects", name[:2], name[2:]))
		}
		damage(t, paths[1], mustRead(t, paths[0]))
		r := open(t, dir)
		swapped, err := ParseID(names[1])
		if err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptError
		if _, err := r.NewReader(0).Object(swapped); !errors.As(err, &corrupt) || corrupt.ID != swapped {
			t.Errorf("%s: read: %v", format, err)
		}
		for _, opts := range []ScanOptions{{}, {All: true}, {All: true, Only: TypeBlob}} {
			got := scanned(t, r, []ID{swapped}, opts)
			if o := got[names[1]]; !errors.As(o.Err, &corrupt) || o.Data != nil {
				t.Errorf("%s %+v: %v", format, opts, o.Err)
			}
			if o := got[names[0]]; opts.All && (o.Err != nil || string(o.Data) != "harmless\n") {
				t.Errorf("%s %+v: the other object: %v", format, opts, o.Err)
			}
		}
	}
}

func TestADamagedCopyIsReplacedByAGoodOne(t *testing.T) {
	dir, pack, _ := packedRepo(t)
	want := catFile(t, dir)
	clean := mustRead(t, pack)
	for name, content := range want {
		kind, data, _ := strings.Cut(content, " ")
		raw := append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)
		write(t, filepath.Join(dir, ".git", "objects", name[:2], name[2:]), string(deflated(t, raw, 1)))
	}
	for i := range clean[12 : len(clean)-20] {
		clean[12+i] = 0
	}
	damage(t, pack, clean)
	if silent, told := wrongs(t, dir, want); silent+told != 0 {
		t.Errorf("%d wrong, %d reported although every object has a loose copy", silent, told)
	}
}

// makePack writes a pack and its index by hand, to say what git never would.
type madeEntry struct {
	id   ID
	raw  []byte
	kind Type
	base []byte // written between header and stream
	size int64  // declared; 0: the true one
}

func makePack(t testing.TB, dir string, entries []madeEntry) {
	t.Helper()
	pack := append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, uint32(len(entries)))...)
	var b idxBuilder
	var crcs []byte
	for _, e := range entries {
		start := len(pack)
		b.add(e.id.Bytes(), int64(start))
		size := e.size
		if size == 0 {
			size = int64(len(e.raw))
		}
		c := byte(e.kind)<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			pack = append(pack, c|0x80)
			c = byte(size & 0x7f)
		}
		pack = append(append(append(pack, c), e.base...), deflated(t, e.raw, 6)...)
		crcs = binary.BigEndian.AppendUint32(crcs, crc32.ChecksumIEEE(pack[start:]))
	}
	pack = append(pack, make([]byte, 20)...)
	x := b.index(20)
	idx := append([]byte(idxMagic), 0, 0, 0, 2)
	idx = append(append(append(idx, x.fanout...), x.names...), crcs...)
	idx = append(append(idx, x.off32...), make([]byte, 40)...)
	path := filepath.Join(dir, ".git", "objects", "pack", "pack-made")
	write(t, path+".pack", string(pack))
	write(t, path+".idx", string(idx))
}

func numberedID(n byte) ID {
	id, _ := IDFromBytes(bytes.Repeat([]byte{n}, 20))
	return id
}

func TestHostilePacksCostOnlyTheirObjects(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	a, b, c, d, e := numberedID(1), numberedID(2), numberedID(3), numberedID(4), numberedID(5)
	hugeCopy := append([]byte{4, 0x80, 0x80, 0x80, 0x80, 0x40}, bytes.Repeat([]byte{0x80 | 0x40, 0xff}, 10)...)
	makePack(t, dir, []madeEntry{
		{id: a, kind: typeRefDelta, base: b.Bytes(), raw: []byte{4, 4, 0x90, 4}},
		{id: b, kind: typeRefDelta, base: a.Bytes(), raw: []byte{4, 4, 0x90, 4}},
		{id: c, kind: TypeBlob, raw: []byte("good")},
		{id: d, kind: typeRefDelta, base: c.Bytes(), raw: hugeCopy},
		{id: e, kind: TypeBlob, raw: []byte("tiny"), size: 1 << 40},
	})
	r := open(t, dir)
	got := scanned(t, r, []ID{a, b, c, d, e}, ScanOptions{})
	rd := r.NewReader(1 << 10)
	for _, id := range []ID{a, b, d, e} {
		var corrupt *CorruptError
		if o := got[id.String()]; !errors.As(o.Err, &corrupt) {
			t.Errorf("scan of %s: %v", id, o.Err)
		}
		if _, err := rd.Object(id); !errors.As(err, &corrupt) {
			t.Errorf("read of %s: %v", id, err)
		}
	}
	if o := got[c.String()]; o.Err != nil || string(o.Data) != "good" {
		t.Errorf("scan of %s: %v", c, o.Err)
	}
	if o, err := rd.Object(c); err != nil || string(o.Data) != "good" {
		t.Errorf("read of %s: %v", c, err)
	}
}
