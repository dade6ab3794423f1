package doors

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// key is that of all doors.
var key = strings.Repeat("0123456789abcdef", 4)

// world is GitHub, the App, and what GitHub delivered.
type world struct {
	*ghfake.GitHub
	app  *ghfake.App
	door string
	log  *lines

	collecting sync.Mutex

	mu        sync.Mutex
	delivered map[string][]delivery // by the name of the repository
}

// delivery is one as GitHub sends it.
type delivery struct {
	event string
	guid  string
	body  []byte
}

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(p) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func newWorld(t *testing.T, g *ghfake.GitHub) *world {
	w := &world{GitHub: g, log: &lines{}, delivered: map[string][]delivery{}}
	w.Org("acme")
	w.User("ada")
	recorder := httptest.NewServer(http.HandlerFunc(w.record))
	t.Cleanup(recorder.Close)
	var err error
	w.app, err = w.App("leakgate", recorder.URL, map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write"},
		"push", "pull_request", "merge_group")
	if err != nil {
		t.Fatal(err)
	}
	w.Install(w.app, "acme")
	for _, login := range []string{"leakgate[bot]", "ada"} {
		w.Unlimited(login)
	}
	w.serve(t)
	return w
}

// record keeps what GitHub delivers.
func (w *world) record(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var p struct {
		Repository struct {
			ID int64 `json:"id"`
		} `json:"repository"`
	}
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil {
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	id := fmt.Sprint(p.Repository.ID)
	w.delivered[id] = append(w.delivered[id], delivery{r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery"), body})
}

// collect has everything delivered that waits. When it returns, nothing is on its way.
func (w *world) collect(t *testing.T) {
	w.collecting.Lock()
	defer w.collecting.Unlock()
	w.Deliver(t.Context(), ghfake.Weather{})
}

// serve starts the App.
func (w *world) serve(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "doors-app-")
	must(err)
	parsed, err := secret.ParseKey(key)
	must(err)
	s, err := store.Open(t.Context(), filepath.Join(dir, "leakgate.db"), store.Options{Key: parsed, Connections: 1})
	must(err)
	pem, err := hub.ParseKey(w.app.Key)
	must(err)
	log := slog.New(slog.NewTextHandler(w.log, nil))
	there, err := hub.New(hub.Options{ID: w.app.ID, Key: pem, Server: hub.Server{API: w.API + "/", Web: w.URL + "/"}, Unlimited: true})
	must(err)
	engine, err := work.New(t.Context(), work.Options{
		Store: s, Hub: there, Log: log, Name: "doors", Scans: 2, Default: gate.Enforced, Drain: time.Second, ReplayEvery: time.Hour,
		Mirrors: &mirror.Cache{Dir: filepath.Join(dir, "mirrors"), Now: time.Now, Log: log},
		World:   inspect.World{Key: parsed, Now: time.Now, Log: log, Version: "test"},
	})
	must(err)
	door, err := hook.New(hook.Handler{Secrets: []secret.Secret{secret.New(w.app.WebhookSecret)}, Inbox: engine, Log: log})
	must(err)
	web := httptest.NewServer(door)
	w.door = web.URL
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	t.Cleanup(func() {
		web.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
		os.RemoveAll(dir)
		if t.Failed() && testing.Verbose() {
			fmt.Fprintln(os.Stderr, w.log)
		}
	})
}

// send hands a delivery to the App, signed anew.
func (w *world) send(t *testing.T, d delivery) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.door, bytes.NewReader(d.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-GitHub-Event", d.event)
	r.Header.Set("X-GitHub-Delivery", d.guid)
	r.Header.Set("X-Hub-Signature-256", ghfake.Sign(w.app.WebhookSecret, d.body))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("the App answers %s", response.Status)
	}
}

func (w *world) as(login string) *github.Client {
	base := w.API + "/"
	c, err := github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT(login)))
	if err != nil {
		panic(err) // the address is the server's own
	}
	return c
}

func basic(token string) string {
	return base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
}
