package work_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// schema is a place of its own on the PostgreSQL of the tests.
func schema(t *testing.T) string {
	t.Helper()
	server := os.Getenv("LEAKGATE_POSTGRES")
	if server == "" {
		t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run app starts one")
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("moved_%d", time.Now().UnixNano())
	if _, err := admin.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	at := "?"
	if strings.Contains(server, "?") {
		at = "&"
	}
	return server + at + "search_path=" + name
}

// handedOver is a repository with a leak in an open pull request, that acme knows of with a
// reason of its own, and that is elsewhere in acme, too; and globex, which has the App.
type handedOver struct {
	*world
	token string
	head  string
	there *ghfake.Installation
	lib   *ghfake.Repo
	old   store.Incident
	alert int64

	others int // leaks in the repository beside that one
}

func newHandedOver(t *testing.T, named bool, more ...func(*world)) *handedOver {
	t.Helper()
	token := gittest.Token()
	w := newWorldAt(t, gate.Enforced, append(more, func(w *world) {
		w.verify, w.reverify = &oracle{value: secret.New(token), says: report.Active}, 100*time.Millisecond
	})...)
	h := &handedOver{world: w, token: token}
	w.Org("globex")
	other, err := w.Repository("globex/other", true)
	w.must(err)
	if named {
		h.there = w.Install(w.app, "globex", other)
	} else {
		h.there = w.Install(w.app, "globex")
	}
	h.lib = w.fill("acme/lib", true, func(l *gittest.Repo) {
		l.File("a.txt", "one\n")
		l.File("lib.txt", "token = \""+token+"\"\n")
	}, "main")
	h.head = w.branch("leaky", "b.txt", "token = \""+token+"\"\n")
	w.pull("leaky")
	h.alert = w.FindSecret(w.repo, "acme_token", token, "b.txt", h.head, 1)
	w.deliver()
	w.concluded(h.head, "failure")
	w.eventually("all places are known", func() bool {
		all := w.incidents()
		return len(all) == 1 && len(w.places(all[0].Credential.ID)) >= 3
	})
	id := w.incidents()[0].ID
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Advance(t.Context(), id, store.Move{To: store.Triaged, By: "boss-of-acme", Why: "the words of acme"})
	}))
	h.old = w.incidents()[0]
	return h
}

// in are the places of a credential in a repository.
func (w *world) in(credential string, r *ghfake.Repo) (n int) {
	for _, p := range w.places(credential) {
		if p.Repository == strconv.FormatInt(r.ID(), 10) {
			n++
		}
	}
	return n
}

// read is what somebody sees who reads one repository alone, with all that is told of it.
func (w *world) read(r *ghfake.Repo) (all []store.Seen, told string) {
	w.t.Helper()
	ctx, reader := w.t.Context(), store.Reader{r.ID()}
	w.must(w.store.Tx(ctx, func(tx *store.Tx) error {
		page, err := tx.Listed(ctx, store.Wanted{Reader: reader, Order: store.Newest, Limit: 100})
		if err != nil {
			return err
		}
		all, told = page.Incidents, ""
		for _, in := range all {
			events, err := tx.Story(ctx, reader, in.Incident)
			if err != nil {
				return err
			}
			told += fmt.Sprintf("%+v\n", in)
			for _, e := range events {
				told += e.Action + " " + e.Actor + " " + string(e.Body) + "\n"
			}
		}
		return nil
	}))
	return all, told
}

