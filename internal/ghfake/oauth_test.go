package ghfake

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A code is worth a token once, to the app, the address and the browser it was made for,
// and for ten minutes.
func TestCodesOfOAuth(t *testing.T) {
	now, reports := time.Now(), []string{}
	g := New(t, Options{Clock: func() time.Time { return now }, Report: func(why string) { reports = append(reports, why) }})
	g.User("ada")
	g.SignedIn("ada")
	app, err := g.App("leakgate", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	app.Callbacks = []string{"https://leakgate.example.com/login"}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	authorize := func(change func(url.Values)) (int, url.Values) {
		t.Helper()
		q := url.Values{"client_id": {app.ClientID}, "redirect_uri": {app.Callbacks[0]}, "state": {"s"}, "code_challenge_method": {"S256"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}} // of RFC 7636, appendix B
		change(q)
		resp, err := stay.Get(g.URL + "/login/oauth/authorize?" + q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		at, err := url.Parse(resp.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, at.Query()
	}
	exchange := func(code string, change func(url.Values)) (token, fault string) {
		t.Helper()
		form := url.Values{"client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "redirect_uri": {app.Callbacks[0]}, "code": {code},
			"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}}
		change(form)
		r, err := http.NewRequest(http.MethodPost, g.URL+"/login/oauth/access_token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct {
			Token string `json:"access_token"`
			Error string `json:"error"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return answer.Token, answer.Error
	}
	asIs := func(url.Values) {}
	set := func(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
	for name, change := range map[string]func(url.Values){
		"an address nearby": set("redirect_uri", app.Callbacks[0]+"/"), "another app": set("client_id", "x"), "plain PKCE": set("code_challenge_method", "plain"),
	} {
		if status, q := authorize(change); status < 400 || q.Get("code") != "" {
			t.Errorf("%s: %d", name, status)
		}
	}
	_, q := authorize(asIs)
	code := q.Get("code")
	if q.Get("state") != "s" || code == "" {
		t.Fatalf("sent back with %v", q)
	}
	for change, want := range map[string]string{
		"code_verifier=x": "bad_verification_code", "code_verifier=": "bad_verification_code", "client_secret=x": "incorrect_client_credentials",
		"redirect_uri=https://evil.example/": "redirect_uri_mismatch", "code=x": "bad_verification_code",
	} {
		field, value, _ := strings.Cut(change, "=")
		if token, fault := exchange(code, set(field, value)); token != "" || fault != want {
			t.Errorf("%s: %q %q", change, token, fault)
		}
	}
	token, fault := exchange(code, asIs)
	if token == "" || fault != "" {
		t.Errorf("the right one: %q", fault)
	}
	if again, _ := exchange(code, asIs); again != "" {
		t.Error("a code was taken twice")
	}
	_, q = authorize(asIs)
	now = now.Add(11 * time.Minute)
	if late, _ := exchange(q.Get("code"), asIs); late != "" {
		t.Error("a code was taken after ten minutes")
	}
	if len(reports) != 2 { // the address nearby, and plain PKCE
		t.Errorf("reports: %q", reports)
	}
}
