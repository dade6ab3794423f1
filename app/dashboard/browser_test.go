package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/dashboard"
	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/store"
)

// The variables of test/e2e/dashboard: the folder of the modules that npm installed, the
// browser, and where its pictures go.
const (
	modulesVariable = "LEAKGATE_BROWSER_MODULES"
	browserVariable = "LEAKGATE_BROWSER"
	shotsVariable   = "LEAKGATE_SCREENSHOTS"
)

// needsBrowser skips where there is none. It looks at one database: pages are the same on
// either.
func needsBrowser(t *testing.T) {
	t.Helper()
	if os.Getenv(modulesVariable) == "" || os.Getenv(browserVariable) == "" {
		t.Skipf("%s or %s is not set: test/e2e/run dashboard brings a browser and its modules, and fails where this is skipped", browserVariable, modulesVariable)
	}
	if server != "" {
		t.Skip("a browser sees the same on either database")
	}
}

// Every page in a real Chromium, full and empty, by axe and by the keyboard.
func TestInARealBrowser(t *testing.T) {
	needsBrowser(t)
	w := newWorld(t, func(o *dashboard.Options) {
		o.Budget = func(int64) hub.Budget {
			return hub.Budget{Limit: 5000, Remaining: 3821, Reset: o.Now().Add(23 * time.Minute)}
		}
	})
	w.seed()
	w.sweep()
	w.walk("ada", "full", incident(1), incident(666))
	w.walk("bob", "clean", "-", "-")
	w.walk("eve", "stranger", "-", "-")
}

// walk has the browser walk through the pages of somebody.
func (w *world) walk(login, who string, ids ...string) {
	w.t.Helper()
	w.SignedIn(login)
	script, err := filepath.Abs("../../test/dashboard/walk.mjs")
	w.must(err)
	cmd := exec.CommandContext(w.t.Context(), "node", append([]string{script, os.Getenv(modulesVariable), os.Getenv(browserVariable), w.web.URL, who}, append(ids, os.Getenv(shotsVariable))...)...)
	out, err := cmd.CombinedOutput()
	w.t.Logf("%s: %s", login, out)
	if err != nil {
		w.t.Errorf("%s: %v\n%s", login, err, w.log)
	}
}

// A server of GitHub's may lead on to an identity provider, whose host is nobody's that we know.
func TestInARealBrowserAnIdentityProviderIsReached(t *testing.T) {
	needsBrowser(t)
	var asked atomic.Int32
	provider := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(rw, r, r.URL.Query().Get("back")+"&known=1", http.StatusFound)
	}))
	t.Cleanup(provider.Close)
	front := httptest.NewUnstartedServer(nil)
	front.Start()
	t.Cleanup(front.Close)
	w := newWorld(t, func(o *dashboard.Options) { o.Users.Server.Web = front.URL + "/" })
	behind, err := url.Parse(w.URL)
	w.must(err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	front.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !r.URL.Query().Has("known") {
			http.Redirect(rw, r, provider.URL+"/saml?"+url.Values{"back": {front.URL + r.URL.String()}}.Encode(), http.StatusFound)
			return
		}
		pass.ServeHTTP(rw, r)
	})
	w.walk("ada", "redirected", "-", "-")
	if asked.Load() != 2 {
		t.Errorf("the identity provider was asked %d times, not with and without JavaScript", asked.Load())
	}
}

// sweep has one sweep of acme that is at work, of a repository of somebody else, too.
func (w *world) sweep() {
	w.must(w.store.Tx(w.t.Context(), func(t *store.Tx) error {
		id, _, err := t.WantSweep(w.t.Context(), "acme")
		w.must(err)
		var all []store.Swept
		for _, name := range []string{"acme/app", "acme/lib", "acme/checkout", "acme/vault"} {
			all = append(all, store.Swept{Repository: w.repos[name].ID(), Name: name, Size: 1 << 20})
		}
		_, err = t.StartSweep(w.t.Context(), id, 1, "acme", all)
		w.must(err)
		for _, r := range all[:2] {
			_, _, err := t.BeginSwept(w.t.Context(), id, r.Repository)
			w.must(err)
		}
		all[0].Sweep, all[0].State = id, store.PassDone
		_, err = t.EndSwept(w.t.Context(), all[0])
		return err
	}))
}

// leak is one of the seed: found so many days ago, and what became of it.
type leak struct {
	rule, preview, severity string
	days                    int
	in                      []string
	path                    string
	became                  []store.State
	after                   int // days between the steps
}

