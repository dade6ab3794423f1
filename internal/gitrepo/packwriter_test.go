package gitrepo

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// mutate changes a few places of a text.
func mutate(text []byte) []byte {
	out := bytes.Clone(text)
	for range rand.N(4) {
		at := rand.N(len(out) + 1)
		end := min(len(out), at+rand.N(40))
		out = append(append(bytes.Clone(out[:at]), gittest.Letters(rand.N(300)+3)...), out[end:]...)
	}
	return out
}

// TestPackWriter holds that git reads what is written, and that it is not written twice.
func TestPackWriter(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r := gittest.New(t, "--object-format="+format)
		repo := openAt(t, r.Dir)
		w, err := repo.NewPack()
		if err != nil {
			t.Fatal(err)
		}
		e := w.Encoder()
		want := map[string]string{}
		var last *Added
		text := []byte(strings.Repeat("some text\n", 3000))
		for i := range 300 {
			if i%60 == 0 {
				last = nil
			}
			if last, err = e.Add(TypeBlob, text, last); err != nil {
				t.Fatal(err)
			}
			want[last.ID.String()] = string(text)
			if text = mutate(text); i%7 == 0 {
				text = text[:rand.N(90)]
			}
			if len(text) < 50 {
				text = []byte(gittest.Letters(200000))
			}
		}
		if _, err := e.Add(TypeBlob, text[:0], last); err != nil {
			t.Fatal(err)
		}
		name, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		r.Git("index-pack", "--strict", "-o", filepath.Join(t.TempDir(), "x.idx"), name)
		r.Git("verify-pack", name)
		for id, text := range want {
			if got := r.Git("cat-file", "blob", id); got != strings.TrimSpace(text) {
				t.Fatalf("git reads %s as another text", id)
			}
		}
		again := openAt(t, r.Dir)
		second, err := again.NewPack()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if _, err := second.Encoder().Add(TypeBlob, []byte(text), nil); err != nil {
				t.Fatal(err)
			}
		}
		if name, err := second.Finish(); name != "" || err != nil || second.Objects() != 0 {
			t.Errorf("what is there is written again: %q %v", name, err)
		}
		noRest(t, r.Dir)
	}
}

func openAt(t *testing.T, dir string) *Repo {
	t.Helper()
	repo, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	return repo
}

// noRest holds that no temporary file is left.
func noRest(t *testing.T, dir string) {
	t.Helper()
	if rest, _ := filepath.Glob(filepath.Join(dir, ".git/objects/pack/tmp_*")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// TestPackWriterFull has a disk without room.
func TestPackWriterFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	r := gittest.New(t)
	w, err := openAt(t, r.Dir).NewPack()
	if err != nil {
		t.Fatal(err)
	}
	w.buffer.Reset(full)
	e := w.Encoder()
	for i := range 40 {
		if _, err = e.Add(TypeBlob, randomBytes(100000+i), nil); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v", err)
	}
	if name, err := w.Finish(); !errors.Is(err, syscall.ENOSPC) || name != "" {
		t.Errorf("the pack is finished as %q: %v", name, err)
	}
	noRest(t, r.Dir)
}

func randomBytes(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(rand.N(256))
	}
	return out
}

// FuzzDeltaWriter holds that a delta that is made gives what it was made of.
func FuzzDeltaWriter(f *testing.F) {
	f.Add([]byte(""), []byte(""), uint8(0))
	f.Add([]byte("abc"), []byte("abcd"), uint8(1))
	f.Add([]byte(strings.Repeat("0123456789abcdef", 20)), []byte(strings.Repeat("123456789abcdef0", 21)), uint8(9))
	f.Fuzz(func(t *testing.T, base, target []byte, grow uint8) {
		base, target = bytes.Repeat(base, int(grow)+1), append(bytes.Repeat(base, int(grow)), target...)
		var w deltaWriter
		delta := w.delta(base, target, 2*len(target)+100)
		if delta == nil {
			t.Fatal("no delta, though there is room")
		}
		got, err := applyDelta(nil, base, delta)
		if err != nil || !bytes.Equal(got, target) {
			t.Errorf("%q gives %q (%v), not %q", delta, got, err, target)
		}
	})
}
