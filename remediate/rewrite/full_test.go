package rewrite

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// noise is text that compresses badly.
func noise(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(' ' + rand.N(90))
	}
	return string(out)
}

// TestDiskFull has a repository on a disk that has no room for the new objects, and
// one whose backup is on such a disk.
func TestDiskFull(t *testing.T) {
	for name, kib := range map[string]int{"objects": 3000, "backup": 40} {
		t.Run(name, func(t *testing.T) {
			disk := gittest.SmallDisk(t, kib)
			g := newGround(t, "sha1")
			for i := range 8 {
				g.File("file", noise(200<<10)+g.value+noise(i))
			}
			saved := elsewhere(t)
			if name == "objects" {
				dir := filepath.Join(disk, "full.git")
				g.Git("clone", "-q", "--mirror", "--no-local", "file://"+g.Dir, dir)
				g.Dir = dir
			} else {
				saved.Bundle = filepath.Join(disk, "old.bundle")
			}
			refs, size := g.Git("for-each-ref"), packs(t, g.Dir)
			_, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{}, saved)
			if says := map[string]string{"objects": "no space left", "backup": "write the bundle: "}[name]; err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("the error is %v", err)
			}
			if g.Git("for-each-ref") != refs || packs(t, g.Dir) != size {
				t.Error("something changed")
			}
			g.Git("fsck", "--strict", "--no-dangling")
		})
	}
}

// packs are the names of what is among the packs of a repository.
func packs(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "/pack/") {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}
