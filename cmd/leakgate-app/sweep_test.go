package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// history is what a generated repository holds.
type history struct {
	commits, leaks int
}

// generate makes a repository with a history by git fast-import. Every third one has a
// secret that a later commit takes out; every fifth has it at the head of a pull request
// alone.
func (w *flooded) generate(n int) history {
	r, err := w.Repository(fmt.Sprintf("acme/generated%d", n), true)
	w.must(err)
	var stream bytes.Buffer
	h := history{}
	commit := func(ref, file, text string) {
		h.commits++
		fmt.Fprintf(&stream, "commit %s\ncommitter Ada <ada@example.com> %d +0000\ndata 2\nx\n", ref, 1_700_000_000+h.commits)
		if h.commits > 1 && ref != "refs/heads/main" {
			fmt.Fprint(&stream, "from refs/heads/main\n")
		}
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", file, len(text), text)
	}
	for i := range 1 + n*7%40 {
		text := "line " + fmt.Sprint(n, i) + "\n" + lines(n, i)
		if n%3 == 0 && i == n%5 {
			text += "token = \"" + w.leak() + "\"\n"
			h.leaks++
		}
		commit("refs/heads/main", fmt.Sprintf("dir%d/file%d.txt", i%7, i%3), text)
	}
	if n%5 == 0 {
		commit("refs/pull/1/head", "pulled.txt", "token = \""+w.leak()+"\"\n")
		h.leaks++
	}
	_, err = r.Git.Pipe(stream.Bytes(), "fast-import", "--quiet")
	w.must(err)
	r.Archived = n%11 == 0
	return h
}

// leak is a value of which nothing may be told.
func (w *flooded) leak() string {
	w.leaked = append(w.leaked, gittest.Token())
	return w.leaked[len(w.leaked)-1]
}

// untold fails where a value is in what was printed or logged, or in a SQLite database,
// however it is spelt.
func (w *flooded) untold(printed []byte) {
	w.t.Helper()
	all := string(printed)
	for _, s := range w.servers {
		all += s.text()
		files, err := filepath.Glob(filepath.Join(argument(s.args, "--data"), "leakgate.db*"))
		w.must(err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			w.must(err)
			all += string(text)
		}
	}
	for _, v := range w.leaked {
		for _, form := range secret.Forms(secret.New(v)) {
			if strings.Contains(all, form) {
				w.t.Errorf("the value is told as %q", form)
			}
		}
	}
}

// lines are words that are no secrets, of a size that differs from repository to repository.
func lines(n, i int) string {
	var b strings.Builder
	for k := range 20 * (1 + n*13%50) {
		fmt.Fprintf(&b, "word %d of %d\n", (k*k+i)%1000, (n+k)%997)
	}
	return b.String()
}

// sweeping runs the command, and gives what it printed and how it ended.
func (s *server) sweeping(ctx context.Context, data, database string) (out []byte, code int) {
	self, err := os.Executable()
	if err != nil {
		return nil, -1
	}
	cmd := exec.CommandContext(ctx, self, "sweep", "acme", "--data", data, "--database", database, "--json")
	cmd.Env = append(os.Environ(), serverVariable+"=1", "LEAKGATE_KEY="+strings.Repeat("5a", 32))
	cmd.Stderr = s.log
	out, _ = cmd.Output()
	return out, cmd.ProcessState.ExitCode()
}

// TestASweepIsWholeWheneverItIsKilled: server and command are killed twice, and every
// repository is looked at, each credential is one incident, and each place is there once.
// LEAKGATE_SWEEP is how many repositories there are; with 200 and more the time that was
// said to be left is held against the time that it took.
func TestASweepIsWholeWheneverItIsKilled(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { sweepKilled(t, "") })
	t.Run("postgres", func(t *testing.T) {
		_, _, place := newDatabase(t)
		sweepKilled(t, place)
	})
}

// sweepKilled sweeps with one server on SQLite, or three on PostgreSQL of which one is
// killed for good.
func sweepKilled(t *testing.T, database string) {
	total := number("LEAKGATE_SWEEP", 15)
	servers := 1
	if database != "" {
		servers = 3
	}
	w := newFlood(t, 1, servers, database, "")
	want := map[string]history{"acme/app0": {1, 0}}
	for n := range total {
		want[fmt.Sprintf("acme/generated%d", n)] = w.generate(n)
	}
	for _, one := range w.servers {
		one.kill()
		one.args = append(one.args, "--histories", "2", "--default-stage", "")
		w.must(one.run())
	}
	serving := w.servers[0]
	data := argument(serving.args, "--data")
	db := w.eventuallyOpen(cmp.Or(database, filepath.Join(data, "leakgate.db")))
	defer db.Close()

	first, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); serving.sweeping(first, data, database) }()
	kills := 0
	guesses := w.follow(db, total+1, []float64{.3, .6}, func() {
		serving.kill()
		cancel()
		<-ended
		w.must(serving.run())
		if kills++; kills == 2 && servers > 1 {
			w.servers[servers-1].kill()
		}
	})
	if total >= 200 {
		guesses.judge(t)
	}
	out, code := serving.sweeping(t.Context(), data, database) // it is over: the command would begin another one, which finds the same
	if code != 1 {
		t.Errorf("exit %d, want 1:\n%s", code, tail(serving.text(), 4000))
	}
	w.sweptOnce(db, 1, want)
	w.untold(out)
	var said struct {
		Total, Findings int
		Count           map[string]int
		Incidents       map[string]int
	}
	w.must(json.Unmarshal(out, &said))
	leaks := 0
	for _, h := range want {
		leaks += h.leaks
	}
	open := 0
	for _, n := range said.Incidents {
		open += n
	}
	if said.Total != total+1 || said.Count["done"] != total+1 || said.Findings != leaks || open != leaks {
		t.Errorf("want %d repositories and %d incidents: %+v", total+1, leaks, said)
	}
}

