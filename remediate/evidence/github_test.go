package evidence_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/evidence"
)

const commit = "c0ffee0000000000000000000000000000000001"

// hub answers as GitHub documents, read 2026-11-26:
//   - https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs#get-the-audit-log-for-an-organization
//     (times are milliseconds since 1970; pages follow the cursor "after" of the Link header)
//   - https://docs.github.com/en/rest/metrics/traffic#get-repository-clones
//   - https://docs.github.com/en/rest/repos/forks#list-forks
//   - https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators
//   - https://docs.github.com/en/rest/repos/repos#list-repository-activities
//   - https://docs.github.com/en/rest/commits/commits#compare-two-commits
type hub struct {
	t      *testing.T
	asked  []string
	refuse map[string]func(http.ResponseWriter) // by the end of the path
}

func (h *hub) handle(w http.ResponseWriter, r *http.Request) {
	h.asked = append(h.asked, r.URL.RequestURI())
	if r.Header.Get("Authorization") != "Bearer "+token().Reveal() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for end, refuse := range h.refuse {
		if strings.HasSuffix(r.URL.Path, end) {
			refuse(w)
			return
		}
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	switch {
	case path == "/orgs/acme/audit-log":
		h.log(w, r)
	case path == "/repos/acme/app/traffic/clones":
		fmt.Fprint(w, `{"count":9,"uniques":4,"clones":[{"timestamp":"2026-03-10T00:00:00Z","count":5,"uniques":3},{"timestamp":"2026-03-18T00:00:00Z","count":3,"uniques":1},{"timestamp":"2026-03-19T00:00:00Z","count":1,"uniques":1}]}`)
	case path == "/repos/acme/app/forks":
		fmt.Fprint(w, `[{"full_name":"mallory/app","owner":{"login":"mallory"},"created_at":"2026-03-19T01:00:00Z"}]`)
	case path == "/repos/acme/app/collaborators":
		if r.URL.Query().Get("page") != "2" {
			w.Header().Set("Link", `<https://api.github.com/repos/acme/app/collaborators?page=2>; rel="next"`)
			fmt.Fprint(w, `[{"login":"ann","role_name":"admin"}]`)
			return
		}
		fmt.Fprint(w, `[{"login":"bob","role_name":"read"}]`)
	case path == "/repos/acme/app/activity":
		fmt.Fprint(w, `[{"after":"dd","ref":"refs/heads/main","timestamp":"2026-03-19T10:00:00Z","activity_type":"push","actor":{"login":"late"}},
 {"after":"aa","ref":"refs/heads/topic","timestamp":"2026-03-18T09:30:00Z","activity_type":"push","actor":{"login":"ann"}},
 {"after":"bb","ref":"refs/heads/other","timestamp":"2026-03-18T08:00:00Z","activity_type":"push","actor":{"login":"other"}},
 {"after":"old","ref":"refs/heads/main","timestamp":"2026-03-01T08:00:00Z","activity_type":"push","actor":{"login":"early"}}]`)
	case strings.HasPrefix(path, "/repos/acme/app/compare/"+commit+"..."):
		status := map[string]string{"aa": "ahead", "bb": "diverged", "dd": "ahead"}[strings.TrimPrefix(path, "/repos/acme/app/compare/"+commit+"...")]
		fmt.Fprintf(w, `{"status":%q}`, status)
	default:
		h.t.Errorf("asked %s %s", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	}
}

func (h *hub) log(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	phrase, include := q.Get("phrase"), q.Get("include")
	sum := sha256.Sum256([]byte(leaked.Reveal()))
	switch {
	case include == "git" && phrase == "repo:acme/app" && q.Get("after") == "":
		w.Header().Set("Link", `<https://api.github.com/orgs/acme/audit-log?after=MTIz&before=>; rel="next"`)
		fmt.Fprintf(w, `[{"@timestamp":%d,"action":"git.clone","actor":"mallory","actor_ip":"198.51.100.9","user_agent":"git/2.51","transport_protocol_name":"http","hashed_token":"c2VjcmV0IGhhc2g=","repository":"acme/app"}]`, since.Add(time.Hour).UnixMilli())
	case include == "git" && phrase == "repo:acme/app" && q.Get("after") == "MTIz":
		fmt.Fprintf(w, `[{"@timestamp":%d,"action":"git.push","actor":"ann","actor_location":{"country_code":"DE"}},{"@timestamp":%d,"action":"git.fetch","actor":"too early"}]`, since.Add(time.Minute).UnixMilli(), since.Add(-time.Hour).UnixMilli())
	case include == "web" && regexp.MustCompile(`^repo:acme/app action:repo.download_zip created:>=2025-09-21$`).MatchString(phrase):
		fmt.Fprint(w, `[]`)
	case include == "all" && strings.HasPrefix(phrase, `hashed_token:"`+base64.StdEncoding.EncodeToString(sum[:])+`"`):
		fmt.Fprintf(w, `[{"@timestamp":%d,"action":"repo.create","actor":"mallory"}]`, since.Add(2*time.Hour).UnixMilli())
	default:
		h.t.Errorf("asked the log for %q of %q", phrase, include)
		fmt.Fprint(w, `[]`)
	}
}

var leaked = secret.New("gh" + "p_" + strings.Repeat("y", 36))

func (h *hub) ask(t *testing.T, change ...func(*evidence.Question)) []evidence.Record {
	t.Helper()
	h.t = t
	q := evidence.Question{Repositories: []string{"github.com/acme/app", "gitlab.com/acme/app"}, Commit: commit, Rule: "github-pat", Value: leaked, Since: since}
	for _, f := range change {
		f(&q)
	}
	g := evidence.GitHub{HTTP: serve(t, h.handle, "api.github.com"), Host: "github.com", Token: token(), Now: func() time.Time { return now }}
	return g.Ask(context.Background(), q)
}

func TestGitHubTellsWhoHadAccess(t *testing.T) {
	all := new(hub).ask(t)
	git := record(t, all, "github audit log, git events")
	if git.Answer != evidence.Seen || git.Count != 2 || !git.From.Equal(since) || !git.To.Equal(now) {
		t.Errorf("%+v", git)
	}
	if u := git.Uses[0]; u.Who != "mallory" || u.From != "198.51.100.9" || u.What != "git.clone by http" || u.Agent != "git/2.51" {
		t.Errorf("%+v", u)
	}
	if u := git.Uses[1]; u.From != "DE" {
		t.Errorf("%+v", u)
	}
	if r := record(t, all, "github audit log, downloads"); r.Answer != evidence.Nothing {
		t.Errorf("%+v", r)
	}
	if r := record(t, all, "github traffic"); r.Answer != evidence.Seen || r.Totals["clones"] != 4 || r.Count != 0 {
		t.Errorf("clones before the leak count: %+v", r)
	}
	if r := record(t, all, "github forks"); r.Count != 1 || r.Uses[0].What != "fork mallory/app" {
		t.Errorf("%+v", r)
	}
	if r := record(t, all, "github collaborators"); r.Count != 2 || r.Uses[1].Who != "bob" {
		t.Errorf("not every page was read: %+v", r)
	}
	if r := record(t, all, evidence.FirstPush); r.Count != 1 || r.Uses[0].Who != "ann" || !r.Uses[0].At.Equal(since.Add(30*time.Minute)) {
		t.Errorf("the first push is not that of ann: %+v", r)
	}
	if r := record(t, all, "github audit log, by token"); r.Count != 1 || r.Uses[0].Who != "mallory" {
		t.Errorf("%+v", r)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(leaked.Reveal()))
	for name, hidden := range map[string]string{"the hash in an answer": "c2VjcmV0IGhhc2g", "our own hash": base64.StdEncoding.EncodeToString(sum[:])[:12], "the value": leaked.Reveal(), "the token": token().Reveal()} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("%s is kept", name)
		}
	}
}

