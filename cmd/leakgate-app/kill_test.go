package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"
	_ "github.com/jackc/pgx/v5/stdlib" // to end PostgreSQL's connections

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// serverVariable has the test binary be the server.
const serverVariable = "LEAKGATE_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// number reads how much a test is to do from a variable.
func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// flooded is a GitHub with some repositories, and servers of the App that are killed.
type flooded struct {
	*ghfake.GitHub
	t       *testing.T
	app     *ghfake.App
	dir     string // of the servers
	repos   []*ghfake.Repo
	locals  []*gittest.Repo
	bob     *github.Client
	servers []*server
	random  *rand.Rand
	want    map[string]string // conclusion by SHA
	at      map[string]*ghfake.Repo
	leaked  []string // values of histories
	more    []string // arguments of the servers
	env     []string // of theirs
}

// server is one process of the App, which comes back when it is killed.
type server struct {
	binary  string // "" for this one
	args    []string
	env     []string // beside that of the test
	address string
	log     *journal
	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it did, with what
	err     error
}

// journal is what processes print, one after the other.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (s *server) text() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.buf.String()
}

func newFlood(t *testing.T, repos, servers int, database, binary string) *flooded {
	t.Helper()
	w := &flooded{t: t, GitHub: ghfake.New(t, ghfake.Options{Enterprise: true}), random: rand.New(rand.NewPCG(7, uint64(repos))),
		want: map[string]string{}, at: map[string]*ghfake.Repo{}}
	w.Org("acme")
	w.User("bob")
	var err error
	w.app, err = w.App("leakgate", "http://127.0.0.1/", map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write"},
		"push", "pull_request")
	w.must(err)
	for i := range repos {
		r, err := w.Repository(fmt.Sprintf("acme/app%d", i), true)
		w.must(err)
		w.Collaborator(r, "bob", "write")
		local := gittest.New(t)
		local.File("a.txt", "one\n")
		local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(r), "//", "//x-access-token:"+w.PAT("bob")+"@", 1))
		local.Git("push", "-q", "origin", "main")
		w.repos, w.locals = append(w.repos, r), append(w.locals, local)
	}
	w.Install(w.app, "acme")
	w.Unlimited(w.app.Slug + "[bot]") // an hour's limit is not what is tested
	w.Unlimited("bob")
	base := w.API + "/"
	w.bob, err = github.NewClient(github.WithURLs(&base, &base), github.WithAuthToken(w.PAT("bob")))
	w.must(err)
	w.start(servers, database, binary)
	return w
}

func (w *flooded) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// start starts the servers, and a balancer before them at which GitHub delivers.
func (w *flooded) start(n int, database, binary string) {
	w.dir = w.t.TempDir()
	dir, key, secret := w.dir, filepath.Join(w.dir, "app.pem"), filepath.Join(w.dir, "secret")
	block, _ := pem.Decode(w.app.Key)
	w.must(os.WriteFile(key, pem.EncodeToMemory(block), 0o600))
	w.must(os.WriteFile(secret, []byte(w.app.WebhookSecret+"\n"), 0o600))
	for i := range n {
		s := &server{binary: binary, address: free(w.t), log: &journal{}, env: w.env}
		s.args = []string{"serve", "--default-stage", "block", "--app-id", strconv.FormatInt(w.app.ID, 10), "--key-file", key, "--webhook-secret-file", secret,
			"--github", w.URL, "--no-limits", "--data", filepath.Join(dir, fmt.Sprintf("data%d", i)), "--name", fmt.Sprintf("w%d", i),
			"--address", s.address, "--health-address", "127.0.0.1:0", "--replay-every", "2s", "--drain", "1s"}
		if database != "" {
			s.args = append(s.args, "--database", database)
		}
		s.args = append(s.args, w.more...)
		w.must(s.run())
		w.servers = append(w.servers, s)
	}
	balancer := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: w.servers[rand.N(max(1, len(w.servers)-1))].address})
		},
		ErrorHandler: func(out http.ResponseWriter, _ *http.Request, _ error) { out.WriteHeader(http.StatusBadGateway) },
	})
	w.app.Hook = balancer.URL + "/hook"
	w.t.Cleanup(func() {
		balancer.Close()
		for _, s := range w.servers {
			s.kill()
			if w.t.Failed() {
				w.t.Logf("%s:\n%s", s.address, tail(s.text(), 6000))
			}
		}
	})
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *server) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.binary != "" {
		self = s.binary
	}
	s.cmd = exec.Command(self, s.args...)
	s.cmd.Env = append(os.Environ(), serverVariable+"=1", "LEAKGATE_KEY="+strings.Repeat("5a", 32))
	s.cmd.Env = append(s.cmd.Env, s.env...)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		s.err = cmd.Wait()
		close(ended)
	}()
	return nil
}

