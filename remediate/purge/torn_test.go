package purge

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/store"
)

// liar stands before git's own http-backend and lets a push through as it likes. What is
// pushed is read, and moved, by git.
type liar struct {
	backend http.Handler
	once    bool // it lies once, and is as good as its word after that
	torn    bool // "atomic" does not reach git, so that a hook refuses one ref and the others move
	answer  func(w http.ResponseWriter, git *httptest.ResponseRecorder, request []byte)
	lies    int
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/git-receive-pack") || l.once && l.lies > 0 {
		l.backend.ServeHTTP(w, r)
		return
	}
	l.lies++
	var request bytes.Buffer
	if _, err := request.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sent := request.Bytes()
	if l.torn { // git passes over what it does not know; the lengths stay
		sent = bytes.Replace(sent, []byte(" atomic"), []byte(" cimota"), 1)
	}
	again := r.Clone(r.Context())
	again.Body, again.ContentLength = http.NoBody, int64(len(sent))
	again.Body = readCloser{bytes.NewReader(sent)}
	git := httptest.NewRecorder()
	l.backend.ServeHTTP(git, again)
	if l.answer == nil {
		l.answer = honest
	}
	l.answer(w, git, sent)
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// honest passes on what git says.
func honest(w http.ResponseWriter, git *httptest.ResponseRecorder, _ []byte) {
	for key, values := range git.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(git.Code)
	_, _ = w.Write(git.Body.Bytes())
}

// cut ends the connection without a word.
func cut(http.ResponseWriter, *httptest.ResponseRecorder, []byte) { panic(http.ErrAbortHandler) }

// half sends the head of an answer, and cuts it.
func half(w http.ResponseWriter, git *httptest.ResponseRecorder, _ []byte) {
	w.Header().Set("Content-Type", git.Header().Get("Content-Type"))
	w.Header().Set("Content-Length", fmt.Sprint(git.Body.Len()))
	_, _ = w.Write(git.Body.Bytes()[:git.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// broken answers as a gateway that lost its server, denied as one that lets nobody in.
func broken(w http.ResponseWriter, _ *httptest.ResponseRecorder, _ []byte) {
	http.Error(w, "bad gateway", http.StatusBadGateway)
}

func denied(w http.ResponseWriter, _ *httptest.ResponseRecorder, _ []byte) {
	http.Error(w, "no", http.StatusForbidden)
}

// reporting says the same of every ref, whatever git did.
func reporting(status string) func(http.ResponseWriter, *httptest.ResponseRecorder, []byte) {
	return func(w http.ResponseWriter, git *httptest.ResponseRecorder, request []byte) {
		packet := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
		report := packet("unpack ok\n")
		for at := 0; ; { // the commands, up to the flush
			var size int
			if _, err := fmt.Sscanf(string(request[at:at+4]), "%04x", &size); err != nil || size == 0 {
				break
			}
			name, _, _ := strings.Cut(strings.Fields(string(request[at+4 : at+size]))[2], "\x00")
			report += packet(fmt.Sprintf(status, name) + "\n")
			at += size
		}
		w.Header().Set("Content-Type", git.Header().Get("Content-Type"))
		fmt.Fprintf(w, "%s0000", packet("\x01"+report+"0000"))
	}
}

// lied puts a liar between the scene and its remote. The hook refuses one ref by name.
func (s *scene) lied(l *liar, refuses string) *liar {
	s.t.Helper()
	l.backend = &cgi.Handler{
		Path:       filepath.Join(git(s.t, "/", "--exec-path"), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.remote), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"},
		InheritEnv: []string{"PATH"},
	}
	server := httptest.NewServer(l)
	s.t.Cleanup(server.Close)
	s.reach(server.URL + "/remote.git")
	s.Policy.Owned = []string{strings.TrimPrefix(server.URL, "http://") + "/remote"}
	s.hook(refuses)
	return l
}

// hook refuses one ref; none by "".
func (s *scene) hook(name string) {
	s.t.Helper()
	file := filepath.Join(s.remote, "hooks", "update")
	script := "#!/bin/sh\nif [ \"$1\" = \"" + name + "\" ]; then echo not this one >&2; exit 1; fi\n"
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil { //nolint:gosec // a hook is run
		s.t.Fatal(err)
	}
}

func (s *scene) last(digest string) string {
	s.t.Helper()
	p, err := s.recall(s.t.Context(), digest)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.last
}

// tornPush plans and applies over a server that does a part of it, and holds what is said.
func (s *scene) tornPush(l *liar) (digest, before string) {
	s.t.Helper()
	s.lied(l, "refs/heads/main")
	before = s.refs()
	_, digest = s.plan()
	s.approve(digest)
	moved, err := s.Apply(s.t.Context(), digest)
	if !errors.Is(err, ErrTorn) || moved == nil && err == nil {
		s.t.Fatalf("the remote moved a part: %v", err)
	}
	for _, words := range []string{"2 of 3 are rewritten (refs/heads/side, refs/tags/v1)", "1 are as before (refs/heads/main)", "rewrite apply " + digest} {
		if !strings.Contains(err.Error(), words) {
			s.t.Errorf("it does not say %q: %v", words, err)
		}
	}
	if strings.Contains(err.Error(), "nothing has changed") {
		s.t.Errorf("something has changed: %v", err)
	}
	if s.last(digest) != torn || s.refs() == before {
		s.t.Errorf("the journal says %s", s.last(digest))
	}
	return digest, before
}

// A server that says atomic, and moves two of three refs. Whatever it reports, the refs tell.
func TestARemoteThatTearsAPushIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *httptest.ResponseRecorder, []byte){
		"and says so": honest, "and says that it did all": reporting("ok %s"), "and says that it did nothing": reporting("ng %s failed"),
		"and says nothing": cut, "and is cut off": half, "behind a gateway": broken, "behind one that denies": denied,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			digest, before := s.tornPush(&liar{torn: true, answer: answer})
			if _, err := s.Verify(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "in part") {
				t.Errorf("verify: %v", err)
			}
			s.clock = s.clock.Add(s.Policy.Rewrite.KeepFor() / 1000)
			if err := s.Destroy(t.Context(), digest, true); err == nil || !strings.Contains(err.Error(), "some refs only") {
				t.Errorf("destroy: %v", err)
			}
			told, err := s.Settle(t.Context(), digest, nil, "")
			if !errors.Is(err, ErrTorn) || len(told.Refs) != 3 || told.Of != "" {
				t.Errorf("settle: %+v, %v", told, err)
			}
			s.state(store.Revoked)
			s.hook("")
			if strings.HasPrefix(name, "and says") {
				s.goesOn(digest, before)
			} else {
				s.goesBack(digest, before)
			}
		})
	}
}