// seed is three months of an organisation.
func (w *world) seed() {
	for _, name := range []string{"acme/checkout", "acme/infrastructure", "acme/mobile", "acme/website"} {
		w.repo(name, "ada")
	}
	dead := []store.State{store.Revoked, store.Rotated, store.Closed}
	all := []leak{
		{"aws-access-token", "AKIA…(20)", "critical", 9, []string{"acme/infrastructure", "acme/app"}, "terraform/prod/provider.tf", nil, 0},
		{"github-pat", "ghp_…(40)", "critical", 2, []string{"acme/checkout"}, ".github/workflows/release.yml", nil, 0},
		{"private-key", "-----…(1704)", "high", 71, []string{"acme/infrastructure"}, "ansible/files/deploy_rsa", dead, 6},
		{"slack-bot-token", "xoxb-…(57)", "medium", 64, []string{"acme/app"}, "internal/notify/slack_test.go", []store.State{store.Triaged}, 2},
		{"stripe-access-token", "sk_l…(32)", "critical", 58, []string{"acme/checkout", "acme/mobile", "acme/website"}, "src/payments/config.ts", dead, 4},
		{"generic-api-key", "9f2c…(32)", "low", 80, []string{"acme/website"}, "docs/examples/curl.md", nil, 0},
		{"gcp-api-key", "AIza…(39)", "high", 44, []string{"acme/mobile"}, "android/app/google-services.json", nil, 0},
		{"npm-access-token", "npm_…(40)", "high", 39, []string{"acme/website"}, ".npmrc", dead, 5},
		{"generic-api-key", "b71e…(40)", "low", 33, []string{"acme/lib"}, "testdata/fixtures/config.yaml", nil, 0},
		{"postgres-url", "post…(61)", "high", 27, []string{"acme/app"}, "deploy/compose.override.yaml", []store.State{store.Triaged}, 3},
		{"twilio-api-key", "SK0f…(34)", "medium", 21, []string{"acme/app"}, "cmd/sms/main.go", nil, 0},
		{"jwt", "eyJh…(512)", "low", 18, []string{"acme/mobile"}, "ios/Tests/AuthTests.swift", []store.State{store.Dismissed}, 1},
		{"sendgrid-api-token", "SG.x…(69)", "medium", 15, []string{"acme/checkout"}, "config/environments/staging.rb", nil, 0},
		{"vault-service-token", "hvs.…(95)", "critical", 50, []string{"acme/infrastructure"}, "scripts/bootstrap.sh", dead, 3},
		{"azure-ad-client-secret", "Qd~8…(40)", "high", 6, []string{"acme/lib"}, "pipelines/azure.yml", []store.State{store.Revoked}, 4},
		{"generic-api-key", "0a4d…(36)", "low", 4, []string{"acme/website"}, "src/analytics.js", nil, 0},
	}
	for day := 85; day >= 0; day-- {
		w.setAge(time.Duration(day)*24*time.Hour + 5*time.Hour)
		for n, l := range all {
			if l.days == day {
				for i, name := range l.in {
					w.leak(n+1, l, name, i)
				}
			}
			for step, to := range l.became {
				if l.days-(step+1)*l.after == day {
					w.step(n+1, to)
				}
			}
		}
	}
	w.setAge(3 * time.Hour)
	w.story()
	w.hostile()
	w.setAge(0)
	w.traffic()
}

func (w *world) setAge(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.ahead = -d }

func (w *world) leak(n int, l leak, repository string, i int) {
	people := []string{"Grace Hopper", "Ada Lovelace", "Edsger Dijkstra"}
	err := w.store.Tx(w.t.Context(), func(t *store.Tx) error {
		err := t.Record(w.t.Context(), "leakgate-app", []store.Sighting{{
			Credential: store.Credential{ID: id(n), Rule: l.rule, Preview: l.preview, Severity: l.severity}, Repository: w.number(repository),
			Fingerprint: fmt.Sprint(n, repository), Body: store.Place{Commit: strings.Repeat(fmt.Sprintf("%x", (n+i)%16)+"4b9", 10), Author: people[(n+i)%3],
				Date: store.Dated(w.now()), Path: l.path, Line: 12 + 7*n, AtHead: i == 0},
		}})
		if err != nil {
			return err
		}
		return t.SetExposure(w.t.Context(), incident(n), "leakgate-app", "private")
	})
	w.must(err)
}

