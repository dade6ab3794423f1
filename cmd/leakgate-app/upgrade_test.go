package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/store"
)

// settled waits until every head has its one right check run.
func (w *flooded) settled(what string) {
	w.t.Helper()
	begin := time.Now()
	for left := w.wrong(); len(left) > 0; left = w.wrong() {
		if time.Since(begin) > 5*time.Minute {
			w.t.Fatalf("%s: %d of %d heads are wrong: %s", what, len(left), len(w.want), strings.Join(left[:min(len(left), 10)], "; "))
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Logf("%s: %d heads are right after %s", what, len(w.want), time.Since(begin).Round(time.Second))
}

// end tells a server to end, and waits until it did.
func (s *server) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.wait()
}

// TestTwoVersionsShareADatabase: servers of the version before are replaced one by one by
// this one, and back again, while deliveries come; nothing is lost, and each head has one
// verdict. LEAKGATE_PREVIOUS is the binary of the version before.
func TestTwoVersionsShareADatabase(t *testing.T) {
	previous := os.Getenv("LEAKGATE_PREVIOUS")
	if previous == "" {
		t.Skip("LEAKGATE_PREVIOUS names no binary of the version before; test/e2e/run app builds one")
	}
	_, _, place := newDatabase(t)
	w := newFlood(t, 3, 3, place, previous)
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	busy.Go(func() {
		w.deliver(ctx, func() ghfake.Weather { return ghfake.Weather{Lose: .05, Duplicate: .05, Shuffle: true} })
	})
	n := 0
	propose := func() {
		w.propose(n)
		n += atOnce
	}
	replace := func(i int, binary string) {
		propose() // on their way while the server goes
		w.must(w.servers[i].end())
		w.servers[i].binary = binary
		w.must(w.servers[i].run())
		propose()
	}
	propose()
	w.settled("the version before alone")
	levels := func() store.Level {
		l, err := store.LevelOf(t.Context(), place)
		w.must(err)
		return l
	}
	before := levels()
	replace(0, "")
	propose()
	w.settled("one of three is new")
	if after := levels(); after.Done <= before.Done || after.Missing() != 0 {
		t.Fatalf("the schema did not change, so nothing is shown: %+v, then %+v", before, after)
	}
	replace(1, "")
	replace(2, "")
	propose()
	w.settled("all are new")
	replace(0, previous)
	propose()
	w.settled("one went back")
	replace(1, previous)
	replace(2, previous)
	propose()
	w.settled("all went back")
	replace(0, "")
	w.settled("one is new once more")
	for i, s := range w.servers {
		for _, bad := range []string{"panic", "newer version", "does not exist"} {
			if strings.Contains(s.text(), bad) {
				t.Errorf("server %d says %q", i, bad)
			}
		}
	}
}

// TestARestoreOnAnEmptyHostReachesTheSameVerdicts: everything is lost but a backup and the
// key, and what was delivered since the backup comes again.
func TestARestoreOnAnEmptyHostReachesTheSameVerdicts(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		restoreOnAnEmptyHost(t, "", func() {})
	})
	t.Run("postgres", func(t *testing.T) {
		admin, name, place := newDatabase(t)
		restoreOnAnEmptyHost(t, place, func() {
			for _, do := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
				if _, err := admin.Exec(do); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

func restoreOnAnEmptyHost(t *testing.T, place string, destroy func()) {
	w := newFlood(t, 2, 1, place, "")
	data, backup := filepath.Join(w.dir, "data0"), filepath.Join(w.dir, "backup")
	tool := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		l := &world{stdout: &out, stderr: &errs, hostname: func() (string, error) { return "test", nil }, now: time.Now,
			env: func(name string) string {
				return map[string]string{keyVariable: strings.Repeat("5a", 32), "LEAKGATE_DATABASE": place}[name]
			}}
		if code := l.run(t.Context(), append(args, "--data", data)); code != 0 {
			t.Fatalf("%s: exit %d\n%s%s", args[0], code, out.String(), errs.String())
		}
		return out.String()
	}
	w.propose(0)
	w.Deliver(t.Context(), ghfake.Weather{})
	w.settled("before the backup")
	tool("db", "backup", backup)
	w.propose(atOnce) // in the database that is lost
	w.Deliver(t.Context(), ghfake.Weather{})
	w.settled("after the backup")
	before := w.allRuns()
	w.servers[0].kill()
	w.must(os.RemoveAll(data))
	destroy()
	w.propose(2 * atOnce) // while there is nobody
	w.Deliver(t.Context(), ghfake.Weather{})
	tool("db", "restore", backup)
	w.must(w.servers[0].run())
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	busy.Go(func() { w.deliver(ctx, func() ghfake.Weather { return ghfake.Weather{} }) })
	app := []string{"replay", "--dry-run", "--app-id", strconv.FormatInt(w.app.ID, 10), "--key-file", filepath.Join(w.dir, "app.pem"), "--github", w.URL}
	for end := time.Now().Add(3 * time.Minute); !strings.Contains(tool(app...), "no delivery is lost"); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("deliveries are still lost:\n%s", tool(app...))
		}
	}
	w.settled("after the restore")
	w.answered(data, place)
	w.settled("when all is answered")
	after := w.allRuns()
	for _, id := range before {
		if !slices.Contains(after, id) {
			t.Errorf("the check run %s is gone", id)
		}
	}
	if len(after) != len(w.want) {
		t.Errorf("%d check runs of %d heads", len(after), len(w.want))
	}
}

// allRuns names every check run, with what it came to.
func (w *flooded) allRuns() (all []string) {
	for _, r := range w.repos {
		for _, k := range w.Checks(r) {
			all = append(all, fmt.Sprintf("%d %s %s", k.ID, k.SHA, k.Conclusion))
		}
	}
	return all
}

// answered waits until the database holds an answer to every question.
func (w *flooded) answered(data, place string) {
	w.t.Helper()
	if place == "" {
		place = filepath.Join(data, "leakgate.db")
	}
	s, err := store.Open(w.t.Context(), place, store.Options{Key: mustKey(w.t), Connections: 1})
	w.must(err)
	defer s.Close()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		var count map[store.Progress]int
		w.must(s.Tx(w.t.Context(), func(t *store.Tx) (err error) { count, err = t.Pending(w.t.Context()); return err }))
		if count[store.Waiting]+count[store.Running] == 0 && count[store.Done] > 0 && count[store.Done]+count[store.Cancelled] >= len(w.want) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("questions: %v of %d heads", count, len(w.want))
		}
	}
}
