package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// remoteRepo is a copy of a bare repository with branches, a tag and a pull request.
func remoteRepo(t *testing.T, format string) string {
	t.Helper()
	models.Lock()
	defer models.Unlock()
	if models.dirs == nil {
		models.dirs = map[string]string{}
	}
	if models.dirs[format] == "" {
		models.dirs[format] = model(t, format)
	}
	dir := filepath.Join(t.TempDir(), "remote.git")
	if err := os.CopyFS(dir, os.DirFS(models.dirs[format])); err != nil {
		t.Fatal(err)
	}
	return dir
}

var models struct {
	sync.Mutex
	dirs map[string]string
	top  string
}

func model(t *testing.T, format string) string {
	t.Helper()
	dir := filepath.Join(models.top, format+".git")
	git(t, "/", "init", "-q", "--bare", "-b", "main", "--object-format="+format, dir)
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main", "--object-format="+format)
	for i := range 5 {
		if err := os.WriteFile(filepath.Join(work, "file"), fmt.Appendf(nil, "%s%d", strings.Repeat("line\n", 200), i), 0o600); err != nil {
			t.Fatal(err)
		}
		git(t, work, "add", ".")
		git(t, work, "commit", "-qm", fmt.Sprint("commit ", i))
		git(t, work, "branch", fmt.Sprint("b", i))
	}
	git(t, work, "tag", "-am", "a tag", "v1")
	git(t, work, "push", "-q", dir, "main", "b0", "b1", "b2", "v1", "b3:refs/pull/1/head")
	return dir
}

// overHTTP serves a repository by git's own http-backend.
func overHTTP(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(&cgi.Handler{
		Path:       filepath.Join(git(t, "/", "--exec-path"), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"},
		InheritEnv: []string{"PATH"},
	})
	t.Cleanup(server.Close)
	return server
}

// ways are the addresses by which a repository can be reached.
func ways(t *testing.T, dir string) map[string]string {
	t.Helper()
	return map[string]string{
		"path": dir, "file": "file://" + dir, "http": overHTTP(t, dir).URL + "/" + filepath.Base(dir), "ssh": "ssh://someone@host.example" + dir,
		"scp": "someone@host.example:" + dir,
	}
}

// TestMain lets the tests stand in for ssh: it runs what the other end would.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "as-ssh" {
		cmd := exec.Command("sh", "-c", os.Args[len(os.Args)-1])
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if cmd.Run() != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	top, err := os.MkdirTemp("", "wire")
	if err != nil {
		panic(err)
	}
	models.top = top
	code := m.Run()
	_ = os.RemoveAll(top)
	os.Exit(code)
}

func open(t *testing.T, address string) *Remote {
	t.Helper()
	r, err := Open(address)
	if err != nil {
		t.Fatal(err)
	}
	r.SSH = os.Args[0] + " as-ssh"
	return r
}

func eachWay(t *testing.T, run func(t *testing.T, dir, address string)) {
	t.Helper()
	for _, format := range []string{"sha1", "sha256"} {
		for _, way := range []string{"path", "http", "ssh"} {
			t.Run(format+" "+way, func(t *testing.T) {
				t.Parallel()
				dir := remoteRepo(t, format)
				run(t, dir, ways(t, dir)[way])
			})
		}
	}
}

func TestAMirrorHasAllThatTheRemoteHas(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		to := filepath.Join(t.TempDir(), "mirror.git")
		var came bytes.Buffer
		if _, err := open(t, address).Mirror(t.Context(), to, &came); err != nil {
			t.Fatal(err)
		}
		if came.Len() == 0 {
			t.Error("progress was not told")
		}
		if here, there := git(t, to, "for-each-ref"), git(t, dir, "for-each-ref"); here != there || !strings.Contains(here, "refs/pull/1/head") {
			t.Errorf("refs of the mirror\n%s\nof the remote\n%s", here, there)
		}
		git(t, to, "fsck", "--strict", "--full")
		if here, there := git(t, to, "rev-list", "--all", "--objects"), git(t, dir, "rev-list", "--all", "--objects"); here != there {
			t.Error("the mirror has other objects than the remote")
		}
		if got, want := git(t, to, "symbolic-ref", "HEAD"), "refs/heads/main"; got != want {
			t.Errorf("HEAD is %s, not %s", got, want)
		}
	})
}

