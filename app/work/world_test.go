package work_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// With LEAKGATE_PLAIN everything is fetched without git.

// world is a GitHub with one organisation and one repository, and the App at its hook.
type world struct {
	*ghfake.GitHub
	t         *testing.T
	app       *ghfake.App
	installed *ghfake.Installation
	repo      *ghfake.Repo
	local     *gittest.Repo
	ada       *github.Client
	log       *lines
	mirrors   string
	store     *store.Store
	stage     gate.Stage // of what no policy speaks
	verify    work.Verifier
	fix       work.Fixer
	reverify  time.Duration
	writeFor  time.Duration
	doubtFor  time.Duration
	catchUp   time.Duration
	every     time.Duration // sweeps
	copies    int64
	plain     bool // without git
	pullEvery time.Duration
	keep      work.Keep
	database  string
	place     string // of the database on PostgreSQL; "" for a file
	engine    *work.Engine
}

// permissions are those that the App asks for.
var permissions = map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write", "secret_scanning_alerts": "write"}

func newWorld(t *testing.T) *world { t.Helper(); return newWorldAt(t, gate.Enforced) }

func newWorldAt(t *testing.T, stage gate.Stage, more ...func(*world)) *world {
	t.Helper()
	t.Parallel() // most of the time is waiting
	w := &world{t: t, stage: stage, GitHub: ghfake.New(t, ghfake.Options{}), log: &lines{}, plain: os.Getenv("LEAKGATE_PLAIN") != ""}
	w.Org("acme")
	w.User("ada")
	var err error
	w.app, err = w.App("leakgate", "http://127.0.0.1/", maps.Clone(permissions), "push", "pull_request", "merge_group", "check_run", "check_suite", "issue_comment", "repository", "secret_scanning_alert")
	w.must(err)
	w.repo, err = w.Repository("acme/app", true)
	w.must(err)
	w.Collaborator(w.repo, "ada", "admin")
	w.local = gittest.New(t)
	w.local.File("a.txt", "one\n")
	w.local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
	w.push("main")
	w.installed = w.Install(w.app, "acme")
	base := w.API + "/"
	w.ada, err = github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT("ada")))
	w.must(err)
	w.mirrors = filepath.Join(w.t.TempDir(), "mirrors")
	for _, change := range more {
		change(w)
	}
	w.serve()
	return w
}

// serve starts the App and ends it with the test.
func (w *world) serve() {
	dir := w.t.TempDir()
	key, err := secret.NewKey()
	w.must(err)
	w.database = filepath.Join(dir, "leakgate.db")
	place, connections := w.database, 1
	if w.place != "" {
		place, connections = w.place, 0
	}
	s, err := store.Open(w.t.Context(), place, store.Options{Key: key, Connections: connections})
	w.must(err)
	w.store = s
	pem, err := hub.ParseKey(w.app.Key)
	w.must(err)
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := hub.Server{API: w.API + "/", Web: w.URL + "/"}
	there, err := hub.New(hub.Options{ID: w.app.ID, Key: pem, Server: server, Unlimited: true})
	w.must(err)
	engine, err := work.New(w.t.Context(), work.Options{
		Store: s, Hub: there, Log: log, Name: "test", Scans: 2, Default: w.stage, Verify: w.verify, Fix: w.fix, Drain: time.Second, ReplayEvery: time.Second,
		ReverifyEvery: w.reverify, WriteFor: w.writeFor, DoubtFor: w.doubtFor, Histories: 2, CatchUpEvery: w.catchUp, SweepEvery: w.every, PullEvery: w.pullEvery, Keep: w.keep,
		Mirrors: &mirror.Cache{Dir: w.mirrors, Copies: w.copies, Plain: w.plain, Now: time.Now, Log: log},
		World:   inspect.World{Key: key, Now: time.Now, Log: log, Version: "test"},
	})
	w.must(err)
	w.engine = engine
	door, err := hook.New(hook.Handler{Secrets: []secret.Secret{secret.New(w.app.WebhookSecret)}, Inbox: engine, Log: log})
	w.must(err)
	web := httptest.NewServer(door)
	w.app.Hook = web.URL
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	w.t.Cleanup(func() {
		web.Close()
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		s.Close()
		if w.t.Failed() && testing.Verbose() {
			fmt.Fprintln(os.Stderr, w.log)
		}
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) push(args ...string) {
	w.t.Helper()
	w.local.Git(append([]string{"push", "-q", "origin"}, args...)...)
}

// branch makes one of main with one file in one commit, and pushes it.
func (w *world) branch(name, file, text string) string {
	w.t.Helper()
	w.local.Git("checkout", "-q", "-B", name, "main")
	sha := w.local.File(file, text)
	w.push("-f", name)
	return sha
}

func (w *world) pull(head string) int {
	w.t.Helper()
	p, _, err := w.ada.PullRequests.Create(w.t.Context(), "acme", "app", &github.NewPullRequest{
		Title: github.Ptr("Add something"), Head: &head, Base: github.Ptr("main"),
	})
	w.must(err)
	return p.GetNumber()
}

func (w *world) deliver() { w.Deliver(w.t.Context(), ghfake.Weather{}) }

// runs are the check runs at a commit.
func (w *world) runs(sha string) (all []ghfake.Check) {
	for _, k := range w.Checks(w.repo) {
		if k.SHA == sha {
			all = append(all, k)
		}
	}
	return all
}

// eventually waits for a condition.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	pause := 20 * time.Millisecond
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(pause) {
		if ok() {
			return
		}
		pause = min(pause+pause/10, 500*time.Millisecond) // who asks GitHub may do so 5,000 times an hour
	}
	w.t.Fatalf("never: %s\n%s", what, w.log)
}

// concluded waits for the only check run at a commit and its conclusion.
func (w *world) concluded(sha, conclusion string) ghfake.Check {
	w.t.Helper()
	w.eventually("the check run at "+sha+" is "+conclusion, func() bool {
		all := w.runs(sha)
		return len(all) == 1 && all[0].Status == "completed" && all[0].Conclusion == conclusion
	})
	return w.runs(sha)[0]
}

// lose removes an object from GitHub's own repository.
func (w *world) lose(id string) {
	w.t.Helper()
	packs, err := filepath.Glob(filepath.Join(w.repo.Git.Dir, "objects", "pack", "*.pack"))
	w.must(err)
	for _, pack := range packs {
		text, err := os.ReadFile(pack)
		w.must(err)
		w.must(os.Remove(pack))
		w.must(os.Remove(strings.TrimSuffix(pack, ".pack") + ".idx"))
		_, err = w.repo.Git.Pipe(text, "unpack-objects", "-q")
		w.must(err)
	}
	w.must(os.Remove(filepath.Join(w.repo.Git.Dir, "objects", id[:2], id[2:])))
}