// taken waits until the repository is globex's in all that people see, and fails where it is not its alone.
func (h *handedOver) taken() store.Incident {
	h.t.Helper()
	h.eventually("the repository is known as globex's", func() bool { return h.known(h.repo).Installation == h.there.ID })
	var now store.Incident
	h.eventually("the leak is known to globex, in the pull request, its history and the alert", func() bool {
		all, _ := h.read(h.repo)
		for _, in := range all { // another leak may be known already
			n := 0
			for _, p := range h.places(in.Credential.ID) {
				if strings.HasPrefix(p.Fingerprint, "github:alert:") {
					n++
				}
			}
			if in.Credential.ID != h.old.Credential.ID && n == 1 && h.in(in.Credential.ID, h.repo) >= 2 {
				now = in.Incident
				return true
			}
		}
		return false
	})
	h.eventually("the open pull request is judged again", func() bool {
		all := h.runs(h.head)
		last := all[len(all)-1]
		return last.Status == "completed" && last.Conclusion == "failure" && strings.Contains(last.Summary+last.Text, now.Credential.ID)
	})
	h.settled()
	all := h.runs(h.head)
	if len(all) != 2 {
		h.t.Errorf("%d check runs, want the one of acme's time and one of globex's", len(all))
	}
	if last := all[len(all)-1]; strings.Contains(last.Summary+last.Text, h.old.Credential.ID) {
		h.t.Error("globex is told acme's id")
	}
	h.eventually("the comment has globex's id", func() bool {
		list, _, err := h.ada.Issues.ListComments(h.t.Context(), strings.Split(h.repo.FullName(), "/")[0], "app", 1, nil)
		return err == nil && len(list) == 1 && strings.Contains(list[0].GetBody(), now.Credential.ID) && !strings.Contains(list[0].GetBody(), h.old.Credential.ID)
	})
	mine, told := h.read(h.repo)
	if len(mine) != 1+h.others {
		h.t.Errorf("globex knows of %d leaks, want %d", len(mine), 1+h.others)
	}
	for _, of := range []string{h.old.ID, h.old.Credential.ID, "boss-of-acme", "the words of acme", "triaged", "acme/"} {
		if strings.Contains(told, of) {
			h.t.Errorf("globex's readers are told %q:\n%s", of, told)
		}
	}
	if n := h.in(h.old.Credential.ID, h.repo); n != 0 {
		h.t.Errorf("acme's credential has %d places in globex's repository", n)
	}
	if n := h.in(h.old.Credential.ID, h.lib); n == 0 {
		h.t.Error("acme's credential lost its place in another repository")
	}
	if mine, _ = h.read(h.lib); len(mine) != 1 || mine[0].State != store.Triaged || mine[0].Reason != "the words of acme" {
		h.t.Errorf("acme's incident: %+v", mine)
	}
	h.unseen(h.token)
	if _, err := h.store.VerifyTrail(h.t.Context()); err != nil {
		h.t.Error(err)
	}
	return now
}

// settled waits until no job of what may still write is left.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("all jobs are done", func() bool {
		n := 0
		err := w.store.DB().QueryRowContext(w.t.Context(), `SELECT COUNT(*) FROM river_job WHERE kind IN ('ingest', 'scan', 'report', 'history', 'alert') AND state IN ('available', 'running', 'retryable', 'scheduled')`).Scan(&n)
		return err == nil && n == 0
	})
}

// moveTo has who pushes push to the repository under another account.
func (w *world) moveTo(account string) {
	w.t.Helper()
	w.local.Git("remote", "set-url", "origin", strings.Replace(w.URL+"/"+account+"/app.git", "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
}

// ways are how it comes to be known that a repository is another account's. Where nobody is
// deaf GitHub tells of the transfer.
var ways = []struct {
	name              string
	deaf, named, look bool
	tell              func(*handedOver)
}{
	{"by the event, which comes twice and in any order", false, false, false, func(h *handedOver) {
		h.Deliver(h.t.Context(), ghfake.Weather{Duplicate: 1, Shuffle: true})
	}},
	{"by the next delivery", true, false, false, func(h *handedOver) {
		h.moveTo("globex")
		h.branch("later", "c.txt", "nothing\n")
		h.deliver()
	}},
	{"by what the installation reaches", true, true, false, func(h *handedOver) {
		h.must(h.Select(h.there, h.repo, true))
		h.deliver()
	}},
	{"by looking, as nobody told", true, false, true, func(*handedOver) {}},
}

func TestATransferredRepositoryIsItsNewAccountsAlone(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			h := newHandedOver(t, way.named, func(w *world) { w.deafen(way.deaf, way.look) })
			h.must(h.Transfer(h.repo, "globex"))
			way.tell(h)
			h.taken()
		})
	}
}

