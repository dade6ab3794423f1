package main

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/store"
)

// operated is a GitHub whose deliveries reach nobody, and what its operator has.
type operated struct {
	*ghfake.GitHub
	t     *testing.T
	app   *ghfake.App
	local *gittest.Repo
	dir   string // of the key and secrets
	data  string
	env   map[string]string
}

func newOperated(t *testing.T) *operated {
	t.Helper()
	o := &operated{t: t, GitHub: ghfake.New(t, ghfake.Options{Enterprise: true}), dir: t.TempDir(), env: map[string]string{keyVariable: strings.Repeat("5a", 32)}}
	o.data = filepath.Join(o.dir, "data")
	o.Org("acme")
	o.User("bob")
	var err error
	o.app, err = o.App("leakgate", "http://127.0.0.1:1/hook", map[string]string{"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write"}, "push")
	o.must(err)
	r, err := o.Repository("acme/app", true)
	o.must(err)
	o.Collaborator(r, "bob", "write")
	o.Install(o.app, "acme")
	o.local = gittest.New(t)
	o.local.File("a.txt", "one\n")
	o.local.Git("remote", "add", "origin", strings.Replace(o.CloneURL(r), "//", "//x-access-token:"+o.PAT("bob")+"@", 1))
	o.local.Git("push", "-q", "origin", "main")
	block, _ := pem.Decode(o.app.Key)
	o.must(os.WriteFile(filepath.Join(o.dir, "app.pem"), pem.EncodeToMemory(block), 0o600))
	return o
}

