package register

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/ghfake"
)

var (
	actionPattern   = regexp.MustCompile(`action="([^"]*)"`)
	manifestPattern = regexp.MustCompile(`name="manifest" value="([^"]*)"`)
)

// browser opens the page and sends its form to GitHub, as the script of the page does. It
// returns what the person sees last.
func browser(t *testing.T, address string, change func(action string) string) (int, string) {
	t.Helper()
	get := func(resp *http.Response, err error) (int, string) {
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	_, page := get(http.Get(address))
	action, manifest := actionPattern.FindStringSubmatch(page), manifestPattern.FindStringSubmatch(page)
	if action == nil || manifest == nil {
		t.Errorf("the page has no form: %s", page)
		return 0, ""
	}
	return get(http.PostForm(change(html.UnescapeString(action[1])), url.Values{"manifest": {html.UnescapeString(manifest[1])}}))
}

func same(action string) string { return action }

func flow(t *testing.T, hubServer *ghfake.GitHub, folder string) (Flow, *Folder) {
	t.Helper()
	m, err := NewManifest("leakgate acme", "https://leakgate.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := NewFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	return Flow{
		Server: hub.Server{API: hubServer.API + "/", Web: hubServer.URL + "/"}, Manifest: m,
		Keep: func(r Registered) error { return kept.Keep(r, hubServer.URL) },
	}, kept
}

func TestOneClickMakesAnAppThatWorks(t *testing.T) {
	for _, c := range []struct {
		enterprise   bool
		organisation string
	}{{false, ""}, {false, "acme"}, {true, "acme"}} {
		g := ghfake.New(t, ghfake.Options{Enterprise: c.enterprise})
		g.Org("acme")
		folder := filepath.Join(t.TempDir(), "app")
		f, _ := flow(t, g, folder)
		f.Organisation = c.organisation
		f.Show = func(address string) {
			go func() {
				if status, text := browser(t, address, same); status != http.StatusOK || !strings.Contains(text, "registered") {
					t.Errorf("the person sees %d %q", status, text)
				}
			}()
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{KeyFile, HookFile, ClientFile, AppFile} {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		about, err := ReadApp(folder)
		if err != nil {
			t.Fatal(err)
		}
		key, err := hub.FileKey(filepath.Join(folder, KeyFile))
		if err != nil {
			t.Fatal(err)
		}
		app, err := hub.New(hub.Options{ID: about.ID, Key: key, Server: f.Server})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.FailedDeliveries(t.Context(), time.Now()); err != nil {
			t.Errorf("the App does not work: %v", err)
		}
	}
}

func TestWhoDidNotBeginHereIsSentAway(t *testing.T) {
	g := ghfake.New(t, ghfake.Options{})
	f, kept := flow(t, g, t.TempDir())
	defer kept.Abandon()
	ctx, cancel := context.WithCancel(t.Context())
	f.Show = func(address string) {
		go func() {
			defer cancel()
			if status, _ := browser(t, address, func(a string) string { return strings.Split(a, "state=")[0] + "state=forged" }); status != http.StatusForbidden {
				t.Errorf("a forged state: %d", status)
			}
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			req.Host = "evil.test"
			if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("another name for this machine: %v, %v", resp, err)
			} else {
				resp.Body.Close()
			}
		}()
	}
	if err := f.Run(ctx); err == nil || !strings.Contains(err.Error(), "nobody came back") {
		t.Errorf("got %v", err)
	}
	if g.Calls("apps/create-from-manifest") != 0 {
		t.Error("a code of somebody else was asked for")
	}
}

func TestCodeIsInNoError(t *testing.T) {
	g := ghfake.New(t, ghfake.Options{})
	f, kept := flow(t, g, t.TempDir())
	defer kept.Abandon()
	d := &desk{flow: f}
	for _, code := range []string{"deadbeefdeadbeefdeadbeef", "../../user", ""} {
		if err := d.convert(t.Context(), code); err == nil || code != "" && strings.Contains(err.Error(), code) {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestFolderOfAnotherAppIsKept(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, HookFile)
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFolder(folder); err == nil || !strings.Contains(err.Error(), "another App") {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(old); string(text) != "old" {
		t.Errorf("the old file says %q", text)
	}
	if _, err := os.Stat(filepath.Join(folder, KeyFile)); err == nil {
		t.Error("an empty key stayed behind")
	}
}

func TestManifestRefuses(t *testing.T) {
	for _, c := range [][2]string{{"", "https://a.example"}, {strings.Repeat("x", 35), "https://a.example"}, {"x", "http://a.example"}, {"x", "https://u:p@a.example"}, {"x", "a.example"}} {
		if _, err := NewManifest(c[0], c[1]); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}
