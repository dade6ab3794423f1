package dashboard_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/dashboard"
	"github.com/leakgate/leakgate/internal/ghfake"
)

// stay has a browser not follow where it is sent.
func (b *browser) stay() *browser {
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// begin begins a sign-in and gives where GitHub would send the browser back to.
func (b *browser) begin(login, next string) string {
	b.w.t.Helper()
	b.w.SignedIn(login)
	resp, err := b.Get(b.away(next))
	b.w.must(err)
	resp.Body.Close()
	return strings.TrimPrefix(resp.Header.Get("Location"), b.w.web.URL)
}

func TestNobodyIsLetIn(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	for name, cookie := range map[string]string{"none": "", "forged": strings.Repeat("A", 52), "long": strings.Repeat("A", 3000), "of another form": "admin"} {
		b := w.browser()
		if cookie != "" {
			b.setCookie(session, cookie)
		}
		for _, path := range []string{"/", "/health", "/incidents/" + incident(1), "/incidents/" + incident(2)} {
			if status, text := b.get(path); status != http.StatusUnauthorized || strings.Contains(text, "rule-1") {
				t.Errorf("%s at %s: %d\n%s", name, path, status, text)
			}
		}
	}
}

func TestSessionEnds(t *testing.T) {
	w := newWorld(t)
	ada := w.signIn("ada")
	w.later(8*time.Hour + time.Second)
	if status, _ := ada.get("/"); status != http.StatusUnauthorized {
		t.Errorf("after eight hours: %d", status)
	}
	ada = w.signIn("ada")
	old := ada.cookie(session)
	if status, text := ada.post("/logout", nil); status != http.StatusUnauthorized || !strings.Contains(text, "Sign in with GitHub") {
		t.Errorf("signed out: %d", status)
	}
	if w.Calls("apps/delete-token") != 1 {
		t.Error("the token lives on at GitHub")
	}
	ada.setCookie(session, old)
	if status, _ := ada.get("/"); status != http.StatusUnauthorized {
		t.Errorf("with the cookie of before: %d", status)
	}
}

func TestAccessThatIsRevokedAtGitHubEndsTheSession(t *testing.T) {
	w := newWorld(t)
	ada := w.signIn("ada")
	w.RevokeAll("ada")
	w.later(3 * time.Minute)
	status, text := ada.get("/")
	if status != http.StatusUnauthorized {
		t.Error(status)
	}
	has(t, text, "GitHub ended your access")
	if w.sessions() != 0 {
		t.Error("the session is kept")
	}
}

// sessions counts them in the database.
func (w *world) sessions() (n int) {
	w.must(w.store.DB().QueryRowContext(w.t.Context(), `SELECT COUNT(*) FROM sessions`).Scan(&n))
	return n
}

func TestSessionIsNewAtEverySignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	planted := strings.Repeat("B", 52)
	b.setCookie(session, planted) // fixation: whoever planted it knows it
	b.signIn("ada")
	first := b.cookie(session)
	b.signIn("bob")
	second := b.cookie(session)
	if first == planted || second == first || len(first) < 40 {
		t.Errorf("%q, then %q", first, second)
	}
	if w.sessions() != 1 || w.Calls("apps/delete-token") != 1 {
		t.Errorf("%d sessions, %d tokens revoked: the one of before goes on", w.sessions(), w.Calls("apps/delete-token"))
	}
	for _, cookie := range []string{planted, first} {
		other := w.browser()
		other.setCookie(session, cookie)
		if status, _ := other.get("/"); status != http.StatusUnauthorized {
			t.Errorf("an old cookie opens: %d", status)
		}
	}
}

func TestTokenIsSealed(t *testing.T) {
	w := newWorld(t)
	ada := w.signIn("ada")
	var id, token string
	w.must(w.store.DB().QueryRowContext(t.Context(), `SELECT id, token FROM sessions`).Scan(&id, &token))
	if strings.Contains(token, "gh"+"u_") || strings.Contains(w.log.String(), "gh"+"u_") || id == ada.cookie(session) {
		t.Error("the token, or the cookie, is kept in the clear")
	}
	bob := w.signIn("bob")
	_, err := w.store.DB().ExecContext(t.Context(), `UPDATE sessions SET token = (SELECT token FROM sessions WHERE login = 'ada')`)
	w.must(err)
	if status, text := bob.get("/"); status == http.StatusOK && strings.Contains(text, "acme/app") {
		t.Errorf("a token opens under another session: %d", status)
	}
	var none sql.NullString
	w.must(w.store.DB().QueryRowContext(t.Context(), `SELECT MAX(login) FROM sessions WHERE token LIKE '%gh'||'u_%'`).Scan(&none))
	if none.Valid {
		t.Error(none.String)
	}
}

