package wire

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func bundle(t *testing.T, format string) (from string, text []byte) {
	t.Helper()
	from = remoteRepo(t, format)
	mirror := filepath.Join(t.TempDir(), "mirror.git")
	a, err := open(t, from).Mirror(t.Context(), mirror, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteBundle(&out, a); err != nil {
		t.Fatal(err)
	}
	return from, out.Bytes()
}

func TestGitReadsABundle(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			from, text := bundle(t, format)
			file := filepath.Join(t.TempDir(), "all.bundle")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "clone.git")
			git(t, from, "bundle", "verify", "-q", file)
			git(t, "/", "clone", "-q", "--mirror", file, to)
			if here, there := git(t, to, "for-each-ref"), git(t, from, "for-each-ref"); here != there {
				t.Errorf("refs of the clone\n%s\nof the remote\n%s", here, there)
			}
		})
	}
}

func TestABundleIsRestoredWhole(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			from, text := bundle(t, format)
			b, err := ReadBundle(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "restored.git")
			if err := b.Restore(to); err != nil {
				t.Fatal(err)
			}
			if here, there := git(t, to, "for-each-ref"), git(t, from, "for-each-ref"); here != there {
				t.Errorf("refs restored\n%s\nof the remote\n%s", here, there)
			}
			git(t, to, "fsck", "--strict")
		})
	}
}

// Every cut and every changed byte is noticed, and leaves nothing behind.
func TestADamagedBundleIsNoBundle(t *testing.T) {
	_, text := bundle(t, "sha1")
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // places to damage, the same in every run
	for range 60 {
		damaged := bytes.Clone(text)
		if at := random.IntN(len(text)); random.IntN(2) == 0 {
			damaged = damaged[:at]
		} else {
			damaged[at] ^= 1 << random.IntN(8)
		}
		to := filepath.Join(t.TempDir(), "restored.git")
		b, err := ReadBundle(bytes.NewReader(damaged))
		if err == nil {
			err = b.Restore(to)
		}
		if err == nil && !sameRefs(b, text) {
			t.Fatal("a damaged bundle was restored")
		}
		if _, missing := os.Stat(to); err != nil && missing == nil {
			t.Error("half a repository was left behind")
		}
	}
}

// sameRefs: a bit that changes the name of a ref makes another sound bundle.
func sameRefs(b *Bundle, text []byte) bool {
	whole, err := ReadBundle(bytes.NewReader(text))
	if err != nil || len(whole.Refs) != len(b.Refs) {
		return false
	}
	for i, ref := range b.Refs {
		if ref.ID != whole.Refs[i].ID {
			return false
		}
	}
	return true
}

func FuzzReadBundle(f *testing.F) {
	f.Add([]byte(bundleHeads[20] + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ReadBundle(bytes.NewReader(text))
		if err == nil && b.HashSize == 0 {
			t.Error("a bundle without a format")
		}
	})
}