func TestAnEmptyRemoteIsMirrored(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "remote.git")
	git(t, "/", "init", "-q", "--bare", dir)
	for way, address := range ways(t, dir) {
		to := filepath.Join(t.TempDir(), "mirror.git")
		if _, err := open(t, address).Mirror(t.Context(), to, nil); err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		if refs := git(t, to, "for-each-ref"); refs != "" {
			t.Errorf("%s: %s", way, refs)
		}
	}
}

func TestAMirrorNeedsAFolderOfItsOwn(t *testing.T) {
	dir, to := remoteRepo(t, "sha1"), t.TempDir()
	if _, err := open(t, dir).Mirror(t.Context(), to, nil); err == nil {
		t.Error("a folder that exists was taken")
	}
	if _, err := os.Stat(to); err != nil {
		t.Error("and it was removed")
	}
}

func TestAShallowRemoteIsRefused(t *testing.T) {
	dir := remoteRepo(t, "sha1")
	shallow := filepath.Join(t.TempDir(), "shallow.git")
	git(t, "/", "clone", "-q", "--bare", "--depth=1", "file://"+dir, shallow)
	if _, err := open(t, shallow).Refs(t.Context()); err == nil || !strings.Contains(err.Error(), "shallow") {
		t.Errorf("a shallow repository: %v", err)
	}
}

// A detached HEAD is cloned too, and no push reaches it: what only it names could hold a value.
func TestADetachedHeadThatNoRefNamesIsRefused(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"path", "http"} {
		dir := remoteRepo(t, "sha1")
		remote := open(t, ways(t, dir)[way])
		git(t, dir, "update-ref", "--no-deref", "HEAD", "b1")
		if _, err := remote.Refs(t.Context()); err != nil {
			t.Errorf("%s: one that a branch names: %v", way, err)
		}
		git(t, dir, "update-ref", "--no-deref", "HEAD", "b2~1")
		git(t, dir, "update-ref", "-d", "refs/heads/b1")
		if _, err := remote.Mirror(t.Context(), filepath.Join(t.TempDir(), "mirror"), nil); err == nil || !strings.Contains(err.Error(), "HEAD of the remote is detached") {
			t.Errorf("%s: one that no ref names: %v", way, err)
		}
	}
}

// commits are the newest first, of main.
func commits(t *testing.T, dir string) (ids []gitrepo.ID) {
	t.Helper()
	for line := range strings.Lines(git(t, dir, "rev-list", "main")) {
		id, err := gitrepo.ParseID(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// packOf makes a new commit in a copy, and the pack of it that the remote lacks.
func packOf(t *testing.T, dir string) (gitrepo.ID, []byte) {
	t.Helper()
	here := filepath.Join(t.TempDir(), "copy.git")
	git(t, "/", "clone", "-q", "--mirror", dir, here)
	text := git(t, here, "commit-tree", "main^{tree}", "-p", "main~2", "-m", "rewritten")
	id, err := gitrepo.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "-C", here, "pack-objects", "--revs", "--stdout", "-q")
	cmd.Stdin = strings.NewReader(text + "\n^main\n")
	pack, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return id, pack
}

func TestAPushMovesAllItsRefs(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		fresh, pack := packOf(t, dir)
		err := open(t, address).Push(t.Context(), []Update{
			{"refs/heads/main", old[0], fresh}, {"refs/heads/b0", old[4], old[1]}, {"refs/heads/b1", old[3], gitrepo.ID{}}, {"refs/heads/new", gitrepo.ID{}, old[2]},
		}, bytes.NewReader(pack))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"main": fresh.String(), "b0": old[1].String(), "b2": old[2].String(), "new": old[2].String()}
		for name, id := range want {
			if got := git(t, dir, "rev-parse", name); got != id {
				t.Errorf("%s is at %s, not %s", name, got, id)
			}
		}
		if out := git(t, dir, "branch", "--list", "b1"); out != "" {
			t.Error("b1 was not deleted")
		}
		git(t, dir, "fsck", "--strict")
	})
}

