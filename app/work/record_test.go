package work_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

// incidents are those in the store, and places where a credential is.
func (w *world) incidents() (all []store.Incident) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(t *store.Tx) (err error) { all, err = t.Incidents(w.t.Context()); return err }))
	return all
}

func (w *world) places(credential string) (all []store.StoredSighting) {
	w.t.Helper()
	w.must(w.store.Tx(w.t.Context(), func(t *store.Tx) (err error) { all, err = t.Sightings(w.t.Context(), credential); return err }))
	return all
}

// known is what the store knows of a repository.
func (w *world) known(r *ghfake.Repo) (out store.Repository) {
	w.t.Helper()
	_ = w.store.Tx(w.t.Context(), func(t *store.Tx) (err error) { out, err = t.Repository(w.t.Context(), r.ID()); return err }) // the zero one
	return out
}

// unseen fails when a value is in the database, in a verdict or in the log, however it is spelt.
func (w *world) unseen(values ...string) {
	w.t.Helper()
	all := w.log.String()
	for _, file := range []string{"leakgate.db", "leakgate.db-wal"} {
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(w.mirrors), file))
		all += string(text)
	}
	for _, v := range values {
		for _, form := range secret.Forms(secret.New(v)) {
			if strings.Contains(all, form) {
				w.t.Errorf("the value is told as %q", form)
			}
		}
	}
}

func TestWhatStandsOutIsAnIncident(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	w.local.Git("checkout", "-q", "-B", "leaky", "main")
	w.local.File("b.txt", "one\ntoken = \""+token+"\"\n")
	w.local.Git("rm", "-q", "b.txt")
	head := w.local.File("dir/c.txt", "token: "+token+"\n")
	w.push("leaky")
	w.pull("leaky")
	w.deliver()
	w.concluded(head, "failure")
	all := w.incidents()
	if len(all) != 1 || all[0].State != store.Detected || all[0].Exposure != "private" || all[0].Credential.Preview == "" {
		t.Fatalf("incidents: %+v", all)
	}
	seen := map[string]store.Place{}
	for _, p := range w.places(all[0].Credential.ID) {
		if p.Repository != strconv.FormatInt(w.repo.ID(), 10) {
			t.Errorf("a place is in repository %s", p.Repository)
		}
		var at store.Place
		w.must(json.Unmarshal(p.Body, &at))
		seen[at.Path] = at
	}
	b, c := seen["b.txt"], seen["dir/c.txt"]
	if len(seen) != 2 || b.AtHead || !c.AtHead || b.Line != 2 || c.Line != 1 || b.Author != "" {
		t.Errorf("places: %+v", seen)
	}
	text := w.local.Git("cat-file", "blob", c.Blob) + "\n"
	if text[c.Span[0]:c.Span[1]] != token {
		t.Errorf("the span %v of blob %s is not the value", c.Span, c.Blob)
	}
	w.unseen(token)
}

func TestOneSecretOfTwoOrganisationsCannotBeLinked(t *testing.T) {
	w := newWorld(t)
	w.Org("globex")
	other, err := w.Repository("globex/app", true)
	w.must(err)
	w.Collaborator(other, "ada", "admin")
	w.Install(w.app, "globex")
	token := gittest.Token()
	first := w.branch("x", "b.txt", "token = \""+token+"\"\n")
	w.local.Git("push", "-q", strings.Replace(w.CloneURL(other), "//", "//x-access-token:"+w.PAT("ada")+"@", 1), "main", "x")
	w.deliver()
	w.concluded(first, "failure")
	elsewhere := func() (all []ghfake.Check) {
		for _, k := range w.Checks(other) {
			if k.SHA == first && k.Status == "completed" {
				all = append(all, k)
			}
		}
		return all
	}
	w.eventually("the other one is told", func() bool { return len(elsewhere()) == 1 })
	all := w.incidents()
	if len(all) != 2 || all[0].Credential.ID == all[1].Credential.ID {
		t.Fatalf("incidents: %+v", all)
	}
	here, there := w.runs(first)[0], elsewhere()[0]
	for _, in := range all {
		id, where := in.Credential.ID, w.places(in.Credential.ID)
		if len(where) != 1 {
			t.Errorf("%s has %d places", id, len(where))
		}
		told, untold := here, there
		if where[0].Repository == strconv.FormatInt(other.ID(), 10) {
			told, untold = there, here
		}
		if !strings.Contains(told.Summary, id) || strings.Contains(untold.Summary+untold.Text, id) {
			t.Errorf("%s is not told of its own organisation alone", id)
		}
	}
	w.unseen(token)
}

func TestARepositoryIsKnownAsItIsNow(t *testing.T) {
	w := newWorld(t)
	token := gittest.Token()
	head := w.branch("x", "b.txt", "token = \""+token+"\"\n")
	w.deliver()
	w.concluded(head, "failure")
	if r := w.known(w.repo); r.Name != "acme/app" || !r.Private || r.Installation != w.installed.ID {
		t.Errorf("known: %+v", r)
	}
	w.must(w.Rename(w.repo, "moved"))
	w.deliver()
	w.eventually("the new name is known", func() bool { return w.known(w.repo).Name == "acme/moved" })
	w.repo.Private = false
	w.Emit(w.repo, "repository", "publicized", "ada", nil)
	w.deliver()
	w.eventually("that everybody sees it is known", func() bool { return !w.known(w.repo).Private })
	w.eventually("so is what leaked there", func() bool { return w.incidents()[0].Exposure == "public" })
	w.unseen(token)
}