func argument(args []string, name string) string {
	for i, a := range args {
		if a == name {
			return args[i+1]
		}
	}
	return ""
}

func (w *flooded) eventuallyOpen(file string) *store.Store {
	w.t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	w.must(err)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil || store.IsPostgres(file) {
			s, err := store.Open(w.t.Context(), file, store.Options{Key: key, Connections: 1})
			w.must(err)
			return s
		}
		if time.Now().After(end) {
			w.t.Fatal("the server made no database")
		}
	}
}

// guess is what was said to be left at a moment.
type guess struct {
	at   time.Time
	left time.Duration
	part float64 // of the bytes, that was over
}

type guesses struct {
	all          []guess
	began, ended time.Time
}

// follow watches the first sweep to its end, and kills at these parts of it.
func (w *flooded) follow(db *store.Store, total int, at []float64, kill func()) (g guesses) {
	w.t.Helper()
	for end := time.Now().Add(10*time.Minute + time.Duration(total)*5*time.Second); ; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("the sweep does not end:\n%s", tail(w.servers[0].text(), 4000))
		}
		s, err := db.SweepByID(w.t.Context(), 1)
		if err != nil || s.State == store.PassWaiting {
			continue // the command has not asked yet, or the list is not there
		}
		part := float64(s.Done()) / float64(s.Total)
		if len(at) > 0 && part >= at[0] {
			at = at[1:]
			kill()
		}
		if s.State == store.PassDone {
			if len(at) > 0 {
				w.t.Errorf("it was over before it was killed %d times more", len(at))
			}
			g.began, g.ended = s.Started, s.Ended
			w.t.Logf("%d repositories, %d commits, %d bytes, %d findings, killed twice, in %s", s.Total, s.Commits, s.Scanned, s.Findings, s.Ended.Sub(s.Started).Round(100*time.Millisecond))
			return g
		}
		g.all = append(g.all, guess{time.Now(), s.Left, float64(s.Over) / float64(max(1, s.Bytes))})
	}
}

// judge holds what was said, from a third on, against how long it took.
func (g guesses) judge(t *testing.T) {
	took, worst, next := g.ended.Sub(g.began).Seconds(), 0.0, 1.0/3
	for _, one := range g.all {
		if one.part < 1.0/3 || one.left == 0 {
			continue
		}
		said := one.at.Add(one.left).Sub(g.began).Seconds()
		if one.part >= next {
			t.Logf("with %.0f %% over after %.0f s, the end was said to be after %.0f s, and came after %.0f s", 100*one.part, one.at.Sub(g.began).Seconds(), said, took)
			next += 1.0 / 12
		}
		worst = max(worst, math.Abs(said-took)/took)
	}
	t.Logf("what was said of the end was off by at most %.0f %% of the whole, from a third on", 100*worst)
	if worst > .2 {
		t.Errorf("off by more than 20 %%")
	}
}

// sweptOnce holds what a sweep kept against what there is.
func (w *flooded) sweptOnce(db *store.Store, sweep int64, want map[string]history) {
	w.t.Helper()
	w.must(db.Tx(w.t.Context(), func(t *store.Tx) error {
		all, err := t.Swept(w.t.Context(), sweep)
		if err != nil {
			return err
		}
		if len(all) != len(want) {
			w.t.Errorf("%d repositories were looked at, want %d", len(all), len(want))
		}
		for _, r := range all {
			if h := want[r.Name]; r.State != store.PassDone || int(r.Commits) != h.commits || r.Findings != h.leaks {
				w.t.Errorf("%s: want %+v, got %+v", r.Name, h, r)
			}
		}
		return nil
	}))
	leaks, detected := 0, map[string]int{}
	for _, h := range want {
		leaks += h.leaks
	}
	w.must(db.Trail(w.t.Context(), "", func(e store.Event) error { detected[e.Action]++; return nil }))
	if detected["detected"] != leaks || detected["seen"] != 0 {
		w.t.Errorf("the trail has %v, want %d detected", detected, leaks)
	}
}

// TestWithoutGitTheVerdictsAreTheSame: a server on a machine that has none.
func TestWithoutGitTheVerdictsAreTheSame(t *testing.T) {
	w := newFlood(t, 1, 1, "", "")
	s := w.servers[0]
	s.kill()
	s.env = []string{"PATH=" + t.TempDir()}
	w.must(s.run())
	w.propose(0)
	h := w.generate(0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.deliver(ctx, func() ghfake.Weather { return ghfake.Weather{} })
	}()
	defer func() { cancel(); <-ended }()
	for end := time.Now().Add(4 * time.Minute); len(w.wrong()) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(w.wrong())
		}
	}
	out, code := s.sweeping(t.Context(), argument(s.args, "--data"), "")
	if code != 1 || !strings.Contains(string(out), fmt.Sprintf(`"commits": %d,`, h.commits)) {
		t.Errorf("exit %d: %s", code, out)
	}
	if !strings.Contains(s.text(), "there is no git: repositories are fetched as a whole") {
		t.Error("nobody is told")
	}
}