func TestRefsMoveBackWithoutObjects(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		if err := open(t, address).Push(t.Context(), []Update{{"refs/heads/main", old[0], old[3]}}, nil); err != nil {
			t.Fatal(err)
		}
		if got := git(t, dir, "rev-parse", "main"); got != old[3].String() {
			t.Errorf("main is at %s", got)
		}
	})
}

// unchanged runs what must leave the remote as it was.
func unchanged(t *testing.T, dir string, run func() error, want error) {
	t.Helper()
	before := git(t, dir, "for-each-ref")
	if err := run(); !errors.Is(err, want) {
		t.Errorf("the error is %v, not %v", err, want)
	}
	if after := git(t, dir, "for-each-ref"); after != before {
		t.Errorf("the refs were\n%s\nand are\n%s", before, after)
	}
}

func TestOneStaleLeaseStopsThePush(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		for _, u := range []Update{
			{"refs/heads/b0", old[3], old[0]}, {"refs/heads/b0", gitrepo.ID{}, old[0]}, {"refs/heads/b0", old[3], gitrepo.ID{}},
			{"refs/heads/none", old[3], old[0]},
		} {
			unchanged(t, dir, func() error {
				return open(t, address).Push(t.Context(), []Update{{"refs/heads/main", old[0], old[1]}, u}, nil)
			}, ErrMoved)
		}
	})
}

func hook(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "hooks", name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// What comes between the list of refs and the push is told to the server by
// the ids in the commands, and only the server can see it.
func TestAPushInBetweenStopsThePush(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		hook(t, dir, "pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/b0 "+old[2].String())
		before := git(t, dir, "rev-parse", "main")
		err := open(t, address).Push(t.Context(), []Update{{"refs/heads/main", old[0], old[1]}, {"refs/heads/b0", old[4], old[1]}}, nil)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("the push: %v", err)
		}
		if git(t, dir, "rev-parse", "main") != before || git(t, dir, "rev-parse", "b0") != old[2].String() {
			t.Error("the push overwrote what came in between")
		}
	})
}

func TestAHookThatRefusesOneRefRefusesAll(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		hook(t, dir, "update", `echo "some words $1"; test "$1" != refs/heads/b0`)
		unchanged(t, dir, func() error {
			return open(t, address).Push(t.Context(), []Update{{"refs/heads/main", old[0], old[1]}, {"refs/heads/b0", old[4], old[1]}}, nil)
		}, ErrRefused)
	})
}

func TestARemoteWithoutAtomicPushesIsRefused(t *testing.T) {
	dir := remoteRepo(t, "sha1")
	git(t, dir, "config", "receive.advertiseAtomic", "false")
	old := commits(t, dir)
	unchanged(t, dir, func() error {
		return open(t, dir).Push(t.Context(), []Update{{"refs/heads/main", old[0], old[1]}}, nil)
	}, ErrNotAtomic)
}

func TestADamagedPackChangesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, dir, address string) {
		old := commits(t, dir)
		fresh, pack := packOf(t, dir)
		pack[len(pack)/2] ^= 0x40
		unchanged(t, dir, func() error {
			return open(t, address).Push(t.Context(), []Update{{"refs/heads/main", old[0], fresh}}, bytes.NewReader(pack))
		}, ErrRefused)
	})
}

func TestTheTextOfAReportIsOneLine(t *testing.T) {
	if got := plain("a\x1b[31m b\r\n\tc\u0085" + strings.Repeat("x", 400)); strings.ContainsAny(got, "\x1b\r\n\t\u0085") || len(got) > 310 {
		t.Errorf("%q", got)
	}
}

