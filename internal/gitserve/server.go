// Package gitserve is a git server for tests: git's own http-backend over real bare
// repositories, with the doors that a test needs: who may come in, what is declined,
// what happens between two requests of a push. Product code must not import it.
package gitserve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Options say how the server behaves. The zero value lets everyone read and write.
type Options struct {
	// Root is the folder of the repositories; each is at Root/OWNER/NAME.git.
	Root string
	// Allow names the user who asks, or gives the status with which to refuse. It may
	// be called concurrently, as may the others.
	Allow func(r *http.Request, repo string, write bool) (user string, status int)
	// Before is called when a push begins, and again when its objects have arrived and
	// no ref has moved yet: whatever it does to the repository, the pusher races with it.
	Before func(repo string, stage Stage)
	// Update is asked for each ref of a push. An error declines this ref (all of them
	// in an atomic push), and its text reaches who pushes, on lines with "remote: ".
	Update func(Push, Change) error
	// Received is told which refs have moved, before git push returns.
	Received func(Push)
}

// Stage is a moment in a push.
type Stage int

const (
	Advertise Stage = iota + 1 // the refs are about to be listed
	Receive                    // the commands and objects are about to be handed to git
)

// Push is one git push: who changes what.
type Push struct {
	Repo, User string
	Changes    []Change // in Update: none
}

// Change moves a ref from Old to New. Zeros stand for a ref that is not there.
type Change struct{ Ref, Old, New string }

// Server is a handler for paths as /OWNER/NAME.git/info/refs, with or without ".git".
// Close it.
type Server struct {
	Options
	backend string
	hooks   *hooks
	close   sync.Once
}

// New makes a server over the folder, which may hold repositories already.
func New(o Options) (*Server, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return nil, err
	}
	s := &Server{Options: o, backend: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")}
	if _, err := os.Stat(s.backend); err != nil {
		return nil, fmt.Errorf("git has no http-backend (apt-get install git): %w", err)
	}
	s.hooks, err = listen(s)
	return s, err
}

// Close ends the listener that the hooks of repositories talk to.
func (s *Server) Close() {
	s.close.Do(s.hooks.close)
}

// route is what git asks over HTTP. A name of dots alone could lead out of the root; one
// as .github is usual.
var route = regexp.MustCompile(`^/(\w[\w.-]*/[.-]*\w[\w.-]*)/(info/refs|git-upload-pack|git-receive-pack)$`)

// Serves says whether the request is one of git.
func Serves(r *http.Request) bool { return route.MatchString(r.URL.Path) }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := route.FindStringSubmatch(r.URL.Path)
	if match == nil {
		http.NotFound(w, r)
		return
	}
	repo, service := strings.TrimSuffix(match[1], ".git"), match[2]
	if service == "info/refs" {
		service = r.URL.Query().Get("service")
	}
	write := service == "git-receive-pack"
	user, ok := s.enter(w, r, repo, write)
	if !ok {
		return
	}
	if !s.exists(repo) {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	body, err := spool(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer body.Close()
	if write && s.Before != nil {
		s.Before(repo, stage(r))
	}
	s.run(w, r, repo, match[2], user)
}

// stage tells the first request of a push from that which carries it. A body of four
// bytes carries nothing: git tries its credentials so.
func stage(r *http.Request) Stage {
	if r.Method == http.MethodPost && r.ContentLength > 4 {
		return Receive
	}
	return Advertise
}

func (s *Server) enter(w http.ResponseWriter, r *http.Request, repo string, write bool) (string, bool) {
	if s.Allow == nil {
		return "anyone", true
	}
	user, status := s.Allow(r, repo, write)
	if status == 0 || status == http.StatusOK {
		return user, true
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
	http.Error(w, http.StatusText(status), status)
	return "", false
}

func (s *Server) exists(repo string) bool {
	_, err := os.Stat(filepath.Join(s.Root, repo+".git", "HEAD"))
	return err == nil
}

// run hands the request to git. REMOTE_USER is what lets git take a push.
func (s *Server) run(w http.ResponseWriter, r *http.Request, repo, action, user string) {
	push, done := s.hooks.begin(Push{Repo: repo, User: user})
	defer done()
	r = r.Clone(r.Context())
	r.URL.Path = "/" + repo + ".git/" + action
	handler := cgi.Handler{
		Path:       s.backend,
		InheritEnv: []string{"PATH"},
		Env: []string{
			"GIT_PROJECT_ROOT=" + s.Root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + user,
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
			"GITSERVE_HOOKS=" + s.hooks.address(), "GITSERVE_PUSH=" + push,
		},
	}
	handler.ServeHTTP(w, r)
}

// spool gives the request a body of known length: git sends more than 1 MiB in
// chunks, and net/http/cgi refuses those.
func spool(r *http.Request) (io.Closer, error) {
	if r.Body == nil || r.ContentLength >= 0 {
		return io.NopCloser(nil), nil
	}
	file, err := os.CreateTemp("", "gitserve-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	size, err := io.Copy(file, r.Body)
	if _, seek := file.Seek(0, io.SeekStart); err != nil || seek != nil {
		file.Close()
		return nil, errors.Join(err, seek)
	}
	r.Body, r.ContentLength, r.TransferEncoding = file, size, nil
	return file, nil
}
