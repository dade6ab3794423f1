package work_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/store"
)

// traces finds texts in the database, in what SQLite keeps beside it, and in the names and
// contents of the files of the mirrors.
func (w *world) traces(texts ...string) (found []string) {
	w.t.Helper()
	w.must(filepath.WalkDir(filepath.Dir(w.database), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(filepath.Dir(w.database), path)
		for _, text := range texts {
			if strings.Contains(string(content), text) || strings.Contains(rel, text) {
				found = append(found, text+" in "+rel)
			}
		}
		return err
	}))
	return found
}

func TestARemovedInstallationIsForgotten(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.keep = work.Keep{Gone: time.Nanosecond, Every: time.Second} })
	w.Org("elsewhere")
	other, err := w.Repository("elsewhere/thing", true)
	w.must(err)
	w.Collaborator(other, "ada", "admin")
	w.Install(w.app, "elsewhere")
	local := gittest.New(t)
	local.File("a.txt", "one\n")
	local.Git("remote", "add", "origin", strings.Replace(w.CloneURL(other), "//", "//x-access-token:"+w.PAT("ada")+"@", 1))
	local.Git("push", "-q", "origin", "main")
	local.File("b.txt", "token = \""+gittest.Token()+"\"\n")
	local.Git("push", "-q", "origin", "main")
	leaky := w.branch("leaky", "b.txt", "token = \""+gittest.Token()+"\"\n")
	w.pull("leaky")
	w.deliver()
	w.concluded(leaky, "failure")
	w.eventually("the other organisation is judged", func() bool {
		all := w.Checks(other)
		return len(all) > 0 && all[len(all)-1].Status == "completed"
	})
	there, _, err := w.ada.Repositories.Get(t.Context(), "acme", "app")
	w.must(err)
	ids := []string{"acme/", leaky, filepath.Join("mirrors", strconv.FormatInt(there.GetID(), 10)+".")}
	if len(w.traces(ids...)) == 0 {
		t.Fatal("the test finds nothing of what there is")
	}
	w.Uninstall(w.installed)
	w.deliver()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("left: %q", w.traces(ids...))
		}
	})
	w.eventually("nothing of it is left", func() bool { return len(w.traces(ids...)) == 0 })
	if len(w.traces("elsewhere/thing")) == 0 {
		t.Error("the other organisation is forgotten as well")
	}
	var all []store.Installation
	w.must(w.store.Tx(t.Context(), func(tx *store.Tx) (err error) { all, err = tx.Installations(t.Context()); return err }))
	if len(all) != 1 || all[0].ID != w.installed.ID || all[0].Forgotten.IsZero() {
		t.Errorf("what is known of installations: %+v", all)
	}
	if _, err := w.store.VerifyTrail(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASuspendedInstallationIsNotForgotten(t *testing.T) {
	w := newWorldAt(t, gate.Enforced, func(w *world) { w.keep = work.Keep{Gone: time.Nanosecond, Every: time.Second} })
	head := w.branch("x", "b.txt", "one\n")
	w.pull("x")
	w.deliver()
	w.concluded(head, "success")
	w.Suspend(w.installed, true)
	w.deliver()
	standing := func() (i store.Installation) {
		w.must(w.store.Tx(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Installations(t.Context())
			if len(all) == 1 {
				i = all[0]
			}
			return err
		}))
		return i
	}
	w.eventually("the suspension is known", func() bool { return !standing().Suspended.IsZero() })
	w.Suspend(w.installed, false)
	w.deliver()
	w.eventually("its end is known", func() bool { return standing().ID != 0 && standing().Suspended.IsZero() })
	next := w.branch("y", "c.txt", "two\n")
	w.pull("y")
	w.deliver()
	w.concluded(next, "success")
	if len(w.traces(head)) == 0 {
		t.Error("what was known before is forgotten")
	}
}
