package mirror_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gitserve"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// world is a git server with one repository, and a cache.
type world struct {
	t      *testing.T
	url    string
	server *gitserve.Repo
	local  *gittest.Repo
	cache  *mirror.Cache
	now    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	git, err := gitserve.New(gitserve.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(git.Close)
	web := httptest.NewServer(git)
	t.Cleanup(web.Close)
	w := &world{t: t, url: web.URL + "/acme/app.git", local: gittest.New(t), now: time.Now()}
	if w.server, err = git.Init("acme/app"); err != nil {
		t.Fatal(err)
	}
	w.local.File("a.txt", "one\n")
	w.local.Git("remote", "add", "origin", w.url)
	w.push("main")
	w.cache = &mirror.Cache{Dir: filepath.Join(t.TempDir(), "mirrors"), Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler)}
	return w
}

func (w *world) push(args ...string) {
	w.local.Git(append([]string{"push", "-q", "origin"}, args...)...)
}

func (w *world) use(f func(*mirror.Mirror) error) {
	w.t.Helper()
	if err := w.cache.Use(w.t.Context(), mirror.Origin{ID: 7, URL: w.url}, f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) has(m *mirror.Mirror, ref string) bool {
	repo, err := gitrepo.Open(m.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer repo.Close()
	id, err := gitrepo.ParseID(ref)
	if err != nil {
		if id, err = repo.Resolve(ref); err != nil {
			return false
		}
	}
	_, _, err = repo.NewReader(0).Header(id)
	return err == nil
}

func TestAMirrorFollowsItsOriginWithoutTheContentsOfFiles(t *testing.T) {
	w := newWorld(t)
	blob := w.local.Git("rev-parse", "HEAD:a.txt")
	w.local.Git("tag", "v1")
	w.local.Git("branch", "old")
	w.push("v1", "old")
	w.use(func(m *mirror.Mirror) error {
		err := m.Refresh(t.Context())
		if !w.has(m, "refs/remotes/origin/main") || !w.has(m, "v1") || !w.has(m, "refs/remotes/origin/old") || w.has(m, blob) {
			t.Error("the mirror does not hold every branch and tag, or holds contents")
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
		return err
	})
}

func TestObjectsThatAreMissingComeTogether(t *testing.T) {
	w := newWorld(t)
	var wanted []gitrepo.ID
	for i := range 5 {
		w.local.File("f"+strconv.Itoa(i), strings.Repeat("x", i+1))
		id, err := gitrepo.ParseID(w.local.Git("rev-parse", "HEAD:f"+strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		wanted = append(wanted, id)
	}
	w.push("main")
	unknown, err := gitrepo.ParseID(strings.Repeat("12", 20))
	if err != nil {
		t.Fatal(err)
	}
	w.use(func(m *mirror.Mirror) error {
		if err := m.Refresh(t.Context()); err != nil {
			return err
		}
		n, err := m.Bring(t.Context(), append(wanted[:3:3], unknown, wanted[3], wanted[4]))
		if n != 5 || err != nil {
			t.Errorf("%d of 5 came: %v", n, err)
		}
		for _, id := range wanted {
			if !w.has(m, id.String()) {
				t.Errorf("%s did not come", id)
			}
		}
		return nil
	})
}

func TestWhatAGitThatWasKilledLeftBehindIsNoObstacle(t *testing.T) {
	w := newWorld(t)
	w.use(func(m *mirror.Mirror) error {
		for _, name := range []string{"config.lock", "packed-refs.lock", "refs/remotes/origin/main.lock", "objects/pack/tmp_pack_x"} {
			file := filepath.Join(m.Dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	w.use(func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
	w.use(func(m *mirror.Mirror) error { return os.Remove(filepath.Join(m.Dir, "leakgate-used")) }) // killed while it was made
	w.use(func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
}

func TestAMirrorIsUsedByOneAtATime(t *testing.T) {
	w := newWorld(t)
	w.use(func(*mirror.Mirror) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := w.cache.Use(ctx, mirror.Origin{ID: 7, URL: w.url}, func(*mirror.Mirror) error { t.Error("two at once"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the second waits no longer, but: %v", err)
		}
		err = w.cache.Use(t.Context(), mirror.Origin{ID: 7, URL: w.url}, func(*mirror.Mirror) error { t.Error("two at once"); return nil })
		if !errors.Is(err, mirror.ErrInUse) {
			t.Errorf("the second had enough of waiting, but: %v", err)
		}
		return nil
	})
}

func TestTheMirrorThatWasNotUsedForLongestGoes(t *testing.T) {
	w := newWorld(t)
	for id := int64(1); id <= 3; id++ {
		err := w.cache.Use(t.Context(), mirror.Origin{ID: id, URL: w.url}, func(m *mirror.Mirror) error { return m.Refresh(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
		at := w.now.Add(time.Duration(id) * time.Hour)
		if err := os.Chtimes(filepath.Join(w.cache.Dir, strconv.FormatInt(id, 10)+".git", "leakgate-used"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	w.cache.Max = 1
	err := w.cache.Use(t.Context(), mirror.Origin{ID: 1, URL: w.url}, func(*mirror.Mirror) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(w.cache.Dir, "*.git"))
	if len(left) != 1 || filepath.Base(left[0]) != "1.git" || err != nil {
		t.Errorf("left are %q: %v", left, err)
	}
	if err := w.cache.Drop(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if left, _ = filepath.Glob(filepath.Join(w.cache.Dir, "*.git")); len(left) != 0 {
		t.Errorf("dropped, and %q is left", left)
	}
}

func TestOnlyAServerIsFetchedFrom(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	for _, url := range []string{
		"", "/etc", "file:///etc", "ext::sh -c id", "--upload-pack=id", "ssh://git@example.com/x", "http://example.com/acme/app.git",
		"https://user:word@example.com/acme/app.git", "https://example.com/a?b", "https://example.com/a\nb", "git://example.com/x",
	} {
		err := w.cache.Use(t.Context(), mirror.Origin{ID: 7, URL: url}, func(*mirror.Mirror) error { t.Errorf("%q is taken", url); return nil })
		if err == nil {
			t.Errorf("%q is no error", url)
		}
	}
	err := w.cache.Use(t.Context(), mirror.Origin{ID: 7, URL: strings.Replace(w.url, "app.git", "none.git", 1), Token: secret.New(token)}, func(m *mirror.Mirror) error {
		text, err := os.ReadFile(filepath.Join(m.Dir, "config"))
		if strings.Contains(string(text), token) || err != nil {
			t.Errorf("the token is kept, or: %v", err)
		}
		for _, commit := range []string{"--upload-pack=id", "main", ""} {
			if err := m.Refresh(t.Context(), commit); err == nil {
				t.Errorf("%q is fetched", commit)
			}
		}
		return m.Refresh(t.Context())
	})
	if err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("a repository that is not there: %v", err)
	}
}