// wait waits until the process ends.
func (s *server) wait() error {
	<-s.ended
	return s.err
}

// kill ends the process as kill -9 does.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.cmd.Process.Kill()
	_ = s.wait()
}

// revive starts a process again that ended by itself, as whoever supervises it does.
func (s *server) revive() error {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	select {
	case <-ended:
		return s.run()
	default:
		return nil
	}
}

// atOnce is how many branches one push brings: each is a delivery of its own, and a push
// costs git a dozen processes.
const atOnce = 8

// propose pushes branches with a commit each, opens a pull request for each, and pushes
// every third once more. It begins with the branch of that number.
func (w *flooded) propose(first int) {
	i := first / atOnce % len(w.repos)
	var stream strings.Builder
	for n := first; n < first+atOnce; n++ {
		w.commits(&stream, n)
	}
	heads := strings.Fields(w.locals[i].Pipe(stream.String(), "fast-import", "--quiet"))
	push, again := []string{"push", "-q", "origin"}, []string{"push", "-q", "origin"}
	for n := first; n < first+atOnce; n++ {
		leaks := n%4 == 1
		w.expect(i, heads[0], leaks)
		push = append(push, fmt.Sprintf("%s:refs/heads/b%d", heads[0], n))
		heads = heads[1:]
		if n%3 == 0 { // what was in it stays in the history
			w.expect(i, heads[0], leaks)
			again = append(again, fmt.Sprintf("%s:refs/heads/b%d", heads[0], n))
			heads = heads[1:]
		}
	}
	w.locals[i].Git(push...)
	for n := first; n < first+atOnce; n++ {
		_, _, err := w.bob.PullRequests.Create(w.t.Context(), "acme", fmt.Sprintf("app%d", i), &github.NewPullRequest{
			Title: github.Ptr(fmt.Sprintf("Change %d", n)), Head: github.Ptr(fmt.Sprintf("b%d", n)), Base: github.Ptr("main"),
		})
		w.must(err)
	}
	w.locals[i].Git(again...)
}

// commits writes those of a branch, for git fast-import to make and to print.
// https://git-scm.com/docs/git-fast-import
func (w *flooded) commits(out io.Writer, n int) {
	text := fmt.Sprintf("line %d\n", n)
	if n%4 == 1 {
		text += "token = \"" + gittest.Token() + "\"\n"
	}
	const who = "committer Ada <ada@example.com> 1767323045 +0000\ndata 5\nNext\n\n"
	fmt.Fprintf(out, "commit refs/made/b%d\nmark :%d\n%sfrom refs/heads/main^0\nM 100644 inline b%d.txt\ndata %d\n%s\nget-mark :%d\n",
		n, 2*n+1, who, n, len(text), text, 2*n+1)
	if n%3 == 0 {
		fmt.Fprintf(out, "commit refs/made/b%d\nmark :%d\n%sD b%d.txt\nget-mark :%d\n", n, 2*n+2, who, n, 2*n+2)
	}
}

func (w *flooded) expect(i int, sha string, leaks bool) {
	w.want[sha], w.at[sha] = "success", w.repos[i]
	if leaks {
		w.want[sha] = "failure"
	}
}

// wrong lists the heads whose check run is not there, not the only one, or not right.
func (w *flooded) wrong() []string {
	bySHA := map[string][]ghfake.Check{}
	for _, r := range w.repos {
		for _, k := range w.Checks(r) {
			bySHA[k.SHA] = append(bySHA[k.SHA], k)
		}
	}
	var out []string
	for sha, want := range w.want {
		all := bySHA[sha]
		switch {
		case len(all) == 0:
			out = append(out, sha+": no check run")
		case len(all) > 1:
			text := fmt.Sprintf("%s: %d check runs, want one of %s:", sha, len(all), want)
			for _, k := range all {
				text += fmt.Sprintf(" %d %s %s %q of %s;", k.ID, k.Status, k.Conclusion, k.Title, k.ExternalID)
			}
			out = append(out, text)
		case all[0].Status != "completed" || all[0].Conclusion != want:
			out = append(out, fmt.Sprintf("%s: %d %s %s %q, want %s", sha, all[0].ID, all[0].Status, all[0].Conclusion, all[0].Title, want))
		}
	}
	return out
}

