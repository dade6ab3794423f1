package checkup

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/register"
	"github.com/leakgate/leakgate/internal/ghfake"
)

// look is what a patient says, one finding a line.
func look(t *testing.T, p Patient) string {
	t.Helper()
	var out strings.Builder
	for _, f := range p.Look(t.Context()) {
		out.WriteString(f.Grade.String() + " " + f.About + ": " + f.Text + " (" + f.Fix + ")\n")
	}
	return out.String()
}

func TestWhatIsWrongWithAnApp(t *testing.T) {
	status := http.StatusUnauthorized
	door := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer door.Close()
	g := ghfake.New(t, ghfake.Options{})
	g.Org("acme")
	needs := map[string]string{}
	for name, need := range register.Permissions {
		needs[name] = need.Level
	}
	there, err := g.App("leakgate", door.URL, needs, register.Events...)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := g.Repository("acme/app", true)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hub.ParseKey(there.Key)
	if err != nil {
		t.Fatal(err)
	}
	var ahead time.Duration
	now := func() time.Time { return time.Now().Add(ahead) }
	patient := func() Patient {
		app, err := hub.New(hub.Options{ID: there.ID, Key: key, Server: hub.Server{API: g.API + "/", Web: g.URL + "/"}, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return Patient{Hub: app, Web: door.Client(), Now: now, Database: func(context.Context) (string, error) { return "answers", nil }}
	}
	expect := func(when string, lines ...string) {
		t.Helper()
		said := look(t, patient())
		for _, line := range lines {
			if !strings.Contains(said, line) {
				t.Errorf("%s: it does not say %q:\n%s", when, line, said)
			}
		}
	}
	g.Install(there, "acme", repo)
	expect("nothing was sent", "note deliveries: GitHub knows of none", "ok webhook: "+door.URL, "ok clock", "ok events", "ok permissions", "ok database", "ok installation acme: has all permissions, and")
	g.Deliver(t.Context(), ghfake.Weather{})
	expect("a delivery was refused", "broken deliveries: the last was installation", "failed with", "webhook secret is the App's")
	status = http.StatusNotFound
	expect("something else is served", "broken webhook: "+door.URL+" answers a delivery without a signature with 404")
	ahead = 5 * time.Minute
	expect("the clock is wrong", "note clock: this machine is 5m")
	ahead = 0
	g.Limit("leakgate[bot]", 400)
	expect("few requests are left", "requests left until")
	there.Events = []string{"push"}
	delete(there.Permissions, "checks")
	expect("it was registered by hand", "broken events: the App does not listen to check_suite, issue_comment", "broken permissions: the App does not ask for checks: write (the check run)", "broken installation acme: has not accepted checks")
	p := patient()
	p.Database = func(context.Context) (string, error) { return "", errors.New("the database does not answer") }
	if said := look(t, p); !strings.Contains(said, "broken database: the database does not answer") {
		t.Error(said)
	}
	other, err := g.App("other", "", maps.Clone(needs))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := hub.ParseKey(other.Key)
	if err != nil {
		t.Fatal(err)
	}
	key = wrong
	expect("the key of another App", "broken key: ")
}