func (o *operated) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// run runs a command with the flags that name the App and the database.
func (o *operated) run(code int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	var out, errs bytes.Buffer
	w := &world{stdout: &out, stderr: &errs, env: func(name string) string { return o.env[name] }, hostname: func() (string, error) { return "test", nil }, now: time.Now}
	if got := w.run(o.t.Context(), args); got != code {
		o.t.Fatalf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

func (o *operated) replay(code int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	return o.run(code, append([]string{"replay", "--app-id", strconv.FormatInt(o.app.ID, 10), "--key-file", filepath.Join(o.dir, "app.pem"), "--github", o.URL, "--data", o.data}, args...)...)
}

func (o *operated) database(code int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	return o.run(code, append([]string{"db"}, append(args, "--data", o.data)...)...)
}

func TestReplayAsksForWhatWasLost(t *testing.T) {
	o := newOperated(t)
	if _, text := o.replay(2); !strings.Contains(text, "there is no database") {
		t.Errorf("without a database: %s", text)
	}
	if _, err := os.Stat(o.data); err == nil {
		t.Error("a wrong folder was made")
	}
	o.database(0, "migrate")
	o.Deliver(t.Context(), ghfake.Weather{Lose: 1})
	table, _ := o.replay(0, "--dry-run")
	if !strings.Contains(table, "GUID") || strings.Count(table, "would be asked for") != 2 || o.Pending() != 0 {
		t.Errorf("a dry run, after which %d wait:\n%s", o.Pending(), table)
	}
	guids := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindAllString(table, -1) // of the installation, and of the push
	guid := guids[1]
	if _, text := o.replay(3, "--guid", "nobody"); !strings.Contains(text, "not lost") {
		t.Errorf("an unknown GUID: %s", text)
	}
	if table, _ = o.replay(0, "--guid", guid); !strings.Contains(table, guid) || o.Pending() != 1 {
		t.Errorf("%d wait after:\n%s", o.Pending(), table)
	}
	for range 8 {
		o.Deliver(t.Context(), ghfake.Weather{Lose: 1})
		o.replay(0)
	}
	if table, _ = o.replay(0); !strings.Contains(table, "left: name it with --guid") {
		t.Errorf("it is asked for again and again:\n%s", table)
	}
	if o.replay(0, "--guid", guid); o.Pending() != 1 {
		t.Errorf("somebody asks for it by name, and %d wait", o.Pending())
	}
	if _, text := o.replay(2, "--since", "yesterday"); !strings.Contains(text, "--since") {
		t.Error(text)
	}
	s, err := store.Open(t.Context(), filepath.Join(o.data, "leakgate.db"), store.Options{Connections: 1, Key: mustKey(t)})
	o.must(err)
	o.must(s.Tx(t.Context(), func(tx *store.Tx) error {
		for _, guid := range guids {
			if _, err := tx.Deliver(t.Context(), store.Delivery{GUID: guid, Event: "push", Facts: "{}"}); err != nil {
				return err
			}
		}
		return nil
	}))
	s.Close()
	if text, _ := o.replay(0); text != "no delivery is lost\n" {
		t.Errorf("what is kept: %s", text)
	}
}

func mustKey(t *testing.T) storeKey {
	t.Helper()
	key, err := (&world{env: func(string) string { return strings.Repeat("5a", 32) }}).storeKey("")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestMigrateSaysWhatIsMissing(t *testing.T) {
	o := newOperated(t)
	if text, _ := o.database(1, "migrate", "--check"); !strings.Contains(text, "leakgate: 0 of") {
		t.Errorf("of nothing: %s", text)
	}
	if _, err := os.Stat(filepath.Join(o.data, "leakgate.db")); err == nil {
		t.Error("a check made a database")
	}
	s, err := store.Open(t.Context(), filepath.Join(o.data, "leakgate.db"), store.Options{Key: mustKey(t)}) // the queue's tables are missing
	o.must(err)
	s.Close()
	if text, errs := o.database(1, "migrate", "--check"); !regexp.MustCompile(`queue: [1-9]`).MatchString(text) || !strings.Contains(errs, "db migrate") {
		t.Errorf("without a queue: %s%s", text, errs)
	}
	o.database(0, "migrate")
	o.database(0, "migrate", "--check")
	s, err = store.Open(t.Context(), filepath.Join(o.data, "leakgate.db"), store.Options{Key: mustKey(t)})
	o.must(err)
	_, err = s.DB().ExecContext(t.Context(), `UPDATE schema_version SET version = 999`)
	o.must(err)
	s.Close()
	if _, text := o.database(3, "migrate", "--check"); !strings.Contains(text, "newer version") {
		t.Error(text)
	}
}

func TestAnOlderBackupIsToldAsOlder(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { olderBackup(t, "", func() {}) })
	t.Run("postgres", func(t *testing.T) {
		admin, name, place := newDatabase(t)
		olderBackup(t, place, func() {
			for _, do := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
				if _, err := admin.Exec(do); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

// olderBackup restores on a database; empty makes that one anew.
func olderBackup(t *testing.T, place string, empty func()) {
	o := newOperated(t)
	o.env["LEAKGATE_DATABASE"] = place
	o.database(0, "migrate")
	event := func() {
		s, err := store.Open(t.Context(), cmp.Or(place, filepath.Join(o.data, "leakgate.db")), store.Options{Key: mustKey(t), Noted: filepath.Join(o.data, "noted")})
		o.must(err)
		o.must(s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Audit(t.Context(), "ada", "seen", "INC-1", struct{}{})
			return err
		}))
		s.Close()
	}
	event()
	old, now := filepath.Join(o.dir, "old"), filepath.Join(o.dir, "new")
	o.database(0, "backup", old)
	event()
	text, _ := o.database(0, "backup", now)
	head := regexp.MustCompile(`2:[0-9a-f]{64}`).FindString(text)
	if head == "" || !strings.Contains(text, keyVariable) {
		t.Fatalf("backup says %s", text)
	}
	if _, text := o.database(3, "restore", now); !strings.Contains(text, "--replace") {
		t.Error(text)
	}
	if _, text := o.database(3, "restore", old, "--replace"); !strings.Contains(text, "older") || !strings.Contains(text, "event 2") {
		t.Errorf("an older one: %s", text)
	}
	if text, _ := o.database(0, "backup", filepath.Join(o.dir, "still")); !strings.Contains(text, head) {
		t.Errorf("a backup that was refused took the place of the database: %s", text)
	}
	o.database(0, "restore", now, "--replace")
	if text, _ := o.database(0, "restore", old, "--replace", "--older"); !strings.Contains(text, "an older state") {
		t.Errorf("an older one that is wanted: %s", text)
	}
	empty()
	o.data = filepath.Join(o.dir, "empty host")
	if _, text := o.database(3, "restore", old, "--noted", head); !strings.Contains(text, "older") {
		t.Errorf("an older one on an empty host: %s", text)
	}
	if text, _ := o.database(0, "restore", now, "--noted", head); !strings.Contains(text, "ends at event 2") {
		t.Error(text)
	}
	delete(o.env, keyVariable)
	o.data = filepath.Join(o.dir, "no key")
	if _, text := o.database(2, "restore", now); !strings.Contains(text, "key of the backup is missing") {
		t.Error(text)
	}
	o.env[keyVariable] = strings.Repeat("6b", 32)
	if _, text := o.database(3, "restore", now); !strings.Contains(text, "key") {
		t.Errorf("another key: %s", text)
	}
}

func TestForgetSaysFirstAndThenDoes(t *testing.T) {
	o := newOperated(t)
	o.database(0, "migrate")
	forget := func(code int, args ...string) string {
		t.Helper()
		out, errs := o.run(code, append([]string{"forget", "--data", o.data}, args...)...)
		return out + errs
	}
	s, err := store.Open(t.Context(), filepath.Join(o.data, "leakgate.db"), store.Options{Connections: 1, Key: mustKey(t)})
	o.must(err)
	defer s.Close()
	o.must(s.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Tip(t.Context(), store.Tip{Installation: 11, Repository: 101, Name: "acme/app", SHA: strings.Repeat("a", 40)})
		return err
	}))
	o.must(os.MkdirAll(filepath.Join(o.data, "mirrors", "101.git"), 0o700))
	forget(2)
	forget(2, "acme", "--installation", "11")
	forget(3, "nobody")
	forget(2, "acme", "--unknown")
	for _, execute := range [][]string{nil, {"--execute"}} {
		if text := forget(3, append([]string{"--installation", "1111"}, execute...)...); !strings.Contains(text, "nothing is known of installation 1111") || !strings.Contains(text, "--unknown") {
			t.Errorf("an unknown number: %s", text)
		}
	}
	o.must(s.Tx(t.Context(), func(tx *store.Tx) error {
		gone, err := tx.Forgotten(t.Context())
		if len(gone) > 0 {
			t.Errorf("what was refused is shut out: %v", gone)
		}
		return err
	}))
	forget(0, "--installation", "1111", "--unknown", "--execute")
	forget(0, "--installation", "1111", "--execute") // is known now
	if text := forget(0, "Acme"); !strings.Contains(text, "installation 11: 1 repositories, 0 deliveries, 1 heads") || !strings.Contains(text, "--execute") {
		t.Errorf("it says: %s", text)
	}
	if text := forget(0, "acme", "--execute"); !strings.Contains(text, "1 heads") {
		t.Errorf("it says: %s", text)
	}
	forget(3, "acme")
	forget(0, "--installation", "11", "--execute") // again, for what a job brought back
	if left, err := os.ReadDir(filepath.Join(o.data, "mirrors")); err != nil || len(left) > 0 {
		t.Errorf("mirrors: %v %v", left, err)
	}
	if _, err := s.VerifyTrail(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDoctorTellsHowOldTheQueueIs(t *testing.T) {
	o := newOperated(t)
	o.database(0, "migrate")
	s, err := store.Open(t.Context(), filepath.Join(o.data, "leakgate.db"), store.Options{Connections: 1, Key: mustKey(t), Now: func() time.Time { return time.Now().Add(-time.Hour) }})
	o.must(err)
	doctor := func() string {
		out, _ := o.run(1, "doctor", "--app-id", strconv.FormatInt(o.app.ID, 10), "--key-file", filepath.Join(o.dir, "app.pem"), "--github", o.URL, "--data", o.data, "--pull")
		return out
	}
	if text := doctor(); !strings.Contains(text, "queue: nothing waits") {
		t.Error(text)
	}
	o.must(s.Tx(t.Context(), func(tx *store.Tx) error {
		tip, err := tx.Tip(t.Context(), store.Tip{Installation: 11, Repository: 101, Name: "acme/app", SHA: strings.Repeat("a", 40)})
		o.must(err)
		_, _, err = tx.Ask(t.Context(), store.Question{Tip: tip.ID, Subject: "push/x", Body: "{}", State: store.Waiting})
		return err
	}))
	s.Close()
	o.Deliver(t.Context(), ghfake.Weather{Lose: 1})
	text := doctor()
	for _, says := range []string{"queue: the oldest question waits for 1h0m", "broken  deliveries: GitHub has one of", "read up to none"} {
		if !strings.Contains(text, says) {
			t.Errorf("nothing says %q:\n%s", says, text)
		}
	}
}
