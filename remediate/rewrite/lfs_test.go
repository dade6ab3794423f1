package rewrite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// pointerTo is a file that stands for an object of LFS.
func pointerTo(oid string) string {
	return string(pointer) + "oid sha256:" + oid + "\nsize 12345\n"
}

// TestLFS tells which objects nothing stands for any more: those that are dropped
// everywhere, and not those that stay elsewhere or came back under another name.
func TestLFS(t *testing.T) {
	g := newGround(t, "sha1")
	oid := func(c string) string { return strings.Repeat(c, 64) }
	g.Write("gone.bin", pointerTo(oid("a")))
	g.Write("secret/gone2.bin", pointerTo(oid("b")))
	g.Write("secret/also.bin", pointerTo(oid("c")))
	g.Write("kept.bin", pointerTo(oid("d")))
	g.Commit("pointers")
	g.Write("elsewhere.bin", pointerTo(oid("c")))
	g.Write("extended.bin", string(pointer)+"ext-0-x sha256:"+oid("f")+"\noid sha256:"+oid("e")+"\nsize 1\n")
	g.Write("no.bin", strings.Repeat("x", 2000))
	g.Commit("more")
	g.spec.Drop = []string{"gone.bin", "secret"}
	r, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{oid("a"), oid("b")}; !slices.Equal(r.LFS, want) {
		t.Errorf("orphans: %v", r.LFS)
	}
	dir := t.TempDir()
	if err := r.WriteMaps(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "orphaned_lfs_objects")); err != nil || string(text) != oid("a")+"\n"+oid("b")+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	if r, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{}); err != nil || len(r.LFS) > 0 {
		t.Errorf("a second time: %v, %v", r, err)
	}
}

// What git rerere keeps are files with both sides of a conflict.
func TestCleanForgetsConflicts(t *testing.T) {
	g := newGround(t, "sha1")
	cache := filepath.Join(g.Dir, ".git", "rr-cache", gittest.Letters(40))
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cache, "preimage"), []byte(g.value), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(cache)); !os.IsNotExist(err) {
		t.Errorf("rr-cache: %v", err)
	}
}
