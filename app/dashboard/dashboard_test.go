package dashboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/store"
)

const session = "__Host-leakgate"

// has fails the test where a text lacks something, or holds what it must not ("!" before it).
func has(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		text, not := strings.CutPrefix(want, "!")
		if strings.Contains(page, text) == not {
			t.Errorf("%q is wrong in\n%s", want, page)
		}
	}
}

// age is told on every page, and differs.
var age = regexp.MustCompile(`asked [^<]* ago`)

func TestOneSeesWhatOneMayRead(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	w.found(1, "critical", "acme/lib", "lib.env")
	w.found(1, "critical", "acme/vault", "buried.env")
	w.found(2, "high", "acme/vault", "buried.env")
	w.found(3, "low", "zeta/shop", "shop.env")
	ada, bob, eve := w.signIn("ada"), w.signIn("bob"), w.signIn("eve")

	_, list := ada.get("/?state=any")
	has(t, list, "rule-1", "acme/app", "and 1 more", "2 places", "<strong>1</strong>", "!rule-2", "!rule-3", "!vault", "!zeta", "!3 places", "!"+incident(2))
	_, page := ada.get("/incidents/" + incident(1))
	has(t, page, "deploy.env", "lib.env", "at 2 places in 2 repositories", "!buried", "!vault", "!3 places")
	_, health := ada.get("/health")
	has(t, health, "acme/app", "acme/lib", "of 2 judged", "!vault", "!zeta")

	_, list = bob.get("/?state=any")
	has(t, list, "rule-3", "zeta/shop", "!rule-1", "!acme")
	_, list = eve.get("/")
	has(t, list, "There is no repository to show", "!rule-")
}

func TestWhatIsHiddenLooksLikeWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	w.found(2, "high", "acme/vault", "buried.env")
	bob, ada := w.signIn("bob"), w.signIn("ada")
	_, unknown := bob.get("/incidents/" + incident(999))
	for _, path := range []string{"/incidents/" + incident(1), "/incidents/" + id(1), "/incidents/x", "/nowhere"} {
		status, text := bob.get(path)
		if status != http.StatusNotFound || text != unknown {
			t.Errorf("%s: %d, and another page than that of what is unknown:\n%s", path, status, text)
		}
	}
	if status, text := ada.get("/incidents/" + incident(2)); status != http.StatusNotFound || text != unknown {
		t.Errorf("within an organisation: %d\n%s", status, text)
	}
	repository := w.number("acme/app")
	_, none := bob.get("/?state=any&repository=999999")
	_, theirs := bob.get("/?state=any&repository=" + repository)
	if age.ReplaceAllString(none, "") != age.ReplaceAllString(theirs, "") {
		t.Errorf("a repository of others is told from one that is not there:\n%s", theirs)
	}
	_, text := bob.get("/?state=any&q=deploy")
	has(t, text, "!deploy.env")
}

func TestAccessThatWasTakenEnds(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	ada := w.signIn("ada")
	if status, _ := ada.get("/incidents/" + incident(1)); status != http.StatusOK {
		t.Fatal(status)
	}
	w.Collaborator(w.repos["acme/app"], "ada", "")
	if status, _ := ada.get("/incidents/" + incident(1)); status != http.StatusOK {
		t.Errorf("access is told to be two minutes old, and was read at once: %d", status)
	}
	w.later(2*time.Minute + time.Second)
	if status, _ := ada.get("/incidents/" + incident(1)); status != http.StatusNotFound {
		t.Errorf("after two minutes: %d", status)
	}
	w.Collaborator(w.repos["acme/app"], "ada", "read")
	if status, _ := ada.post("/access", url.Values{"next": {"/incidents/" + incident(1)}}); status != http.StatusOK {
		t.Errorf("asked again: %d", status)
	}
	w.Suspend(w.installed["acme"], true)
	if status, _ := ada.post("/access", url.Values{"next": {"/incidents/" + incident(1)}}); status != http.StatusNotFound {
		t.Errorf("suspended: %d", status)
	}
}

