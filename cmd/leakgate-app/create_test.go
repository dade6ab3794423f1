package main

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// screen is a terminal whose user opens the first page that it shows.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen bool
	open func(page string)
}

var pagePattern = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/`)

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if page := pagePattern.Find(p); page != nil && s.open != nil && !s.seen {
		s.seen = true
		go s.open(string(page))
	}
	return s.text.Write(p)
}

func (s *screen) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.text.String() }

// click sends the form of a page on, as its script does.
func click(t *testing.T, page string) {
	resp, err := http.Get(page)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	_, _ = body.ReadFrom(resp.Body)
	field := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(body.String())
		if m == nil {
			t.Errorf("no %s in %s", pattern, body.String())
			return ""
		}
		return html.UnescapeString(m[1])
	}
	done, err := http.PostForm(field(`action="([^"]*)"`), url.Values{"manifest": {field(`name="manifest" value="([^"]*)"`)}})
	if err != nil {
		t.Error(err)
		return
	}
	done.Body.Close()
}

// From nothing to an App that a doctor finds well, through the commands alone.
func TestCreateAndDoctor(t *testing.T) {
	g := ghfake.New(t, ghfake.Options{Enterprise: true})
	g.Org("acme")
	folder := filepath.Join(t.TempDir(), "app")
	out, errs := &screen{open: func(page string) { click(t, page) }}, &screen{}
	w := &world{stdout: out, stderr: errs, env: func(string) string { return "" }, hostname: os.Hostname, now: time.Now}
	if code := w.run(t.Context(), []string{"create", "--github", g.URL, "--organisation", "acme", "--url", "https://leakgate.example.com", "--to", folder}); code != 0 {
		t.Fatalf("create: %d\n%s", code, errs)
	}
	for _, name := range []string{"app.pem", "webhook-secret", "client-secret"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String()+errs.String(), strings.TrimSpace(string(text))) {
			t.Errorf("%s is on the screen", name)
		}
	}
	if !strings.Contains(out.String(), "/apps/leakgate/installations/new") {
		t.Errorf("no way to install:\n%s", out)
	}
	if text := out.String(); !strings.Contains(text, "--dashboard-url https://leakgate.example.com --client-id "+g.Apps()[0].ClientID) || g.Apps()[0].Callbacks[0] != "https://leakgate.example.com/login" {
		t.Errorf("no way to the dashboard:\n%s", text)
	}
	doctor := func(more ...string) (int, string) {
		out, errs := &screen{}, &screen{}
		w.stdout, w.stderr = out, errs
		code := w.run(t.Context(), append([]string{"doctor", "--app", folder, "--data", t.TempDir(), "--no-webhook"}, more...))
		return code, out.String() + errs.String()
	}
	if code, text := doctor(); code != 1 || !strings.Contains(text, "broken  installations: the App is installed nowhere") || !strings.Contains(text, "ok      permissions") {
		t.Errorf("before it is installed: %d\n%s", code, text)
	}
	app := g.Apps()[0]
	installed := g.Install(app, "acme")
	if code, text := doctor(); code != 0 || !strings.Contains(text, "ok      installation acme: has all permissions") || !strings.Contains(text, "database: there is none yet") {
		t.Errorf("installed: %d\n%s", code, text)
	}
	w.env = func(name string) string {
		return map[string]string{"LEAKGATE_APP_KEY_FILE": filepath.Join(folder, "app.pem")}[name]
	}
	if code := w.run(t.Context(), []string{"doctor", "--app-id", strconv.FormatInt(app.ID, 10), "--github", g.URL, "--data", t.TempDir(), "--no-webhook"}); code != 0 {
		t.Errorf("with a key that the environment names: %d\n%s", code, w.stderr)
	}
	if code, text := doctor("--dashboard-url", "https://leakgate.example.com"); code != 0 || !strings.Contains(text, "ok      dashboard") {
		t.Errorf("with a dashboard: %d\n%s", code, text)
	}
	if err := os.WriteFile(filepath.Join(folder, "client-secret"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := doctor("--dashboard-url", "https://leakgate.example.com"); code != 1 || !strings.Contains(text, "broken  dashboard") || strings.Contains(text, "another") {
		t.Errorf("with a client secret that is none: %d\n%s", code, text)
	}
	g.Suspend(installed, true)
	if code, text := doctor(); code != 0 || !strings.Contains(text, "note    installation acme: suspended") {
		t.Errorf("suspended: %d\n%s", code, text)
	}
	g.Suspend(installed, false)
	delete(app.Permissions, "checks")
	if code, text := doctor(); code != 1 || !strings.Contains(text, "checks: write (the check run)") {
		t.Errorf("without a permission: %d\n%s", code, text)
	}
}

func TestCreateSaysWhatIsWrong(t *testing.T) {
	for _, args := range [][]string{
		{"create", "--url", "http://leakgate.example.com", "--to", filepath.Join(t.TempDir(), "a")},
		{"create", "--url", "https://leakgate.example.com", "--github", "http://github.com", "--to", filepath.Join(t.TempDir(), "a")},
		{"doctor", "--app", t.TempDir()}, {"doctor"}, {"doctor", "--app-id", "1", "--vault-key", "transit/leakgate"},
		{"doctor", "--app-id", "1", "--vault-key", "transit/leakgate", "--key-file", "x"}, {"serve", "--app-id", "1", "--key-file", "/nowhere"},
	} {
		errs := &screen{}
		w := &world{stdout: &screen{}, stderr: errs, env: func(string) string { return "" }, hostname: os.Hostname, now: time.Now}
		if code := w.run(t.Context(), args); code != 2 || errs.String() == "" {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}