// A ref that was left behind, and moved on before anybody looked, is none that somebody moved
// from its new place: it tells that the push was torn, whatever the remote says.
func TestARefThatWasLeftBehindAndMovedOnTells(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.lied(&liar{torn: true, answer: func(w http.ResponseWriter, said *httptest.ResponseRecorder, request []byte) {
		more := git(t, s.remote, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", "-p", "main", "-m", "more", "main^{tree}")
		git(t, s.remote, "update-ref", "refs/heads/main", more)
		reporting("ok %s")(w, said, request)
	}}, "refs/heads/main")
	_, digest := s.plan()
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); !errors.Is(err, ErrTorn) || s.last(digest) != torn {
		t.Errorf("the journal says %s: %v", s.last(digest), err)
	}
}

// goesOn finishes a torn push, and takes all of it back at the end.
func (s *scene) goesOn(digest, before string) {
	s.t.Helper()
	moved, err := s.applyHonestly(digest)
	if err != nil || len(moved) != 3 || s.last(digest) != pushed {
		s.t.Fatalf("%v, %v, %s", moved, err, s.last(digest))
	}
	if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
		s.t.Errorf("the value is still in %v", found)
	}
	if left, err := s.accept(digest); err != nil || len(left.Moved) > 0 {
		s.t.Errorf("%+v, %v", left, err)
	}
	s.state(store.Purged)
	if err := s.Rollback(s.t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before {
		s.t.Errorf("the way back: %v", err)
	}
}