// A proxy that cuts the answer off: the refs may have moved.
func TestALostAnswerIsUnclear(t *testing.T) {
	dir := remoteRepo(t, "sha1")
	old := commits(t, dir)
	behind := overHTTP(t, dir)
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			behind.Config.Handler.ServeHTTP(w, req)
			return
		}
		behind.Config.Handler.ServeHTTP(httptest.NewRecorder(), req)
		panic(http.ErrAbortHandler)
	}))
	defer cutting.Close()
	err := open(t, cutting.URL+"/remote.git").Push(t.Context(), []Update{{"refs/heads/main", old[0], old[1]}}, nil)
	if !errors.Is(err, ErrUnclear) {
		t.Errorf("the push: %v", err)
	}
	if got := git(t, dir, "rev-parse", "main"); got != old[1].String() {
		t.Errorf("the test is not about a lost answer: main is at %s", got)
	}
}

func TestWhoMayNotIsToldSo(t *testing.T) {
	for status, want := range map[int]string{401: "asks who is there", 403: "refuses access", 404: "does not exist", 302: "has moved", 500: "status 500", 200: "not that of a git server"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
		}))
		_, err := open(t, server.URL+"/x.git").Refs(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: %v", status, err)
		}
		server.Close()
	}
}

func TestAPasswordInAnAddressIsSentAndNotShown(t *testing.T) {
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, sent, _ = r.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	_, err := open(t, strings.Replace(server.URL, "http://", "http://me:some-words@", 1)+"/x.git").Refs(t.Context())
	if sent != "some-words" || err == nil || strings.Contains(err.Error(), "some-words") {
		t.Errorf("sent %q, said %v", sent, err)
	}
}

func TestAddressesThatNameNoRepository(t *testing.T) {
	for _, address := range []string{
		"-oProxyCommand=x", "ssh://-oProxyCommand=x/path", "ext::sh -c x", "http://example.org/x.git", "ftp://example.org/x", "git://example.org/x",
		"-x@host:path", "user@-host:path", "https:///x", "https://example.org/x?y", "ssh://host",
	} {
		if _, err := Open(address); err == nil {
			t.Errorf("%s was accepted", address)
		}
	}
	for _, address := range []string{"https://u:p@example.org/x?y", "ftp://u:p@example.org/x"} {
		if _, err := Open(address); err == nil || strings.Contains(err.Error(), "u:p@") || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWhatIsNoRepositorySaysWhy(t *testing.T) {
	_, err := open(t, t.TempDir()).Refs(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not appear to be a git repository") {
		t.Errorf("%v", err)
	}
}

func TestTheEndOfTheCallersPatience(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, server.URL+"/x.git").Refs(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// FuzzAdvert: whatever a server sends is a list of refs or an error.
func FuzzAdvert(f *testing.F) {
	f.Add([]byte("003f" + strings.Repeat("a", 40) + " refs/heads/main\x00atomic\n0000"))
	f.Add([]byte("0000"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		a, err := readAdvert(bytes.NewReader(sent))
		if err == nil && a == nil {
			t.Error("neither refs nor an error")
		}
	})
}

// Each ref's lease is part of the request, so there may be any number of them.
func TestThousandsOfRefsMoveAtOnce(t *testing.T) {
	dir := remoteRepo(t, "sha1")
	old := commits(t, dir)
	var packed strings.Builder // as git writes it: git itself takes minutes to make so many
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	var updates []Update
	gittest.FewArguments(t)
	for i := range gittest.ManyRefs() { // with their long names more than a program may be given
		u := Update{fmt.Sprintf("refs/heads/many/%0230d", i), old[0], old[1]}
		fmt.Fprintf(&packed, "%s %s\n", u.Old, u.Name)
		updates = append(updates, u)
	}
	if err := os.WriteFile(filepath.Join(dir, "packed-refs"), []byte(packed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Push(t.Context(), updates, nil); err != nil {
		t.Fatal(err)
	}
	if at := strings.Count(git(t, dir, "for-each-ref", "refs/heads/many"), old[1].String()); at != len(updates) {
		t.Errorf("%d of %d moved", at, len(updates))
	}
}
