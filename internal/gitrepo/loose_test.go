package gitrepo

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// mixture is noise, then words, then noise: streams of stored and compressed blocks.
func mixture(r *rand.Rand, noise, words int) []byte {
	data := make([]byte, 0, 2*noise+words)
	for range noise {
		data = append(data, byte(r.Uint32()))
	}
	for i := range words {
		data = append(data, "some words "[i%11])
	}
	for range noise {
		data = append(data, byte(r.Uint32()))
	}
	return data
}

// storeBlob writes a loose blob, compressed at a level.
func storeBlob(t testing.TB, dir string, data []byte, level int) ID {
	t.Helper()
	raw := append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)
	sum := sha1.Sum(raw)
	id, err := IDFromBytes(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	name := id.String()
	write(t, filepath.Join(dir, ".git", "objects", name[:2], name[2:]), string(deflated(t, raw, level)))
	return id
}

func TestLooseObjectsThatDoNotCompressAreRead(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	r := rand.New(rand.NewPCG(11, 12))
	want := map[ID][]byte{}
	sizes := []int{0, 1, 4000, 4070, 4080, 4085, 4090, 4096, 4100, 20_000, 65_520, 65_535, 65_536, 150_000}
	for range 120 {
		sizes = append(sizes, r.IntN(30_000))
	}
	for i, size := range sizes {
		data := mixture(r, size, i%3*r.IntN(9000))
		want[storeBlob(t, dir, data, i%11-1)] = data
	}
	for _, size := range []int{3000, 20_000, 70_000} { // as git itself writes them
		for _, level := range []string{"-1", "0", "9"} {
			data := mixture(r, size, 100)
			name := gitInput(t, dir, data, "-c", "core.looseCompression="+level, "hash-object", "-w", "--stdin")
			id, err := ParseID(name)
			if err != nil {
				t.Fatal(err)
			}
			want[id] = data
		}
	}
	repo := open(t, dir)
	rd := repo.NewReader(0)
	const limit = 9000
	all, limited := scanned(t, repo, nil, ScanOptions{All: true}), scanned(t, repo, nil, ScanOptions{All: true, Limit: limit})
	for id, data := range want {
		if kind, size, err := rd.Header(id); err != nil || kind != TypeBlob || size != int64(len(data)) {
			t.Errorf("header of %d bytes: %s %d %v", len(data), kind, size, err)
		}
		if o, err := rd.Object(id); err != nil || !bytes.Equal(o.Data, data) {
			t.Errorf("object of %d bytes: %v", len(data), err)
		}
		if o := all[id.String()]; o.Err != nil || !bytes.Equal(o.Data, data) {
			t.Errorf("scan of %d bytes: %v", len(data), o.Err)
		}
		for _, within := range []int64{limit, int64(len(data)), int64(len(data)) - 1} {
			o, err := rd.ObjectWithin(id, max(within, 1))
			mustKeepLimit(t, data, max(within, 1), o, err)
		}
		o := limited[id.String()]
		mustKeepLimit(t, data, limit, Object{Type: o.Type, Data: o.Data}, o.Err)
	}
}

func mustKeepLimit(t *testing.T, data []byte, limit int64, o Object, err error) {
	t.Helper()
	if o.Type != TypeBlob {
		t.Errorf("%d bytes within %d: type %s, %v", len(data), limit, o.Type, err)
	}
	var large *TooLargeError
	if int64(len(data)) > limit {
		if !errors.As(err, &large) || large.Size != int64(len(data)) {
			t.Errorf("%d bytes within %d: %v", len(data), limit, err)
		}
	} else if err != nil || !bytes.Equal(o.Data, data) {
		t.Errorf("%d bytes within %d: %v", len(data), limit, err)
	}
}

func TestDeltaThatDoesNotCompressTellsItsSize(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	noise := mixture(rand.New(rand.NewPCG(13, 14)), 8192, 0) // 16,384 bytes
	delta := []byte{4, 0x80, 0x80, 1}
	for at := 0; at < len(noise); at += 64 {
		delta = append(append(delta, 64), noise[at:at+64]...)
	}
	base, top := numberedID(1), numberedID(2)
	makePack(t, dir, []madeEntry{
		{id: base, kind: TypeBlob, raw: []byte("base")},
		{id: top, kind: typeRefDelta, base: base.Bytes(), raw: delta},
	})
	rd := open(t, dir).NewReader(0)
	if kind, size, err := rd.Header(top); err != nil || kind != TypeBlob || size != int64(len(noise)) {
		t.Errorf("header: %s %d %v", kind, size, err)
	}
	o, err := rd.ObjectWithin(top, int64(len(noise)))
	mustKeepLimit(t, noise, int64(len(noise)), o, err)
	o, err = rd.ObjectWithin(top, 100)
	mustKeepLimit(t, noise, 100, o, err)
}
