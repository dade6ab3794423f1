package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServeRefusesWhatCannotWork(t *testing.T) {
	dir := t.TempDir()
	open, short := filepath.Join(dir, "open"), filepath.Join(dir, "short")
	for file, mode := range map[string]os.FileMode{open: 0o644, short: 0o600} {
		if err := os.WriteFile(file, []byte("word"), mode); err != nil {
			t.Fatal(err)
		}
	}
	s := benchFiles(t)
	base := []string{"serve", "--data", filepath.Join(dir, "data"), "--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no key":            {[]string{"--app-id", "1", "--webhook-secret-file", s.secret}, "--key-file"},
		"no id":             {[]string{"--key-file", s.key, "--webhook-secret-file", s.secret}, "--app-id"},
		"no secret":         {[]string{"--app-id", "1", "--key-file", s.key}, "--webhook-secret-file"},
		"an open secret":    {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", open}, "chmod 600"},
		"a short secret":    {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", short}, "too short"},
		"a key that is not": {[]string{"--app-id", "1", "--key-file", short, "--webhook-secret-file", s.secret}, "PEM"},
		"GitHub in clear":   {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", s.secret, "--github", "http://example.com"}, "https"},
		"no client":         {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", s.secret, "--dashboard-url", "https://leakgate.example.com"}, "https://leakgate.example.com/login"},
		"a page in clear":   {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", s.secret, "--dashboard-url", "http://leakgate.example.com"}, "--dashboard-url"},
		"no page":           {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", s.secret, "--client-id", "x"}, "--dashboard-url"},
		"an open client":    {[]string{"--app-id", "1", "--key-file", s.key, "--webhook-secret-file", s.secret, "--dashboard-url", "https://leakgate.example.com", "--client-id", "x", "--client-secret-file", open}, "chmod 600"},
		"a level":           {[]string{"--log-level", "loud"}, "--log-level"},
	} {
		var out bytes.Buffer
		w := &world{stdout: io.Discard, stderr: &out, env: func(string) string { return "" }, hostname: func() (string, error) { return "test", nil }, now: time.Now}
		if code := w.run(context.Background(), append(base[:len(base):len(base)], c.args...)); code != 2 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit %d: %s", name, code, out.String())
		}
		if strings.Contains(out.String(), "word") && strings.Contains(c.says, "short") {
			t.Errorf("%s: a secret is told", name)
		}
	}
}

func TestServeAnswersWhoLooksAfterIt(t *testing.T) {
	s := benchServer(t)
	health := ""
	for end := time.Now().Add(2 * time.Minute); health == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, after, ok := strings.Cut(s.text(), `"health":"`); ok {
			health, _, _ = strings.Cut(after, `"`)
		}
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": `leakgate_app_questions{state="waiting"}`} {
		response, err := http.Get("http://" + health + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %v %s", path, response.StatusCode, err, text)
		}
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(); err != nil || !strings.Contains(s.text(), `"msg":"ended"`) {
		t.Errorf("it was told to end: %v\n%s", err, s.text())
	}
}
