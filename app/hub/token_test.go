package hub

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestSessionReachesOneRepositoryAndDies(t *testing.T) {
	for _, enterprise := range []bool{false, true} {
		t.Run(fmt.Sprint("enterprise ", enterprise), func(t *testing.T) {
			w := newWorld(t, ghfake.Options{Enterprise: enterprise})
			w.repo.Private, w.other.Private = true, true
			s := w.open(ToRead())
			if s.FullName() != "acme/app" || !s.Private || s.Branch != "main" {
				t.Errorf("session on %s, private %v, branch %s", s.FullName(), s.Private, s.Branch)
			}
			if _, _, err := s.GitHub.Repositories.Get(t.Context(), "acme", "app"); err != nil {
				t.Errorf("its own repository: %v", err)
			}
			if _, _, err := s.GitHub.Repositories.Get(t.Context(), "acme", "other"); status(err) != http.StatusNotFound {
				t.Errorf("another private repository: %v", err)
			}
			_, _, err := s.GitHub.Checks.CreateCheckRun(t.Context(), "acme", "app", github.CreateCheckRunOptions{Name: "x", HeadSHA: w.head()})
			if status(err) != http.StatusForbidden {
				t.Errorf("a permission that was not asked for: %v", err)
			}
			w.must(s.Close(t.Context()))
			if !w.Revoked(s.Token().Reveal()) {
				t.Error("the token is still alive")
			}
			w.must(s.Close(t.Context())) // twice does no harm
			if strings.Contains(fmt.Sprintf("%+v %v", s, s.Token()), s.Token().Reveal()) {
				t.Error("the token prints")
			}
		})
	}
}

func TestSessionFollowsARename(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	id := w.repo.ID()
	w.Rename(w.repo, "renamed")
	s, err := w.app.Open(t.Context(), w.installed.ID, id, ToRead())
	w.must(err)
	url, err := s.CloneURL()
	w.must(err)
	if s.Name != "renamed" || url != w.URL+"/acme/renamed.git" {
		t.Errorf("%s at %s", s.Name, url)
	}
}

func TestOpenSaysWhatWillNeverWork(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	elsewhere, err := w.Repository("mallory/app", true)
	w.must(err)
	for name, c := range map[string]struct {
		installation, repository int64
		p                        Permissions
		gone                     bool
		text                     string
	}{
		"another account's repository": {w.installed.ID, elsewhere.ID(), ToRead(), true, "does not reach"},
		"no such installation":         {4711, w.repo.ID(), ToRead(), true, "not there"},
		"a permission never granted":   {w.installed.ID, w.repo.ID(), Permissions{"administration": "write"}, false, "doctor"},
		"a permission that is none":    {w.installed.ID, w.repo.ID(), Permissions{"everything": "write"}, false, "everything"},
		"no permission named":          {w.installed.ID, w.repo.ID(), nil, false, "all of the App"},
	} {
		_, err := w.app.Open(t.Context(), c.installation, c.repository, c.p)
		if err == nil || errors.Is(err, ErrGone) != c.gone || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Suspend(w.installed, true)
	if _, err := w.app.Open(t.Context(), w.installed.ID, w.repo.ID(), ToRead()); !errors.Is(err, ErrGone) {
		t.Errorf("suspended: %v", err)
	}
}

func TestAppSignsInGitHubsTime(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	for _, ahead := range []time.Duration{-3 * time.Hour, -11 * time.Minute, 0, 11 * time.Minute, 3 * time.Hour} {
		w.app = w.newApp(w.key()) // knows nothing of the last skew
		w.clock.skew(ahead)
		if _, _, err := w.app.client.Apps.Get(t.Context(), ""); err != nil {
			t.Errorf("a clock that is %s ahead: %v", ahead, err)
		}
	}
}

func TestCredentialsStayOnTheHost(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusMovedPermanently))
	defer here.Close()
	w := newWorld(t, ghfake.Options{})
	app, err := New(Options{ID: 1, Key: w.key(), Server: Server{API: here.URL + "/", Web: here.URL + "/"}})
	w.must(err)
	if _, err := app.Open(t.Context(), 1, 1, ToRead()); err == nil || asked > 0 {
		t.Errorf("asked elsewhere %d times, err %v", asked, err)
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]Server{
		"":                              {"https://api.github.com/", "https://github.com/"},
		"GitHub.com":                    {"https://api.github.com/", "https://github.com/"},
		"https://acme.ghe.com/":         {"https://api.acme.ghe.com/", "https://acme.ghe.com/"},
		"api.acme.ghe.com":              {"https://api.acme.ghe.com/", "https://acme.ghe.com/"},
		"github.acme.example":           {"https://github.acme.example/api/v3/", "https://github.acme.example/"},
		"https://github.acme.test:8443": {"https://github.acme.test:8443/api/v3/", "https://github.acme.test:8443/"},
		"http://127.0.0.1:8080":         {"http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/"},
	} {
		if got, err := ParseServer(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"http://github.com", "https://user:word@github.com", "https://github.com/acme", "ftp://github.com", "https://", "git hub", "https://a.test?x=1"} {
		if got, err := ParseServer(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func TestCloneTakesNoForeignAddress(t *testing.T) {
	s, _ := ParseServer("")
	for _, c := range [][2]string{{"..", "app"}, {"acme", ".."}, {"acme", "a/../../b"}, {"acme", "-upload-pack=x"}, {"a@evil.test:", "x"}, {"", "x"}, {"acme", "a\nb"}, {"acme", "x?y"}, {"acme", "x#y"}} {
		if url, err := s.Clone(c[0], c[1]); err == nil {
			t.Errorf("%q became %s", c, url)
		}
	}
	if url, err := s.Clone("acme", "a.b_c-1"); err != nil || url != "https://github.com/acme/a.b_c-1.git" {
		t.Errorf("%s, %v", url, err)
	}
}

func TestFileKeyIsForItsOwnerOnly(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	path := filepath.Join(t.TempDir(), "app.pem")
	w.must(os.WriteFile(path, w.there.Key, 0o644))
	if _, err := FileKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	for name, text := range map[string]string{"no PEM": "hello", "no RSA key": "-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END " + "PRIVATE KEY-----\n"} {
		if _, err := ParseKey([]byte(text)); err == nil {
			t.Errorf("%s was taken for a key", name)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", w.key(), w.key(), w.key()); strings.Contains(text, "N:") || !strings.Contains(text, "[redacted]") {
		t.Errorf("the key prints: %.80s", text)
	}
}

// status is that of an answer that is an error, 0 for another one.
func status(err error) int {
	var e *github.ErrorResponse
	if errors.As(err, &e) {
		return e.Response.StatusCode
	}
	return 0
}