func (w *world) step(n int, to store.State) {
	ctx := w.t.Context()
	w.must(w.store.Tx(ctx, func(t *store.Tx) error {
		m := store.Move{To: to, By: "grace", Why: map[store.State]string{store.Triaged: "it is real, and used by the worker", store.Closed: "nothing is left to do",
			store.Rotated: "the new one is in Vault, and all consumers follow", store.Revoked: "the issuer documents that it is dead", store.Dismissed: "made for the test suite, opens nothing"}[to]}
		if to == store.Dismissed {
			m.Owner, m.Expires = "mobile team", w.now().Add(90*24*time.Hour)
		}
		if to == store.Revoked {
			proof, err := t.Audit(ctx, "leakgate", "checked", incident(n), map[string]string{"status": "dead"})
			if err != nil {
				return err
			}
			m.Proof = proof
		}
		return t.Advance(ctx, incident(n), m)
	}))
}

// story is what happened to the first incident lately.
func (w *world) story() {
	ctx := w.t.Context()
	w.must(w.store.Tx(ctx, func(t *store.Tx) error {
		if _, err := t.Audit(ctx, "leakgate", "checked", incident(1), map[string]string{"status": "live"}); err != nil {
			return err
		}
		if err := t.Advance(ctx, incident(1), store.Move{To: store.Triaged, By: "grace", Why: "the key of the production account; the on-call team knows"}); err != nil {
			return err
		}
		digest := strings.Repeat("3f6c", 16)
		body := fmt.Sprintf(`{"expires":%q,"steps":[{"credential":%q,"deed":"disable","provider":"aws-key"}]}`, w.now().Add(24*time.Hour).UTC().Format(time.RFC3339), id(1))
		if err := t.KeepPlan(ctx, digest, "grace", []byte(body)); err != nil {
			return err
		}
		return t.KeepApproval(ctx, digest, "edsger", "", []byte(`{}`))
	}))
}

// hostile is what somebody writes who wants his text to run.
func (w *world) hostile() {
	bad := `"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>` + "'\u202e`"
	w.record(666, "medium", "acme/lib", map[string]any{"path": "a/" + bad + "/javascript:alert(4)", "line": 1, "commit": strings.Repeat("a", 40), "author": bad, "decoded_from": []string{bad}})
	w.record(666, "medium", "acme/lib", map[string]any{"path": bad, "commit": `javascript:alert(5)`, "author": bad})
	ctx := w.t.Context()
	w.must(w.store.Tx(ctx, func(t *store.Tx) error {
		if _, err := t.Audit(ctx, bad, bad, incident(666), map[string]string{"why": bad}); err != nil {
			return err
		}
		return t.Advance(ctx, incident(666), store.Move{To: store.Dismissed, By: bad, Why: bad, Owner: bad, Expires: w.now().Add(time.Hour)})
	}))
}

// traffic is a day of deliveries, and what was judged.
func (w *world) traffic() {
	ctx := w.t.Context()
	for i, name := range []string{"acme/app", "acme/lib", "acme/checkout", "acme/infrastructure", "acme/website"} {
		for n := range 12 {
			guid := fmt.Sprintf("%s-%d", name, n)
			w.setAge(time.Duration(20-n)*time.Hour + time.Duration(i)*7*time.Minute)
			w.must(w.store.Tx(ctx, func(t *store.Tx) error {
				if _, err := t.Deliver(ctx, store.Delivery{GUID: guid, Event: "push", Installation: 1, Repository: w.repos[name].ID(), Facts: "{}"}); err != nil {
					return err
				}
				tip, err := t.Tip(ctx, store.Tip{Installation: 1, Repository: w.repos[name].ID(), Name: name, SHA: fmt.Sprintf("%040x", n)})
				if err != nil {
					return err
				}
				q, _, err := t.Ask(ctx, store.Question{Tip: tip.ID, Subject: guid, State: store.Waiting})
				if err != nil || n == 11 && i < 2 {
					return err
				}
				if _, err := t.Begin(ctx, q); err != nil {
					return err
				}
				_, err = t.Conclude(ctx, q, "{}")
				return err
			}))
			w.later(time.Duration(n*37+90) * time.Millisecond)
			w.must(w.store.Tx(ctx, func(t *store.Tx) error { _, err := t.Handle(ctx, guid); return err }))
		}
	}
	w.setAge(0)
}