func TestSignInBelongsToOneBrowser(t *testing.T) {
	w := newWorld(t)
	mallory, victim := w.browser().stay(), w.browser().stay()
	back := mallory.begin("eve", "/")
	if status, _ := victim.get(back); status != http.StatusForbidden {
		t.Errorf("somebody else's code: %d", status)
	}
	victim.begin("ada", "/")
	if status, _ := victim.get(back); status != http.StatusForbidden {
		t.Errorf("somebody else's code after one's own beginning: %d", status)
	}
	if victim.cookie(session) != "" {
		t.Error("the victim is signed in")
	}
	for name, change := range map[string]func(url.Values){
		"without state": func(q url.Values) { q.Del("state") }, "another state": func(q url.Values) { q.Set("state", strings.Repeat("x", 43)) },
	} {
		b := w.browser().stay()
		path, query, _ := strings.Cut(b.begin("ada", "/"), "?")
		q, err := url.ParseQuery(query)
		w.must(err)
		change(q)
		if status, _ := b.get(path + "?" + q.Encode()); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
	}
	late := w.browser().stay()
	back = late.begin("ada", "/")
	w.later(11 * time.Minute)
	if status, _ := late.get(back); status != http.StatusForbidden {
		t.Errorf("after ten minutes: %d", status)
	}
	twice := w.browser().stay()
	back = twice.begin("ada", "/")
	if status, _ := twice.get(back); status != http.StatusSeeOther {
		t.Errorf("the right one: %d", status)
	}
	if status, _ := twice.get(back); status != http.StatusForbidden {
		t.Errorf("a second time: %d", status)
	}
}

func TestRefusedAtGitHub(t *testing.T) {
	w := newWorld(t)
	b := w.browser().stay()
	back := b.begin("ada", "/")
	_, query, _ := strings.Cut(back, "?")
	q, err := url.ParseQuery(query)
	w.must(err)
	if status, text := b.get("/login?error=access_denied&state=" + q.Get("state")); status != http.StatusUnauthorized || !strings.Contains(text, "said no") {
		t.Errorf("%d\n%s", status, text)
	}
	b.begin("ada", "/")
	b = w.browser().stay()
	back = b.begin("ada", "/")
	wrong := strings.Replace(back, "code=", "code=ff", 1)
	if status, text := b.get(wrong); status != http.StatusBadGateway || strings.Contains(text, "code=") {
		t.Errorf("a code that GitHub does not know: %d\n%s", status, text)
	}
	if b.cookie(session) != "" {
		t.Error("signed in")
	}
}

func TestNoWayLeadsElsewhere(t *testing.T) {
	w := newWorld(t)
	w.found(1, "critical", "acme/app", "deploy.env")
	for next, want := range map[string]string{
		"//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/", "/health": "/health", "/health/../x": "/", "/incidents/" + incident(1): "/incidents/" + incident(1),
		"/%2f%2fevil.example": "/", "/logout": "/", "\t//evil.example": "/", "/health?x=//evil": "/", "/health\n": "/", "": "/",
	} {
		b := w.browser().stay()
		resp, err := b.Get(w.web.URL + b.begin("ada", next))
		w.must(err)
		resp.Body.Close()
		if got := resp.Header.Get("Location"); got != want || resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%q leads to %d %q", next, resp.StatusCode, got)
		}
		if _, text := b.post("/access", url.Values{"next": {next}}); strings.Contains(text, "evil") {
			t.Errorf("%q: %s", next, text)
		}
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	w := newWorld(t)
	ada := w.signIn("ada")
	for _, path := range []string{"/logout", "/access", "/login"} {
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "", "Origin", "null"}} {
			if status, _ := ada.post(path, nil, headers...); status != http.StatusForbidden {
				t.Errorf("%s with %v: %d", path, headers, status)
			}
		}
		if status, _ := ada.get(path); path != "/login" && status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	if status, _ := ada.get("/"); status != http.StatusOK {
		t.Errorf("signed out by somebody else: %d", status)
	}
}

