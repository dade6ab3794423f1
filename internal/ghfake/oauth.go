package ghfake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is what a code of OAuth stands for.
type grant struct {
	app                 *App
	account             *Account
	redirect, challenge string
	expires             time.Time
}

// How long a code, and a token of a user, live.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
const (
	codeLives = 10 * time.Minute
	userLives = 8 * time.Hour
)

// SignedIn is who sits at every browser from now on. He authorizes whatever asks.
func (g *GitHub) SignedIn(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.person = g.find(login)
}

// oauth answers the two addresses of the web flow.
func (g *GitHub) oauth(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/login/oauth/authorize":
		g.authorize(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/login/oauth/access_token":
		g.exchange(w, r)
	default:
		return false
	}
	return true
}

// authorize sends a browser back with a code, to an address that the App's settings name
// letter by letter.
func (g *GitHub) authorize(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := r.URL.Query()
	app := g.client(q.Get("client_id"))
	switch {
	case app == nil:
		http.NotFound(w, r)
		return
	case g.person == nil:
		http.Error(w, "nobody is signed in to GitHub", http.StatusUnauthorized)
		return
	case !slices.Contains(app.Callbacks, q.Get("redirect_uri")):
		g.options.Report("redirect_uri " + q.Get("redirect_uri") + " is no callback of the app")
		http.Error(w, "The redirect_uri is not associated with this application.", http.StatusBadRequest)
		return
	case q.Get("state") == "":
		g.options.Report("an authorization without state")
	}
	challenge, method := q.Get("code_challenge"), q.Get("code_challenge_method")
	if (challenge == "") != (method == "") || challenge != "" && (method != "S256" || len(challenge) != 43) {
		g.options.Report("the challenge of PKCE is not 43 characters by S256")
		http.Error(w, "invalid code_challenge", http.StatusBadRequest)
		return
	}
	code := random(10)
	g.grants[code] = grant{app, g.person, q.Get("redirect_uri"), challenge, g.options.Clock().Add(codeLives)}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (g *GitHub) client(id string) *App {
	for _, app := range g.apps {
		if app.ClientID == id {
			return app
		}
	}
	return nil
}

// exchange gives a code for a token, once. What is wrong is told with status 200.
// https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
func (g *GitHub) exchange(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.ParseForm() != nil || !strings.Contains(r.Header.Get("Accept"), "application/json") {
		g.options.Report("a code is not exchanged by a form for JSON")
	}
	if g.options.Record != nil {
		_, _ = g.options.Record.Write([]byte("POST /login/oauth/access_token\n"))
	}
	g.calls["oauth"]++
	if g.broken(w, g.fault("oauth")) {
		return
	}
	app, code := g.client(r.PostForm.Get("client_id")), r.PostForm.Get("code")
	given, known := g.grants[code]
	var answer doc
	switch {
	case app == nil || app.ClientSecret != r.PostForm.Get("client_secret"):
		answer = doc{"error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret passed are incorrect."}
	case known && given.redirect != r.PostForm.Get("redirect_uri"):
		answer = doc{"error": "redirect_uri_mismatch", "error_description": "The redirect_uri MUST match the registered callback URL for this application."}
	case !known || given.app != app || g.options.Clock().After(given.expires) || !given.proven(r.PostForm.Get("code_verifier")):
		answer = doc{"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
	default:
		delete(g.grants, code)
		text := "gh" + "u_" + random(18)
		g.tokens[text] = &token{kind: asUser, text: text, account: given.account, app: app, expires: g.options.Clock().Add(userLives)}
		answer = doc{"access_token": text, "expires_in": int(userLives.Seconds()), "refresh_token": "gh" + "r_" + random(38), "refresh_token_expires_in": 15897600, "scope": "", "token_type": "bearer"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer) // a client that left is its own affair
}

// proven holds the verifier of PKCE against the challenge.
func (g grant) proven(verifier string) bool {
	if g.challenge == "" {
		return true
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
}
