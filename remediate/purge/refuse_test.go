package purge

import (
	"errors"
	"math/rand/v2"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo/wire"
	"github.com/leakgate/leakgate/internal/gittest"
)

// A remote that anybody may read and nobody may write.
func TestAReadOnlyRemoteChangesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	server := httptest.NewServer(&cgi.Handler{ // without REMOTE_USER git takes no push
		Path: filepath.Join(git(t, "/", "--exec-path"), "git-http-backend"), InheritEnv: []string{"PATH"},
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.remote), "GIT_HTTP_EXPORT_ALL=1"},
	})
	t.Cleanup(server.Close)
	s.reach(server.URL + "/remote.git")
	s.Policy.Owned = []string{strings.TrimPrefix(server.URL, "http://") + "/remote"}
	_, digest := s.plan()
	s.approve(digest)
	before := s.refs()
	for range 2 {
		if _, err := s.Apply(t.Context(), digest); !errors.Is(err, wire.ErrDenied) {
			t.Errorf("the error is %v", err)
		}
		if _, err := s.Propose(t.Context(), digest); !errors.Is(err, wire.ErrDenied) {
			t.Errorf("propose: %v", err)
		}
	}
	if s.refs() != before {
		t.Error("the remote changed")
	}
	s.leftNothing()
	s.reach(s.remote)
	if _, err := s.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "the plan is for") {
		t.Errorf("another address: %v", err)
	}
}

// A disk without room for the mirror, for the new objects, or for the bundle.
func TestADiskThatIsFullChangesNothing(t *testing.T) {
	s := newScene(t)
	text := make([]byte, 300<<10)
	for i := range text {
		text[i] = byte(' ' + rand.N(90))
	}
	write(t, s.clone, "config", string(text)+value)
	git(t, s.clone, "push", "-q", "origin", "main")
	_, digest := s.plan()
	s.approve(digest)
	before, roomy := s.refs(), s.Dir
	failed := 0
	for _, kib := range []int{100, 200, 300, 400, 500, 600, 700, 800, 900, 1000} {
		s.Dir = gittest.SmallDisk(t, kib)
		_, err := s.Apply(t.Context(), digest)
		if err == nil {
			break
		}
		failed++
		if !strings.Contains(strings.ToLower(err.Error()), "no space left") {
			t.Errorf("%d KiB: the error is %v", kib, err)
		}
		if s.refs() != before {
			t.Fatalf("%d KiB: the remote changed", kib)
		}
		s.leftNothing()
		if left, _ := filepath.Glob(filepath.Join(s.Dir, "*.age")); len(left) > 0 {
			t.Errorf("%d KiB: half a bundle stays: %v", kib, left)
		}
	}
	if failed < 3 {
		t.Errorf("only %d disks were too small", failed)
	}
	if s.refs() == before {
		s.Dir = roomy
		if _, err := s.Apply(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	}
	if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
		t.Errorf("the value is in %v", found)
	}
}