// deliver has deliveries sent until the context ends, by a weather that gets good in the end.
func (w *flooded) deliver(ctx context.Context, weather func() ghfake.Weather) {
	for ctx.Err() == nil {
		w.Deliver(ctx, weather())
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestEveryHeadEndsWithOneRightCheckRun: at least once in, exactly one verdict out, however
// deliveries come and whenever the server is killed. LEAKGATE_DELIVERIES is how many there
// are, and with LEAKGATE_POSTGRES four servers share a database whose connections are cut;
// with LEAKGATE_POSTGRES_FOLDER it is killed now and then and started again.
func TestEveryHeadEndsWithOneRightCheckRun(t *testing.T) {
	deliveries := number("LEAKGATE_DELIVERIES", 24)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		flood(t, deliveries, 1, "", nil, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		admin, name, place := newDatabase(t)
		cut := func() {
			_, _ = admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND random() < 0.3`, name)
		}
		flood(t, deliveries, 4, place, cut, restart(os.Getenv("LEAKGATE_POSTGRES_FOLDER")))
	})
}

// restart ends a PostgreSQL at once, without a word to its clients, and starts it again.
func restart(folder string) func() error {
	if folder == "" {
		return nil
	}
	return func() error {
		out, err := exec.Command("../../test/components/postgres", "restart", folder).CombinedOutput()
		if err != nil {
			return fmt.Errorf("restart PostgreSQL: %w: %s", err, out)
		}
		return nil
	}
}

// newDatabase makes a database on the PostgreSQL of LEAKGATE_POSTGRES.
func newDatabase(t *testing.T) (admin *sql.DB, name, place string) {
	t.Helper()
	place = os.Getenv("LEAKGATE_POSTGRES")
	if place == "" {
		t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run app starts one")
	}
	admin, err := sql.Open("pgx", place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	name = fmt.Sprintf("app_%d", time.Now().UnixNano())
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return admin, name, u.String()
}

// flood makes deliveries while servers are killed, and waits until all is as it should be.
func flood(t *testing.T, deliveries, servers int, database string, cut func(), restart func() error) {
	w := newFlood(t, min(8, 1+deliveries/8), servers, database, "")
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	storm := ghfake.Weather{Lose: .05, Duplicate: .05, Shuffle: true}
	busy.Go(func() { w.deliver(ctx, func() ghfake.Weather { return storm }) })
	havoc, end := havoc{longest: calm(deliveries), cut: cut, restart: restart}, make(chan struct{})
	busy.Go(func() {
		if err := havoc.on(ctx, w, end); err != nil {
			t.Error(err)
		}
	})
	begin := time.Now()
	for n, next := 0, 1000; w.made() < deliveries; n += atOnce {
		w.propose(n)
		if w.made() >= next {
			t.Logf("%d deliveries are made after %s", w.made(), time.Since(begin).Round(time.Second))
			next += 1000
		}
	}
	made := time.Since(begin)
	limit := time.Now().Add(10*time.Minute + time.Duration(deliveries)*time.Second/2) // go test gives more than twice that
	for left := w.wrong(); len(left) > 0; left = w.wrong() {
		if time.Now().After(limit) {
			t.Fatalf("%d of %d heads are wrong: %s", len(left), len(w.want), strings.Join(left[:min(len(left), 10)], "; "))
		}
		if len(left) < len(w.want)/4 { // the last ones are answered in peace
			stop(end)
		}
		time.Sleep(100 * time.Millisecond)
	}
	took := time.Since(begin)
	stop(end)
	cancel()
	busy.Wait()
	t.Logf("%d deliveries, %d heads, %d kills, %d times connections cut, %d restarts of the database; made in %s, all right after %s",
		w.made(), len(w.want), havoc.kills, havoc.cuts, havoc.restarts, made.Round(time.Second), took.Round(time.Second))
}

func stop(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// made is how many deliveries GitHub has made, each counted once.
func (w *flooded) made() int { return w.Delivered() }

// havoc kills servers at random moments and starts them again, and does as bad to their
// database, which may be nil of either.
type havoc struct {
	longest               time.Duration // from one to the next
	cut                   func()
	restart               func() error
	kills, cuts, restarts int
}

// calm is the longest time between two strikes: some hundred in all, however many
// deliveries there are, as a server that is killed as it starts does nothing.
func calm(deliveries int) time.Duration {
	return min(20*time.Second, 4*time.Second*time.Duration(max(1, deliveries/400)))
}

// on goes on until the context or the end.
func (h *havoc) on(ctx context.Context, w *flooded, end chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-time.After(300*time.Millisecond + time.Duration(w.random.Int64N(int64(h.longest)))):
		}
		if err := h.strike(w); err != nil {
			return err
		}
	}
}

func (h *havoc) strike(w *flooded) error {
	switch {
	case h.cut != nil && w.random.IntN(3) == 0:
		h.cuts++
		h.cut()
		return nil
	case h.restart != nil && w.random.IntN(20) == 0:
		h.restarts++
		return errors.Join(h.restart(), w.revive())
	}
	n := w.random.IntN(len(w.servers))
	s := w.servers[n]
	s.kill()
	h.kills++
	if n > 0 && n == len(w.servers)-1 { // of several, one goes for good, with what it was at
		return nil
	}
	return s.run()
}

// revive starts those again that ended by themselves.
func (w *flooded) revive() error {
	for i, s := range w.servers {
		if last := len(w.servers) - 1; i == last && last > 0 {
			break // it goes for good
		}
		if err := s.revive(); err != nil {
			return err
		}
	}
	return nil
}

// TestALostDeliveryIsRepairedAndAnOutageIsDrained shows two promises by what decides them: a
// delivery that was lost is asked for again at the next look, each of --replay-every (a
// minute unless said otherwise); and at the end of an outage no job waits for longer than a minute and a
// quarter, however long it lasted (LEAKGATE_OUTAGE, 40s). It is run beside the flood: LEAKGATE_DELIVERIES is set.
func TestALostDeliveryIsRepairedAndAnOutageIsDrained(t *testing.T) {
	if os.Getenv("LEAKGATE_DELIVERIES") == "" {
		t.Skip("LEAKGATE_DELIVERIES is not set: test/e2e/run app")
	}
	t.Parallel()
	lasts, err := time.ParseDuration(cmp.Or(os.Getenv("LEAKGATE_OUTAGE"), "40s"))
	if err != nil {
		t.Fatal(err)
	}
	w := newFlood(t, 2, 1, "", "")
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	w.propose(0)
	w.Deliver(ctx, ghfake.Weather{Lose: 1})
	busy.Go(func() { w.deliver(ctx, func() ghfake.Weather { return ghfake.Weather{} }) })
	begin := time.Now()
	w.rightWithin(5 * time.Minute)
	t.Logf("%d deliveries that were all lost: repaired after %s, looked for each 2 s", w.made(), time.Since(begin).Round(time.Second))

	before := len(w.want)
	w.outage()
	rounds := min(60, int(lasts/(10*time.Second)))
	for n := range rounds { // heads come all the while
		w.propose((1 + n) * atOnce)
		time.Sleep(lasts / time.Duration(rounds))
	}
	w.Calm()
	begin = time.Now()
	w.rightWithin(15 * time.Minute)
	took := time.Since(begin)
	t.Logf("an outage of %s with %d heads is drained after %s", lasts, len(w.want)-before, took.Round(time.Second))
}

// outage has GitHub answer nothing but pushes and the making of pull requests.
func (w *flooded) outage() {
	for _, operation := range []string{"apps/create-installation-access-token", "checks/create", "checks/update", "checks/list-for-ref", "pulls/get"} {
		w.Fail(ghfake.Fault{Operation: operation, Status: http.StatusBadGateway, Times: 1 << 30})
	}
}

// rightWithin waits until every head has its one right check run.
func (w *flooded) rightWithin(limit time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		left := w.wrong()
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d of %d heads are wrong: %s", len(left), len(w.want), strings.Join(left[:min(len(left), 10)], "; "))
		}
	}
}
