package gitrepo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestScanLeavesLargeObjectsOutWithTheirSize(t *testing.T) {
	for _, packed := range []bool{false, true} {
		dir := newRepo(t)
		if packed {
			git(t, dir, "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50")
		}
		r := open(t, dir)
		rd := r.NewReader(1 << 20)
		const limit = 3000
		large := 0
		got := scanned(t, r, nil, ScanOptions{All: true, Limit: limit})
		for name, content := range catFile(t, dir) {
			_, data, _ := strings.Cut(content, " ")
			id, _ := ParseID(name)
			_, err := rd.ObjectWithin(id, limit)
			for _, err := range []error{err, got[name].Err} {
				var tooLarge *TooLargeError
				switch isLarge := errors.As(err, &tooLarge); {
				case isLarge != (len(data) > limit):
					t.Fatalf("%d bytes: %v", len(data), err)
				case isLarge && (tooLarge.Size != int64(len(data)) || tooLarge.ID != id || !errors.Is(err, ErrTooLarge)):
					t.Fatalf("%d bytes: %+v", len(data), tooLarge)
				case isLarge:
					large++
				}
			}
			if len(data) <= limit && string(got[name].Data) != data {
				t.Fatalf("%s has other content", name)
			}
		}
		if large < 20 {
			t.Errorf("only %d large objects: the test proves little", large)
		}
	}
}

func TestScanOfOneTypeVisitsNoOther(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "repack", "-q", "-a", "-d", "-f")
	write(t, filepath.Join(dir, "loose"), "loose\n")
	commitAt(t, dir, 90, "loose")
	want := catFile(t, dir)
	for _, kind := range []Type{TypeBlob, TypeTree, TypeCommit, TypeTag} {
		got := scanned(t, open(t, dir), nil, ScanOptions{All: true, Only: kind})
		for name, content := range want {
			if _, visited := got[name]; visited != strings.HasPrefix(content, kind.String()+" ") {
				t.Errorf("scan of %ss: %s visited: %v", kind, content[:min(len(content), 20)], visited)
			}
		}
		if len(got) == 0 {
			t.Errorf("no %s at all", kind)
		}
	}
}