func (s *scene) goesBack(digest, before string) {
	s.t.Helper()
	s.honest()
	if err := s.Rollback(s.t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before || s.last(digest) != returned {
		s.t.Errorf("the way back: %v, %s", err, s.last(digest))
	}
	s.state(store.Revoked)
}

// honest puts git's own answers back, at the same address.
func (s *scene) honest() {
	s.t.Helper()
	s.Remote.Client = &http.Client{Transport: through{&cgi.Handler{
		Path:       filepath.Join(git(s.t, "/", "--exec-path"), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.remote), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"},
		InheritEnv: []string{"PATH"},
	}}}
}

func (s *scene) applyHonestly(digest string) ([]Change, error) {
	s.honest()
	return s.Apply(s.t.Context(), digest)
}

// through answers requests by a handler in process.
type through struct{ http.Handler }

func (h through) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// The server that tears is the only one there is: what it moves is moved again until all is there.
func TestATornPushIsFinishedOnTheServerThatTears(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, "sha256")
	digest, before := s.tornPush(&liar{torn: true})
	if _, err := s.Apply(t.Context(), digest); !errors.Is(err, ErrTorn) || !strings.Contains(err.Error(), "2 of 3") {
		t.Fatalf("the hook still refuses: %v", err)
	}
	s.hook("")
	if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 {
		t.Fatalf("%v, %v", moved, err)
	}
	s.hook("refs/tags/v1") // and it tears the way back
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); !errors.Is(err, ErrTorn) || !strings.Contains(err.Error(), "1 of 3 are rewritten (refs/tags/v1)") {
		t.Fatalf("rolled back: %v", err)
	}
	s.state(store.Revoked)
	s.hook("")
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before || s.last(digest) != returned {
		t.Errorf("the way back: %v", err)
	}
}

// All moved, and nobody heard of it: it is applied, and not sent twice.
func TestAPushWhoseAnswerIsLostIsTaken(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *httptest.ResponseRecorder, []byte){
		"cut": cut, "half": half, "gateway": broken, "denied": denied, "said to be refused": reporting("ng %s failed"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			l := s.lied(&liar{answer: answer}, "")
			before := s.refs()
			_, digest := s.plan()
			s.approve(digest)
			if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 || s.last(digest) != pushed {
				t.Fatalf("%v, %v, %s", moved, err, s.last(digest))
			}
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before {
				t.Errorf("the way back: %v", err)
			}
			if l.lies != 2 {
				t.Errorf("%d pushes were sent", l.lies)
			}
		})
	}
}

// It says that it took all, and took nothing: nobody calls that applied.
func TestAPushThatIsOnlySaidToBeTakenIsNot(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.lied(&liar{once: true, answer: reporting("ok %s")}, "refs/heads/main") // git is atomic here
	before := s.refs()
	_, digest := s.plan()
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "no ref is at its new place") || s.refs() != before {
		t.Fatalf("applied: %v", err)
	}
	s.hook("")
	if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 {
		t.Errorf("%v, %v", moved, err)
	}
}

// Somebody works on while a push is torn: on what moved, he goes along; on what was left behind,
// it cannot be finished, and can be rolled back.
func TestATornPushOverwritesNobody(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"side", "main"} {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			digest, before := s.tornPush(&liar{torn: true})
			s.hook("")
			git(t, s.clone, "fetch", "-q", "origin")
			git(t, s.clone, "checkout", "-q", "--detach", "origin/"+ref)
			write(t, s.clone, "c", "on top\n")
			git(t, s.clone, "push", "-q", "origin", "HEAD:"+ref)
			on := git(t, s.remote, "rev-parse", ref)
			_, err := s.Apply(t.Context(), digest)
			if git(t, s.remote, "rev-parse", ref) != on {
				t.Error("a push was overwritten")
			}
			if ref == "side" {
				if err != nil || s.last(digest) != pushed {
					t.Errorf("apply: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "rewrite rollback") {
				t.Fatalf("apply: %v", err)
			}
			if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil || git(t, s.remote, "rev-parse", ref) != on {
				t.Errorf("rollback: %v", err)
			}
			git(t, s.remote, "update-ref", "refs/heads/main", on+"~1")
			if s.refs() != before {
				t.Error("the rest is not as it was")
			}
		})
	}
}

// A run that is killed in the middle of finishing, or of taking back, is taken up.
func TestATornPushIsTakenUpAfterAKill(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"apply", "rollback"} {
		for _, point := range map[string][]string{"apply": {pushing, "sent"}, "rollback": {returning, "sent back"}}[verb] {
			t.Run(verb+" "+point, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				before := s.refs()
				_, digest := s.plan()
				s.approve(digest)
				if _, err := s.Apply(t.Context(), digest); err != nil {
					t.Fatal(err)
				}
				p, err := s.recall(t.Context(), digest)
				if err != nil {
					t.Fatal(err)
				}
				git(t, s.remote, "update-ref", p.moved[0].Name, p.moved[0].Old) // as a server does that did a part
				if err := s.note(t.Context(), digest, torn, struct{}{}); err != nil {
					t.Fatal(err)
				}
				s.killed(verb, point, digest)
				if verb == "apply" {
					if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 {
						t.Fatalf("%v, %v", moved, err)
					}
					if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
						t.Errorf("the value is still in %v", found)
					}
				}
				if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before {
					t.Errorf("the way back: %v", err)
				}
			})
		}
	}
}