func TestWhatIsOlderThanGitHubKeepsIsAGap(t *testing.T) {
	all := new(hub).ask(t, func(q *evidence.Question) {
		q.Since = now.Add(-30 * 24 * time.Hour)
		q.Value = secret.Secret{}
		q.Rule = "aws-access-token"
		q.Commit = ""
	})
	git := record(t, all, "github audit log, git events")
	if !git.From.Equal(now.Add(-7*24*time.Hour)) || !strings.Contains(strings.Join(git.Gaps, ";"), "nothing is kept: only the git events of the last 7 days") {
		t.Errorf("%+v", git)
	}
	for _, r := range all {
		if r.Source == "github audit log, by token" || r.Source == evidence.FirstPush {
			t.Errorf("asked for no reason: %+v", r)
		}
	}
}

func TestATokenThatWasNotGivenIsSaid(t *testing.T) {
	all := new(hub).ask(t, func(q *evidence.Question) { q.Value = secret.Secret{} })
	says(t, record(t, all, "github audit log, by token"), "the value was not given")
}

func TestWhatGitHubDoesNotShowIsNeverNothing(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			fmt.Fprint(w, `{"message":"no","documentation_url":"https://docs.github.com"}`)
		}
	}
	limited := status(403, "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1774010000")
	for _, c := range []struct {
		name, path, source, why string
		answer                  func(http.ResponseWriter)
	}{
		{"no right", "audit-log", "github audit log, git events", "status 403): it takes a token of an owner", status(403)},
		{"no audit log", "audit-log", "github audit log, git events", "status 404): the plan or the server may not have the audit log", status(404)},
		{"no write access", "clones", "github traffic", "status 403): it takes a token with write access", status(403)},
		{"limited", "audit-log", "github audit log, git events", "asks for fewer calls until 2026-03-20T12:33:20Z", limited},
		{"limited for long", "forks", "github forks", "asks for fewer calls", status(403, "Retry-After", "60")},
		{"a token that ended", "collaborators", "github collaborators", "does not accept the token", status(401)},
		{"out of order", "activity", evidence.FirstPush, "status 502", status(502)},
		{"a page", "forks", "github forks", "could not be read", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>sign in</html>") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &hub{refuse: map[string]func(http.ResponseWriter){c.path: c.answer}}
			r := record(t, h.ask(t), c.source)
			says(t, r, c.why)
			if strings.Contains(r.Why, "hashed_token") || strings.Contains(r.Why, "https://") {
				t.Errorf("the address is told: %s", r.Why)
			}
		})
	}
}

