package mirror_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

func TestAMirrorFollowsItsOriginWithoutGit(t *testing.T) {
	w := newWorld(t)
	w.cache.Plain = true
	blob := w.local.Git("rev-parse", "HEAD:a.txt")
	w.local.Git("tag", "-a", "-m", "x", "v1")
	w.local.Git("branch", "old")
	w.push("v1", "old")
	w.use(func(m *mirror.Mirror) error {
		err := m.Refresh(t.Context())
		if !w.has(m, "refs/remotes/origin/main") || !w.has(m, "v1") || !w.has(m, "refs/remotes/origin/old") || !w.has(m, blob) {
			t.Error("the mirror does not hold every branch and tag with all contents")
		}
		return err
	})
	w.local.Git("push", "-q", "origin", ":old")
	head := w.local.File("b.txt", "two\n")
	w.push("HEAD:refs/heads/next")
	if _, err := w.server.Git("update-ref", "refs/pull/1/head", head); err != nil {
		t.Fatal(err)
	}
	w.push("--delete", "next")
	w.use(func(m *mirror.Mirror) error {
		err := m.Refresh(t.Context(), head)
		if w.has(m, "refs/remotes/origin/old") || !w.has(m, head) {
			t.Error("a branch that is gone stays, or a commit without a branch does not come")
		}
		return errors.Join(err, m.Stand(head))
	})
	// With git again the same mirror goes on, and without it once more.
	w.local.File("c.txt", "three\n")
	w.push("main")
	for _, plain := range []bool{false, true} {
		w.cache.Plain = plain
		w.use(func(m *mirror.Mirror) error {
			err := m.Refresh(t.Context())
			if !w.has(m, w.local.Git("rev-parse", "HEAD")) {
				t.Errorf("without git %v: what is new does not come", plain)
			}
			return err
		})
	}
}

func TestWhatDidNotMoveIsNotFetchedAgainWithoutGit(t *testing.T) {
	w := newWorld(t)
	w.cache.Plain = true
	var before os.FileInfo
	for range 2 {
		w.use(func(m *mirror.Mirror) error {
			err := m.Refresh(t.Context())
			now, stat := os.Stat(m.Dir)
			if before != nil && !os.SameFile(before, now) {
				t.Error("the mirror was made anew")
			}
			before = now
			return errors.Join(err, stat)
		})
	}
}

func TestWithoutGitTheTokenGoesToTheServerAlone(t *testing.T) {
	w := newWorld(t)
	w.cache.Plain = true
	token, asked := gittest.Token(), ""
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked += r.URL.Path }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if _, word, _ := r.BasicAuth(); word != token {
			t.Error("the token is not sent to whom it is for")
		}
		http.Redirect(out, r, elsewhere.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(here.Close)
	o := mirror.Origin{ID: 7, URL: here.URL + "/acme/app.git", Token: secret.New(token)}
	err := w.cache.Use(t.Context(), o, func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
	if err == nil || asked != "" || strings.Contains(err.Error(), token) {
		t.Errorf("a redirect: asked %q there, %v", asked, err)
	}
	copied := w.cache.Copy(t.Context(), o, "main", func(string) error { return nil })
	if copied == nil || asked != "" || strings.Contains(copied.Error(), token) {
		t.Errorf("a redirect of a copy: asked %q there, %v", asked, copied)
	}
}

func TestACopyHoldsEverythingAndIsGoneAfterwards(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := newWorld(t)
		w.cache.Plain = plain
		head := w.local.File("b.txt", gittest.Letters(1<<20))
		blob := w.local.Git("rev-parse", "HEAD:b.txt")
		w.push("HEAD:refs/heads/next")
		for _, ref := range []string{"refs/pull/1/head", "refs/pull/1/merge"} {
			if _, err := w.server.Git("update-ref", ref, head); err != nil {
				t.Fatal(err)
			}
		}
		w.push("--delete", "next")
		o, dir := mirror.Origin{ID: 7, URL: w.url}, ""
		err := w.cache.Copy(t.Context(), o, "main", func(d string) error {
			dir = d
			m := &mirror.Mirror{Dir: d}
			if !w.has(m, "HEAD") || !w.has(m, "refs/pull/1/head") || !w.has(m, blob) || w.has(m, "refs/pull/1/merge") {
				t.Errorf("without git %v: the copy is not what it should be", plain)
			}
			if err := w.cache.Copy(t.Context(), o, "main", func(string) error { return nil }); !errors.Is(err, mirror.ErrInUse) {
				t.Errorf("two copies at once: %v", err)
			}
			return nil
		})
		if _, stat := os.Stat(dir); err != nil || !os.IsNotExist(stat) {
			t.Errorf("without git %v: %v, and it is there still: %v", plain, err, stat)
		}
		w.cache.Copies = 300 << 10
		err = w.cache.Copy(t.Context(), o, "main", func(string) error { t.Error("it was made"); return nil })
		if _, stat := os.Stat(dir); !errors.Is(err, mirror.ErrTooLarge) || !os.IsNotExist(stat) {
			t.Errorf("without git %v: larger than it may be, but: %v %v", plain, err, stat)
		}
	}
}

func TestWhatAKilledProcessLeavesGoes(t *testing.T) {
	w := newWorld(t)
	w.cache.Max = 1 << 40
	left := filepath.Join(w.cache.Dir, "9.copy")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	draft := filepath.Join(w.cache.Dir, "7.git.tmp") // of the mirror that is used, and of one that was never made
	for _, dir := range []string{draft, filepath.Join(w.cache.Dir, "6.git.tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := filepath.Join(w.cache.Dir, "8.git")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	at := w.now.Add(-31 * 24 * time.Hour)
	if err := errors.Join(os.WriteFile(filepath.Join(old, "leakgate-used"), nil, 0o600), os.Chtimes(filepath.Join(old, "leakgate-used"), at, at)); err != nil {
		t.Fatal(err)
	}
	w.use(func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
	w.cache.Clear()
	for _, dir := range []string{left, old, draft, filepath.Join(w.cache.Dir, "6.git.tmp")} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is left", dir)
		}
	}
	w.cache.Keep(func(int64) bool { return false })
	if dirs, _ := filepath.Glob(filepath.Join(w.cache.Dir, "*.git")); len(dirs) > 0 {
		t.Errorf("%q is left", dirs)
	}
}

// A mirror that is being made anew has a draft beside it, which counts and stays.
func TestADraftInUseCountsAndStays(t *testing.T) {
	w := newWorld(t)
	w.cache.Max = 1 << 40
	w.use(func(m *mirror.Mirror) error {
		draft := m.Dir + ".tmp"
		if err := errors.Join(os.MkdirAll(draft, 0o700), os.WriteFile(filepath.Join(draft, "pack"), make([]byte, 1<<20), 0o600)); err != nil {
			return err
		}
		w.cache.Clear()
		_, err := os.Stat(draft)
		return err
	})
	if w.cache.Bytes() < 1<<20 {
		t.Errorf("%d bytes", w.cache.Bytes())
	}
}
