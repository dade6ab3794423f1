package main

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

// authorizations serves over TLS what no git server would, and remembers the
// Authorization headers that came.
func authorizations(t *testing.T, answer http.HandlerFunc) (url string, seen func() []string) {
	var mu sync.Mutex
	var all []string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all = append(all, strings.Join(r.Header.Values("Authorization"), "+"))
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

func noEnvironment(string) string { return "" }

func TestTheTokenGoesToItsServerOnceAndNowhereElse(t *testing.T) {
	t.Setenv("GIT_SSL_NO_VERIFY", "1")
	for _, v := range gittest.Environment()[len(os.Environ()):] {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	other, seenElsewhere := authorizations(t, http.NotFound)
	server, seen := authorizations(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(other, "127.0.0.1", "localhost", 1)+r.URL.String(), http.StatusFound)
	})
	token := gittest.Token()
	r := gittest.New(t)
	r.Git("remote", "add", "origin", server+"/o/r")
	r.Git("config", "http."+server+"/.extraheader", "AUTHORIZATION: basic kept-by-the-checkout")
	git := (&world{env: noEnvironment}).git(secret.New(token), server)
	err := git(context.Background(), r.Dir, "fetch", "--quiet", "origin", "main")
	if err == nil {
		t.Fatal("a server without a repository was fetched from")
	}
	want := "basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
	if got := seen(); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != want }) {
		t.Errorf("the server got %d requests, not all with the token alone", len(got))
	}
	if got := seenElsewhere(); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "" }) {
		t.Errorf("the server that it redirects to got %q", got)
	}
	for _, form := range secret.Forms(secret.New(token)) {
		if strings.Contains(err.Error(), form) {
			t.Error("the token is in the error")
		}
	}
}

func TestAServerThatAsksForTheTokenIsFetchedFrom(t *testing.T) {
	t.Setenv("GIT_SSL_NO_VERIFY", "1")
	for _, v := range gittest.Environment()[len(os.Environ()):] {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	r := gittest.New(t)
	first := r.File("a.txt", "hello\n")
	backend := filepath.Join(r.Git("--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("this test needs git-http-backend")
	}
	token := gittest.Token()
	serve := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + r.Dir, "GIT_HTTP_EXPORT_ALL=1"}, InheritEnv: []string{"PATH"}, Stderr: io.Discard}
	server, _ := authorizations(t, func(w http.ResponseWriter, q *http.Request) {
		if user, password, _ := q.BasicAuth(); user != "x-access-token" || password != token {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, q)
	})
	clone := gittest.New(t)
	clone.Git("remote", "add", "origin", server+"/.git")
	fetch := []string{"-c", "protocol.version=2", "fetch", "--quiet", "--depth=1", "origin", first}
	if err := (&world{env: noEnvironment}).git(secret.Secret{}, server)(context.Background(), clone.Dir, fetch...); err == nil {
		t.Error("fetched without the token")
	}
	if err := (&world{env: noEnvironment}).git(secret.New(token), server)(context.Background(), clone.Dir, fetch...); err != nil {
		t.Error(err)
	}
	clone.Git("cat-file", "-e", first)
}

func TestGitGetsItsSettingsInTheEnvironmentOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the git of this test is a shell script")
	}
	tools := t.TempDir()
	said := filepath.Join(tools, "said")
	script := "#!/bin/sh\nprintf '%s\\n' \"$*\" >" + said + ".args\nenv >" + said + ".env\necho first; echo \"fatal: https://user:$GIT_TEST_PASSWORD@host/x\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(tools, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	token := gittest.Token()
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("INPUT_TOKEN", token)
	t.Setenv(keyVariable, strings.Repeat("ab", 32))
	t.Setenv("GIT_TEST_PASSWORD", "hunter2hunter2")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("CI", "true")
	err := (&world{env: os.Getenv}).git(secret.New(token), "https://ghes.example")(context.Background(), "/some/where", "fetch", "origin")
	if err == nil || !strings.Contains(err.Error(), "fatal: https://host/x") {
		t.Errorf("%v", err)
	}
	args, _ := os.ReadFile(said + ".args")
	if got := string(args); got != "-C /some/where fetch origin\n" {
		t.Errorf("arguments %q", got)
	}
	text, _ := os.ReadFile(said + ".env")
	env := strings.Split(string(text), "\n")
	for _, want := range []string{
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=/some/where", "GIT_CONFIG_KEY_2=http.https://ghes.example/.extraheader",
		"GIT_CONFIG_VALUE_2=", "GIT_CONFIG_KEY_3=http.https://ghes.example/.extraheader", "GIT_CONFIG_COUNT=4", "GIT_TERMINAL_PROMPT=0",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, line := range env {
		if strings.HasPrefix(line, "INPUT_TOKEN=") || strings.HasPrefix(line, keyVariable+"=") {
			t.Error("git gets a variable that it has no use for")
		}
	}
}

func TestATokenIsNotSentInTheClear(t *testing.T) {
	for _, server := range []string{"", "http://ghes.example", "ghes.example"} {
		if got := strings.Join(gitSettings(noEnvironment, ".", secret.New(gittest.Token()), server), " "); strings.Contains(got, "AUTHORIZATION") {
			t.Errorf("server %q gets the token", server)
		}
	}
}
