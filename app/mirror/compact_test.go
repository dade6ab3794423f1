package mirror_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gitrepo"
)

// files are those of a folder of the mirror, by a pattern.
func (w *world) files(pattern string) []string {
	w.t.Helper()
	all, err := filepath.Glob(filepath.Join(w.cache.Path(7), pattern))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// pushed is one more commit and the contents of its file, on a branch of its own.
func (w *world) pushed(i int) (commit, blob gitrepo.ID) {
	w.t.Helper()
	name := "f" + strconv.Itoa(i)
	head := w.local.File(name, name+"\n")
	w.push("HEAD:refs/heads/b" + strconv.Itoa(i))
	for text, id := range map[string]*gitrepo.ID{head: &commit, w.local.Git("rev-parse", "HEAD:"+name): &blob} {
		var err error
		if *id, err = gitrepo.ParseID(text); err != nil {
			w.t.Fatal(err)
		}
	}
	return commit, blob
}

// TestAMirrorStaysCompact: however often it is fetched into, and contents are brought, it
// has few files, and every object that came.
func TestAMirrorStaysCompact(t *testing.T) {
	w := newWorld(t)
	var came []gitrepo.ID
	most := 0
	for i := range 80 {
		commit, blob := w.pushed(i)
		w.use(func(m *mirror.Mirror) error {
			if err := m.Refresh(t.Context()); err != nil {
				return err
			}
			_, err := m.Bring(t.Context(), []gitrepo.ID{blob})
			return err
		})
		came = append(came, commit, blob)
		most = max(most, len(w.files("objects/pack/*.pack")))
	}
	if packs, refs := w.files("objects/pack/*.pack"), w.files("refs/remotes/origin/*"); most > 34 || len(packs) < 2 || len(refs) > 40 {
		t.Errorf("%d packs at most and %d now, %d refs in files of their own", most, len(packs), len(refs))
	}
	indexes, promises := w.files("objects/pack/*.idx"), w.files("objects/pack/*.promisor")
	if n := len(w.files("objects/pack/*.pack")); len(indexes) != n || len(promises) != n {
		t.Errorf("%d packs, %d indexes, %d promises", n, len(indexes), len(promises))
	}
	w.use(func(m *mirror.Mirror) error {
		for _, id := range came {
			if !w.has(m, id.String()) {
				t.Errorf("%s is gone", id)
			}
		}
		if !w.has(m, "refs/remotes/origin/b0") || !w.has(m, "refs/remotes/origin/b79") {
			t.Error("a branch is gone")
		}
		return nil
	})
}

// TestWhatAKilledGitLeftGoes, in the middle of joining packs and of packing refs, and
// nothing else that is called like it.
func TestWhatAKilledGitLeftGoes(t *testing.T) {
	w := newWorld(t)
	w.push("main:refs/heads/tmp_branch")
	refresh := func(m *mirror.Mirror) error { return m.Refresh(t.Context()) }
	w.use(refresh)
	left := []string{"packed-refs.new", "packed-refs.lock", "objects/pack/pack-ab.pack", "objects/pack/pack-ab.promisor", "objects/pack/tmp_join-ab.idx", "objects/pack/tmp_pack_X"}
	for _, name := range left {
		if err := os.WriteFile(filepath.Join(w.cache.Path(7), name), []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.use(func(*mirror.Mirror) error {
		for _, name := range left {
			if len(w.files(name)) > 0 {
				t.Errorf("%s is left", name)
			}
		}
		if len(w.files("refs/remotes/origin/tmp_branch")) != 1 || len(w.files("objects/pack/pack-*")) != 3 {
			t.Error("more is gone")
		}
		return nil
	})
	w.use(refresh)
}

// TestAMirrorWhoseUserFailsIsCompactToo, as it is before it is used, whatever its folder
// is called.
func TestAMirrorWhoseUserFailsIsCompactToo(t *testing.T) {
	w := newWorld(t)
	w.cache.Dir = filepath.Join(t.TempDir(), "a[b]*c")
	failed := errors.New("failed")
	for i := range 40 {
		w.pushed(i)
		err := w.cache.Use(t.Context(), mirror.Origin{ID: 7, URL: w.url}, func(m *mirror.Mirror) error { return errors.Join(failed, m.Refresh(t.Context())) })
		if err == nil || !errors.Is(err, failed) || err.Error() != "failed" {
			t.Fatal(err)
		}
	}
	all, err := os.ReadDir(filepath.Join(w.cache.Path(7), "objects/pack"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 3*33 {
		t.Errorf("%d files of packs", len(all))
	}
}

// TestAMirrorThatCannotBeCompactIsUsed: a pack whose index is damaged stops nobody, and
// what a process that was killed left of its joining goes.
func TestAMirrorThatCannotBeCompactIsUsed(t *testing.T) {
	w := newWorld(t)
	for i := range 32 {
		w.pushed(i)
		w.use(func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
	}
	before := len(w.files("objects/pack/*.pack"))
	for _, name := range []string{"pack-ab.idx", "pack-ab.pack", "tmp_join-ab.pack"} {
		if err := os.WriteFile(filepath.Join(w.cache.Path(7), "objects/pack", name), []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.use(func(*mirror.Mirror) error { return nil })
	if now := len(w.files("objects/pack/pack-*.pack")); now != before+1 || len(w.files("objects/pack/tmp_*")) > 0 {
		t.Errorf("%d packs of %d, and %q", now, before+1, w.files("objects/pack/tmp_*"))
	}
}