func TestWithoutGitHubNothingIsShown(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	ada := w.signIn("ada")
	w.later(3 * time.Minute)
	w.Fail(ghfake.Fault{Operation: "apps/list-installations-for-authenticated-user", Status: http.StatusBadGateway})
	status, text := ada.get("/")
	if status != http.StatusServiceUnavailable {
		t.Error(status)
	}
	has(t, text, "GitHub does not answer", "!rule-1")
	if status, _ := ada.get("/"); status != http.StatusOK {
		t.Errorf("when it answers again: %d", status)
	}
}

func TestFiltersSortAndPages(t *testing.T) {
	w := newWorld(t)
	for n := range 60 {
		w.found(n, []string{"critical", "high", "medium", "low"}[n%4], []string{"acme/app", "acme/lib"}[n%2], "deploy.env")
	}
	w.found(5, "high", "acme/lib", "100%_sure/ü.env")
	ada := w.signIn("ada")
	rows := regexp.MustCompile(`href="/incidents/(INC-[0-9]+)"`)
	more := regexp.MustCompile(`href="(/\?after=[^"]*)"`)
	for _, order := range []string{"worst", "newest", "oldest", "changed"} {
		var seen []string
		for path := "/?sort=" + order; path != ""; {
			_, text := ada.get(path)
			for _, m := range rows.FindAllStringSubmatch(text, -1) {
				seen = append(seen, m[1])
			}
			path = ""
			if m := more.FindStringSubmatch(text); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		distinct := map[string]bool{}
		for _, s := range seen {
			distinct[s] = true
		}
		if len(seen) != 60 || len(distinct) != 60 {
			t.Errorf("%s: %d rows of %d incidents", order, len(seen), len(distinct))
		}
	}
	for query, want := range map[string]int{
		"severity=critical": 15, "rule=rule-7": 1, "repository=" + w.number("acme/lib") + "&severity=high": 15, "q=rule-59": 1, "state=closed": 0,
		"q=100%25_SURE": 1, "q=%C3%BC.env": 1, "q=%25": 1, "q=nothing-of-this": 0, "state=detected&q=" + id(9): 1,
	} {
		status, text := ada.get("/?" + query)
		if got := len(rows.FindAllString(text, -1)); got != want || status != http.StatusOK {
			t.Errorf("%s: %d with %d rows, not %d", query, status, got, want)
		}
	}
	for _, query := range []string{"state=x", "severity=x", "sort=x", "repository=x", "after=x", "after=1x.y", "q=" + strings.Repeat("x", 300)} {
		if status, text := ada.get("/?" + query); status != http.StatusBadRequest {
			t.Errorf("%s: %d\n%s", query, status, text)
		}
	}
}

func TestOneIncidentFromEndToEnd(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	ctx := t.Context()
	digest := strings.Repeat("3f", 32)
	tx := func(f func(*store.Tx) error) { t.Helper(); w.must(w.store.Tx(ctx, f)) }
	ada := w.signIn("ada")
	page := func() string { _, text := ada.get("/incidents/" + incident(1)); return text }
	has(t, page(), "Make it useless", "leakgate remediate plan --repository", "Nobody has asked its issuer", "There is none. A plan is")
	tx(func(x *store.Tx) error {
		if _, err := x.Audit(ctx, "leakgate-app", "checked", incident(1), map[string]string{"status": "live"}); err != nil {
			return err
		}
		body := `{"expires":"` + w.now().Add(time.Hour).UTC().Format(time.RFC3339) + `","steps":[{"credential":"` + id(1) + `","deed":"disable","provider":"aws-key"},{"credential":"` + id(2) + `","deed":"delete","provider":"other"}]}`
		if err := x.KeepPlan(ctx, digest, "cid", []byte(body)); err != nil {
			return err
		}
		return x.KeepApproval(ctx, digest, "ann", "", []byte(`{}`))
	})
	has(t, page(), "Live", "Approve the plan", "leakgate remediate apply "+digest+" --account ", "--database DATABASE", "!--account 0 ", "disable, aws-key", "approved by ann", "made by cid", "!other")
	tx(func(x *store.Tx) error {
		proof, err := x.Audit(ctx, "leakgate", "checked", incident(1), map[string]string{"status": "dead"})
		if err != nil {
			return err
		}
		return x.Advance(ctx, incident(1), store.Move{To: store.Revoked, By: "ann", Why: "the issuer says so", Proof: proof})
	})
	has(t, page(), "Its issuer was asked: dead", "the issuer says so", "by ann", "Give those who need it a new one", `aria-current="step">Revoked`)
	tx(func(x *store.Tx) error {
		return x.Advance(ctx, incident(1), store.Move{To: store.Closed, By: "ann", Why: "done"})
	})
	has(t, page(), "leakgate remediate report "+incident(1))
	_, list := ada.get("/")
	has(t, list, "Nothing is open", "Show those that are over", "!rule-1</a>")
}

// What people call files, branches and themselves is data.
func TestNothingThatPeopleWriteIsMarkup(t *testing.T) {
	w := newWorld(t)
	bad := `"><script>alert(1)</script><img src=x onerror=alert(2)>` + "'\u202e\x00\n`${7*7}`{{.}}"
	if server != "" { // which takes no text with it
		bad = strings.ReplaceAll(bad, "\x00", "")
	}
	w.record(1, "critical", "acme/app", map[string]any{"path": bad, "line": 1, "commit": bad, "author": bad, "decoded_from": []string{bad}})
	w.record(1, "critical", "acme/lib", map[string]any{"path": "../../" + bad + "/javascript:alert(1)", "line": 1, "commit": strings.Repeat("a", 40), "author": bad})
	ctx := t.Context()
	w.must(w.store.Tx(ctx, func(x *store.Tx) error {
		if _, err := x.Audit(ctx, bad, bad, incident(1), map[string]string{"why": bad}); err != nil {
			return err
		}
		if err := x.SetExposure(ctx, incident(1), bad, bad); err != nil {
			return err
		}
		if err := x.KeepPlan(ctx, bad, bad, []byte(`{"steps":[{"credential":"`+id(1)+`","deed":"<script>"}]}`)); err != nil {
			return err
		}
		return x.Advance(ctx, incident(1), store.Move{To: store.Dismissed, By: bad, Why: bad, Owner: bad, Expires: w.now().Add(time.Hour)})
	}))
	ada := w.signIn("ada")
	for _, path := range []string{"/?state=any", "/incidents/" + incident(1), "/?state=any&q=" + url.QueryEscape(bad), "/?state=any&rule=" + url.QueryEscape(bad), "/health?after=" + url.QueryEscape(bad)} {
		_, text := ada.get(path)
		has(t, text, "!<script", "!<img src=x", "!\u202e", "!\x00", "!href=\"javascript")
	}
	_, text := ada.get("/incidents/" + incident(1))
	has(t, text, "&lt;script&gt;", w.URL+"/acme/lib/commit/"+strings.Repeat("a", 40)+`"`)
}

func TestOddAddressesAreNoFaultOfOurs(t *testing.T) {
	w := newWorld(t)
	w.found(1, "high", "acme/app", "a.txt")
	b := w.signIn("ada")
	for path, want := range map[string]int{
		"/?rule=%00": 400, "/?rule=%ff": 400, "/?q=%00%ff": 200, "/?after=5.%00": 400, "/?after=5.%ff": 400, "/?after=5": 400,
		"/incidents/%00": 404, "/incidents/%ff": 404, "/incidents/" + strings.Repeat("A", 5000): 404, "/health?after=%00%ff": 200,
	} {
		if status, _ := b.get(path); status != want {
			t.Errorf("%.40s answers %d, not %d", path, status, want)
		}
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the log complains:\n%s", log)
	}
}