func TestHeadersAndCookies(t *testing.T) {
	w := newWorld(t)
	b := w.browser().stay()
	for _, path := range []string{"/", "/health", "/nowhere", "/incidents/x", "/login?code=x"} {
		resp, err := b.Get(w.web.URL + path)
		w.must(err)
		resp.Body.Close()
		for name, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
			"Referrer-Policy":            "no-referrer",
			"X-Content-Type-Options":     "nosniff",
			"Strict-Transport-Security":  "max-age=31536000",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control":              "no-store",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
		if resp.Header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", path)
		}
	}
	resp, err := b.Get(w.web.URL + b.begin("ada", "/"))
	w.must(err)
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%+v", c)
		}
		if c.Name == session && (c.MaxAge <= 0 || c.MaxAge > 8*3600) {
			t.Errorf("it lives for %d s", c.MaxAge)
		}
	}
}

// guess comes back from GitHub with a code that it never gave.
func (w *world) guess() int {
	b := w.browser().stay()
	status, _ := b.get(strings.Replace(b.begin("eve", "/"), "code=", "code=ff", 1))
	return status
}

func TestWhoGuessesKeepsNobodyElseOut(t *testing.T) {
	w := newWorld(t, func(o *dashboard.Options) { o.ClientHeader = "X-Client" })
	w.comesFrom("203.0.113.9")
	limited := 0
	for range 25 {
		if w.guess() == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 15 || w.Calls("oauth") != 10 {
		t.Errorf("%d were put off, and GitHub was asked %d times", limited, w.Calls("oauth"))
	}
	w.comesFrom("198.51.100.7")
	w.signIn("ada")
	w.comesFrom("203.0.113.9, 198.51.100.7") // what he wrote himself, and what the proxy wrote behind it
	w.signIn("ada")
	w.comesFrom("203.0.113.9")
	w.later(7 * time.Minute)
	w.signIn("ada")
}

func TestWithoutAProxyTheHeaderSaysNothing(t *testing.T) {
	w := newWorld(t)
	for n := range 12 {
		w.comesFrom(fmt.Sprintf("203.0.113.%d", n))
		w.guess()
	}
	if w.Calls("oauth") != 10 {
		t.Errorf("GitHub was asked %d times", w.Calls("oauth"))
	}
}

func TestWhoDidNotBeginHereSpendsNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser().stay()
	for n := range 400 {
		state := strings.Repeat("x", 43)
		if n%2 == 0 {
			b.setCookie("__Host-leakgate-login", fmt.Sprintf("%d.%s.Lw", w.now().Unix(), strings.Repeat("B", 52)))
		}
		if status, _ := b.get("/login?code=abc&state=" + state); status != http.StatusForbidden {
			t.Fatalf("forged: %d", status)
		}
	}
	if w.Calls("oauth") != 0 {
		t.Errorf("GitHub was asked %d times", w.Calls("oauth"))
	}
	w.signIn("ada")
}

func TestAnOfficeBehindOneAddressSignsIn(t *testing.T) {
	w := newWorld(t)
	for n := range 40 {
		w.User(fmt.Sprintf("clerk-%d", n))
		w.signIn(fmt.Sprintf("clerk-%d", n))
	}
	for range 15 { // GitHub's fault is not theirs
		w.Fail(ghfake.Fault{Operation: "oauth", Status: http.StatusBadGateway})
		if status := w.guess(); status != http.StatusBadGateway {
			t.Fatal(status)
		}
	}
	w.signIn("ada")
}

func TestOneAccountDoesNotSignInAllTheTime(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.signIn("eve")
	}
	b := w.browser().stay()
	if status, _ := b.get(b.begin("eve", "/")); status != http.StatusTooManyRequests {
		t.Errorf("the twenty-first time: %d", status)
	}
}

func TestAddressesOfDashboards(t *testing.T) {
	for _, bad := range []string{"", "http://a.example", "https://", "https://u:p@a.example", "https://a.example/x", "https://a.example/?x", "a.example"} {
		if got, err := dashboard.ParseURL(bad); err == nil {
			t.Errorf("%q was taken for %q", bad, got)
		}
	}
	if got, err := dashboard.ParseURL("https://a.example/"); err != nil || got != "https://a.example" {
		t.Errorf("%q, %v", got, err)
	}
}