// A list that breaks off shows what it showed, and says so.
func TestHalfAListIsNoList(t *testing.T) {
	h := &hub{}
	calls := 0
	h.refuse = map[string]func(http.ResponseWriter){"collaborators": func(w http.ResponseWriter) {
		if calls++; calls > 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Link", `<https://api.github.com/x?page=2>; rel="next"`)
		fmt.Fprint(w, `[{"login":"ann","role_name":"admin"}]`)
	}}
	r := record(t, h.ask(t), "github collaborators")
	if r.Answer != evidence.Seen || !strings.Contains(strings.Join(r.Gaps, ";"), "not read to its end: GitHub answered with status 502") {
		t.Errorf("%+v", r)
	}
}

func TestAPushThatNobodyKnowsStaysUnknown(t *testing.T) {
	h := &hub{refuse: map[string]func(http.ResponseWriter){"activity": func(w http.ResponseWriter) { fmt.Fprint(w, `[]`) }}}
	says(t, record(t, h.ask(t), evidence.FirstPush), "no push that GitHub still lists")
}

// A thousand leaks of one repository do not ask GitHub a thousand times.
func TestWhatWasAskedIsRemembered(t *testing.T) {
	h := &hub{t: t}
	client := serve(t, h.handle, "api.github.com")
	client.Transport = evidence.Remember(client.Transport)
	g := evidence.GitHub{HTTP: client, Host: "github.com", Token: token(), Now: func() time.Time { return now }}
	for n := range 100 {
		all := g.Ask(t.Context(), evidence.Question{Repositories: []string{"github.com/acme/app"}, Rule: "x", Since: since.Add(time.Duration(-n) * time.Minute)})
		if r := record(t, all, "github collaborators"); r.Count != 2 {
			t.Fatalf("%+v", r)
		}
	}
	if len(h.asked) > 7 { // git events, downloads, clones, forks, and two pages each of some
		t.Errorf("asked %d times: %q", len(h.asked), h.asked)
	}
	h.refuse = map[string]func(http.ResponseWriter){"forks": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }}
	other := &hub{t: t, refuse: h.refuse}
	client = serve(t, other.handle, "api.github.com")
	client.Transport = evidence.Remember(client.Transport)
	g.HTTP = client
	q := evidence.Question{Repositories: []string{"github.com/acme/app"}, Rule: "x", Since: since}
	says(t, record(t, g.Ask(t.Context(), q), "github forks"), "status 502")
	delete(other.refuse, "forks")
	if r := record(t, g.Ask(t.Context(), q), "github forks"); r.Count != 1 {
		t.Errorf("a refusal is remembered: %+v", r)
	}
}

// A server of one's own is asked at its own address, and about its own repositories.
func TestAnEnterpriseServerIsAskedAtItsHost(t *testing.T) {
	h := &hub{t: t}
	g := evidence.GitHub{HTTP: serve(t, h.handle, "github.acme.example"), Host: "github.acme.example", Token: token(), Now: func() time.Time { return now }}
	all := g.Ask(t.Context(), evidence.Question{Repositories: []string{"github.com/acme/app", "github.acme.example/acme/app"}, Rule: "x", Since: since})
	if r := record(t, all, "github forks"); r.Count != 1 {
		t.Errorf("%+v", r)
	}
	for _, path := range h.asked {
		if !strings.HasPrefix(path, "/api/v3/") {
			t.Errorf("asked %s", path)
		}
	}
}
