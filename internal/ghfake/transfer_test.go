package ghfake

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"
)

func TestATransferredRepository(t *testing.T) {
	w := newWorld(t, Options{})
	w.app.Events = append(w.app.Events, "repository")
	w.Org("globex")
	there := w.Install(w.app, "globex")
	other, err := w.Repository("acme/other", true)
	w.must(err)
	named, err := w.App("named", w.app.Hook, everything)
	w.must(err)
	named.WebhookSecret = w.app.WebhookSecret
	some := w.Install(named, "acme", w.repo, other)
	w.Deliver(w.ctx, Weather{})
	w.received, w.bodies = nil, nil
	number := w.repo.ID()
	if err := w.Transfer(w.repo, "nobody"); err == nil {
		t.Error("it went to an account that is not there")
	}
	w.must(w.Transfer(w.repo, "globex"))
	w.Deliver(w.ctx, Weather{})
	if got := w.events(); !slices.Equal(got, []string{"installation_repositories.removed", "repository.transferred"}) {
		t.Fatalf("the apps heard %v", got)
	}
	var told struct {
		Installation struct{ ID int64 }
		Repository   struct {
			ID       int64
			FullName string `json:"full_name"`
		}
		Changes struct {
			Owner struct {
				From struct{ Organization struct{ Login string } }
			}
		}
	}
	w.must(json.Unmarshal(w.bodies[1], &told))
	if told.Installation.ID != there.ID || told.Repository.ID != number || told.Repository.FullName != "globex/app" || told.Changes.Owner.From.Organization.Login != "acme" {
		t.Errorf("told: %+v", told)
	}
	ids := &github.InstallationTokenOptions{RepositoryIDs: []int64{number}}
	for _, i := range []struct {
		id   int64
		open bool
	}{{w.installed.ID, false}, {there.ID, true}} {
		if _, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, i.id, ids); (err == nil) != i.open {
			t.Errorf("installation %d: %v", i.id, err)
		}
	}
	if !w.local.Try("ls-remote", strings.Replace(w.CloneURL(w.repo), "//", "//x:"+w.PAT("ada")+"@", 1)) {
		t.Error("git does not know the new name")
	}
	if err := w.Select(some, other, false); err == nil {
		t.Error("the last repository was taken from an installation that names them")
	}
	w.must(w.Transfer(w.repo, "acme"))
	w.must(w.Select(some, w.repo, true))
	w.received, w.bodies = nil, nil
	w.Deliver(w.ctx, Weather{})
	if got := w.events(); !slices.Equal(got, []string{"repository.transferred", "installation_repositories.added"}) {
		t.Errorf("the apps heard %v", got)
	}
}
