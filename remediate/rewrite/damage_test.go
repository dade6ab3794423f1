package rewrite

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// TestDamageInPacks flips a bit of the pack anywhere: the rewrite tells of it and
// nothing moves, whatever kind of object it is in, changed or not.
func TestDamageInPacks(t *testing.T) {
	g := newGround(t, "sha1")
	for i := range 12 {
		g.File("dir/file", noise(300)+strings.Repeat("line\n", i))
		g.File("leak", noise(30)+g.value)
	}
	g.Git("tag", "-a", "-m", "A tag", "v1")
	g.Git("repack", "-adfq")
	found, err := filepath.Glob(filepath.Join(g.Dir, ".git/objects/pack/*.pack"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	whole, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(found[0], 0o600); err != nil {
		t.Fatal(err)
	}
	refs, names := g.Git("for-each-ref"), packs(t, g.Dir)
	for range 60 {
		at := 12 + rand.N(len(whole)-12-20) // the pack's head and sum are git's to check
		bad := append([]byte(nil), whole...)
		bad[at] ^= 1 << rand.N(8)
		if err := os.WriteFile(found[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{Write: true})
		if err == nil {
			t.Errorf("a flipped bit in byte %d of %d goes unnoticed", at, len(whole))
		} else if holds(err.Error(), spellings(g.value)) {
			t.Error("the error holds a value")
		}
	}
	if err := os.WriteFile(found[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if g.Git("for-each-ref") != refs || packs(t, g.Dir) != names {
		t.Error("something changed")
	}
	g.holdsLaw()
}

// TestUnreadable has objects that nobody can read in any way.
func TestUnreadable(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		g.File("leak", g.value)
		tree, size := g.Git("rev-parse", "HEAD^{tree}"), len(g.Git("rev-parse", "HEAD"))
		zero := strings.Repeat("\x01", size/2)
		for name, bad := range map[string][2]string{
			"a tree that is cut off":       {"tree", "100644 a\x00" + zero[1:]},
			"a tree without a mode":        {"tree", " a\x00" + zero},
			"a tree without a name":        {"tree", "100644 \x00" + zero},
			"a commit without a tree":      {"commit", "author " + who + "\ncommitter " + who + "\n\n" + g.value},
			"a commit with half an id":     {"commit", "tree " + tree[:20] + "\nauthor " + who + "\n\n" + g.value},
			"a commit with a strange line": {"commit", "tree " + tree + "\nparent nobody\nauthor " + who + "\n\n" + g.value},
			"a tag of nothing":             {"tag", "tag x\n\n" + g.value},
		} {
			id := g.raw(bad[0], bad[1])
			path := filepath.Join(g.Dir, ".git/objects", id[:2], id[2:])
			g.refused(nil, id)
			if err := os.Remove(path); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		g.holdsLaw()
	})
}

// TestDiskFullAsRefsMove fills the disk when all but the refs is written.
func TestDiskFullAsRefsMove(t *testing.T) {
	disk := gittest.SmallDisk(t, 3000)
	g := newGround(t, "sha1")
	g.File("leak", g.value)
	for _, name := range strings.Fields("a b c d e f g h") {
		g.Git("branch", name)
	}
	dir := filepath.Join(disk, "full.git")
	g.Git("clone", "-q", "--mirror", "--no-local", "file://"+g.Dir, dir)
	g.Dir = dir
	refs, names := g.Git("for-each-ref"), packs(t, dir)
	fill := func(stage string) {
		if stage == "move refs" {
			file, err := os.Create(filepath.Join(disk, "filler"))
			for err == nil {
				_, err = file.WriteString(noise(4096))
			}
			if err = errors.Join(file.Close()); err != nil && !strings.Contains(err.Error(), "no space") {
				t.Error(err)
			}
		}
	}
	_, err := Apply(t.Context(), open(t, dir), &g.spec, Options{Notice: fill}, elsewhere(t))
	if err == nil || !strings.Contains(err.Error(), "none has moved") {
		t.Errorf("the error is %v", err)
	}
	if g.Git("for-each-ref") != refs || packs(t, dir) != names {
		t.Error("something changed")
	}
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(t.Context(), open(t, dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