func TestScanEndsWithItsContextOrTheFirstError(t *testing.T) {
	dir, _, _ := packedRepo(t)
	r := open(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	err := r.Scan(ctx, nil, ScanOptions{All: true}, func(int, Packed) (any, error) {
		cancel()
		<-ctx.Done()
		return nil, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while scanning: %v", err)
	}
	var visits atomic.Int64
	err = r.Scan(ctx, nil, ScanOptions{All: true}, func(int, Packed) (any, error) { visits.Add(1); return nil, nil })
	if !errors.Is(err, context.Canceled) || visits.Load() != 0 {
		t.Errorf("cancelled before: %v after %d visits", err, visits.Load())
	}
	enough := errors.New("enough")
	visits.Store(0)
	err = r.Scan(context.Background(), nil, ScanOptions{All: true, Workers: 1}, func(int, Packed) (any, error) { visits.Add(1); return nil, enough })
	if err != enough || visits.Load() != 1 {
		t.Errorf("%v after %d visits", err, visits.Load())
	}
}

func TestInflateStopsAtTheNextBlock(t *testing.T) {
	data := samples()["noise"]
	var stop atomic.Bool
	stop.Store(true)
	f := inflater{stop: &stop}
	if _, _, err := f.inflate(nil, deflated(t, data, 6), int64(len(data))); !errors.Is(err, errStopped) {
		t.Error(err)
	}
}

// longChain is a pack of n blobs, each a delta of the one before.
func longChain(t testing.TB, dir string, n int) map[string]string {
	t.Helper()
	text := bytes.Repeat([]byte("0123456789abcdef"), 64)
	want := map[string]string{}
	entries := []madeEntry{{id: chainID(0), kind: TypeBlob, raw: bytes.Clone(text)}}
	want[chainID(0).String()] = "blob " + string(text)
	for i := 1; i < n; i++ { // copy all but the first eight bytes, insert eight new ones
		fresh := fmt.Appendf(nil, "%08d", i)
		delta := append([]byte{0x80, 0x08, 0x80, 0x08, 8}, fresh...)
		delta = append(delta, 0x80|0x01|0x10|0x20, 8, 0xf8, 0x03)
		copy(text, fresh)
		base := chainID(i - 1)
		entries = append(entries, madeEntry{id: chainID(i), kind: typeRefDelta, base: base.Bytes(), raw: delta})
		want[chainID(i).String()] = "blob " + string(text)
	}
	makePack(t, dir, entries)
	return want
}

// chainID numbers made objects, in order.
func chainID(n int) ID {
	raw := make([]byte, 20)
	raw[0], raw[1], raw[2] = byte(n>>16), byte(n>>8), byte(n)
	raw[19] = 1
	id, _ := IDFromBytes(raw)
	return id
}

func TestScanFollowsChainsOfAnyDepth(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	want := longChain(t, dir, 20_000)
	for _, cache := range []int{1, 1 << 20} {
		got := scanned(t, open(t, dir), nil, ScanOptions{All: true, CacheBytes: cache})
		if len(got) != len(want) {
			t.Fatalf("%d of %d objects", len(got), len(want))
		}
		for name, o := range got {
			if o.Err != nil || "blob "+string(o.Data) != want[name] {
				t.Fatalf("%s: %v", name, o.Err)
			}
		}
	}
}

func TestAlternatesMayChainAndLoop(t *testing.T) {
	dir := newRepo(t)
	middle, last := filepath.Join(t.TempDir(), "middle"), filepath.Join(t.TempDir(), "last")
	git(t, dir, "clone", "-q", "--shared", dir, middle)
	git(t, dir, "clone", "-q", "--shared", middle, last)
	mustMatchGit(t, last)
	write(t, filepath.Join(dir, ".git", "objects", "info", "alternates"), "# a loop\n"+filepath.Join(last, ".git", "objects")+"\n../../absent/objects\n")
	want := catFile(t, middle)
	r := open(t, last)
	rd := r.NewReader(0)
	for name := range want {
		id, _ := ParseID(name)
		if _, err := rd.Object(id); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Damage()) != 1 || !strings.Contains(r.Damage()[0].Error(), "absent") {
		t.Errorf("the absent alternate is told as %v", r.Damage())
	}
}

func TestEveryObjectOfRealRepositoriesHashesToItsID(t *testing.T) {
	root := os.Getenv("LEAKGATE_REPOS")
	if root == "" {
		t.Skip("set LEAKGATE_REPOS to a folder of repositories to check every object")
	}
	for _, dir := range repositoriesIn(root) {
		t.Run(strings.TrimPrefix(dir, root), func(t *testing.T) {
			var count atomic.Int64
			err := open(t, dir).Scan(context.Background(), nil, ScanOptions{All: true}, func(_ int, o Packed) (any, error) {
				count.Add(1)
				h := sha1.New()
				if len(o.ID.Bytes()) == 32 {
					h = sha256.New()
				}
				fmt.Fprintf(h, "%s %d\x00", o.Type, len(o.Data))
				h.Write(o.Data)
				if o.Err != nil || !bytes.Equal(h.Sum(nil), o.ID.Bytes()) {
					return nil, fmt.Errorf("object %s is not what it should be: %v", o.ID, o.Err)
				}
				return nil, nil
			})
			listed := strings.Count(git(t, dir, "cat-file", "--batch-all-objects", "--batch-check=x"), "x")
			if err != nil || count.Load() != int64(listed) {
				t.Errorf("%d objects, git lists %d: %v", count.Load(), listed, err)
			}
		})
	}
}

func TestPacksOfFewObjectsAreRead(t *testing.T) {
	for n := 1; n <= 5; n++ {
		dir := t.TempDir()
		git(t, dir, "init", "-q")
		mustMatch(t, dir, longChain(t, dir, n))
	}
}

func TestPacksAreReadWithoutMapping(t *testing.T) {
	dir, _, _ := packedRepo(t)
	r := open(t, dir)
	for _, p := range r.store.packs {
		file, err := os.Open(p.name + ".pack")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.file.close(); err != nil {
			t.Fatal(err)
		}
		p.file.file = file
	}
	mustMatchRepo(t, r, catFile(t, dir))
}

func TestScanTellsTheTypeOfWantedObjectsThatAreNoBlobs(t *testing.T) {
	dir := newRepo(t)
	for _, state := range []string{"loose", "packed"} {
		if state == "packed" {
			git(t, dir, "repack", "-q", "-a", "-d", "-f")
		}
		want := map[string]Type{"HEAD:text.txt": TypeBlob, "HEAD^{tree}": TypeTree, "HEAD": TypeCommit, "v1.0": TypeTag}
		for _, limit := range []int64{0, 1} { // the type is known also of what is too large
			for rev, kind := range want {
				id, err := ParseID(git(t, dir, "rev-parse", rev))
				if err != nil {
					t.Fatal(err)
				}
				o := scanned(t, open(t, dir), []ID{id}, ScanOptions{Limit: limit})[id.String()]
				if o.Type != kind || (o.Err != nil) != (limit == 1) {
					t.Errorf("%s %s, limit %d: %s %v", state, rev, limit, o.Type, o.Err)
				}
			}
		}
	}
}

func TestScanTrustsNoTypeOfADamagedEntry(t *testing.T) {
	dir, pack, _ := packedRepo(t)
	name := git(t, dir, "rev-parse", "HEAD")
	id, err := ParseID(name)
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, dir).store.packs[0]
	off := p.idx.offset(p.idx.find(id.Bytes()))
	bad := mustRead(t, pack)
	bad[off] ^= 2 << 4 // a commit becomes a blob
	damage(t, pack, bad)
	o := scanned(t, open(t, dir), []ID{id}, ScanOptions{})[name]
	var corrupt *CorruptError
	if !errors.As(o.Err, &corrupt) || o.Type != 0 {
		t.Errorf("type %s, %v", o.Type, o.Err)
	}
}