func TestATransferOnPostgreSQL(t *testing.T) {
	for _, way := range ways[:2] {
		t.Run(way.name, func(t *testing.T) {
			h := newHandedOver(t, way.named, func(w *world) { w.deafen(way.deaf, way.look); w.place = schema(t) })
			h.must(h.Transfer(h.repo, "globex"))
			way.tell(h)
			h.taken()
		})
	}
}

// deafen has GitHub tell nobody of repositories, and the App look by itself.
func (w *world) deafen(deaf, look bool) {
	if deaf {
		w.app.Events = slices.DeleteFunc(w.app.Events, func(event string) bool { return event == "repository" })
	}
	if look {
		w.catchUp = time.Second
	}
}

func TestARepositoryThatComesBackIsKnownAsBefore(t *testing.T) {
	h := newHandedOver(t, false)
	places := h.in(h.old.Credential.ID, h.repo)
	h.must(h.Transfer(h.repo, "globex"))
	h.deliver()
	now := h.taken()
	h.must(h.Transfer(h.repo, "acme"))
	h.deliver()
	h.eventually("the places are acme's again", func() bool { return h.in(h.old.Credential.ID, h.repo) >= places })
	h.settled()
	if all, _ := h.read(h.repo); len(all) != 1 || all[0].ID != h.old.ID || all[0].State != store.Triaged || all[0].Reason != "the words of acme" {
		t.Errorf("acme knows: %+v", all)
	}
	if n := h.in(now.Credential.ID, h.repo); n != 0 {
		t.Errorf("globex has %d places in acme's repository", n)
	}
	for _, in := range h.incidents() { // that had no other place
		if in.ID == now.ID && (in.State != store.Detected || !strings.Contains(in.Reason, "went to another account")) {
			t.Errorf("globex's incident: %+v", in)
		}
	}
}

// TestWhatWasSentBeforeATransferIsJudged: a push that GitHub told the old account of, and
// that nobody worked off before, is judged for the new one.
func TestWhatWasSentBeforeATransferIsJudged(t *testing.T) {
	h := newHandedOver(t, false)
	h.others = 1
	head := h.branch("late", "d.txt", "token = \""+gittest.Token()+"\"\n") // its delivery waits
	h.must(h.Transfer(h.repo, "globex"))
	h.deliver()
	h.taken()
	h.concluded(head, "failure")
	if all, _ := h.read(h.repo); len(all) != 2 {
		t.Errorf("globex knows of %d leaks, want both", len(all))
	}
}

// TestATransferToNobody: an account without the App, which then installs it.
func TestATransferToNobody(t *testing.T) {
	h := newHandedOver(t, false, func(w *world) { w.deafen(true, true) })
	h.Org("initech")
	before := h.in(h.old.Credential.ID, h.repo)
	h.must(h.Transfer(h.repo, "initech"))
	h.eventually("it is known that nobody reaches it", func() bool { return !h.known(h.repo).Gone.IsZero() })
	told := 0
	h.must(h.store.Trail(t.Context(), h.old.ID, func(e store.Event) error {
		if e.Action == "unreached" {
			told++
		}
		return nil
	}))
	if in := h.incidents()[0]; told != 1 || in.State != store.Triaged || h.in(in.Credential.ID, h.repo) != before {
		t.Errorf("told %d times, and the incident is %+v", told, in)
	}
	h.there = h.Install(h.app, "initech")
	h.taken()
}

func TestARenamedRepositoryKeepsWhatIsKnown(t *testing.T) {
	h := newHandedOver(t, false)
	before := h.in(h.old.Credential.ID, h.repo)
	h.must(h.Rename(h.repo, "renamed"))
	h.deliver()
	h.eventually("the new name is known", func() bool { return h.known(h.repo).Name == "acme/renamed" })
	h.settled()
	if all := h.incidents(); len(all) != 1 || all[0].State != store.Triaged || h.in(h.old.Credential.ID, h.repo) != before || len(h.runs(h.head)) != 1 {
		t.Errorf("incidents: %+v, %d check runs", all, len(h.runs(h.head)))
	}
}
