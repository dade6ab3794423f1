package register

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
)

// Flow is one registration. Convert, where it is set, is the client that asks GitHub.
type Flow struct {
	Server       hub.Server
	Organisation string // that owns the App; "" for the account of whoever clicks
	Manifest     Manifest
	Transport    http.RoundTripper // by default that of net/http
	// Show tells the person which page to open.
	Show func(address string)
	// Keep takes the credentials, once. Where it fails the flow does.
	Keep func(Registered) error
}

// Registered is an App that GitHub made.
type Registered struct {
	ID                      int64
	Slug, ClientID, HTMLURL string
	Key, Hook, Client       secret.Secret // the private key in PEM, the secret of the webhook, that of OAuth
}

// organisationPattern is the login of an account.
var organisationPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$`)

// Run shows the page and waits until GitHub sent somebody back, or the context ends.
func (f Flow) Run(ctx context.Context) error {
	if f.Organisation != "" && !organisationPattern.MatchString(f.Organisation) {
		return fmt.Errorf("%q is no organisation of GitHub", f.Organisation)
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a page on this machine: %w", err)
	}
	d := &desk{flow: f, state: rand.Text() + rand.Text(), nonce: rand.Text(), host: l.Addr().String(), done: make(chan error, 1)}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends by Shutdown
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end) // who reads the last page may do so
	}()
	f.Show("http://" + d.host + "/")
	select {
	case err := <-d.done:
		return err
	case <-ctx.Done():
		return errors.New("nobody came back from GitHub: nothing was registered, or its key was not fetched; start again")
	}
}

// desk answers the one browser that comes by.
type desk struct {
	flow               Flow
	state, nonce, host string
	done               chan error
	used               atomic.Bool
}

// ServeHTTP answers. The form may lead anywhere by https: Chromium holds every redirect
// behind it against the policy, also a GitHub's to its identity provider.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%s'; form-action %s https:; frame-ancestors 'none'; base-uri 'none'", d.nonce, origin(d.flow.Server.Web)))
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Host != d.host: // a name that somebody else made point here
		http.Error(w, "not here", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case r.URL.Path == "/":
		d.page(w)
	case r.URL.Path == "/done":
		d.back(w, r)
	default:
		http.NotFound(w, r)
	}
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}

var page = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>leakgate</title>
<h1>Register the GitHub App {{.Name}}</h1>
<p>GitHub will show what it may do and ask you once.</p>
<form id="f" method="post" action="{{.Action}}"><input type="hidden" name="manifest" value="{{.Manifest}}"><button>Go to GitHub</button></form>
<script nonce="{{.Nonce}}">document.getElementById("f").submit()</script></html>
`))

// page sends the manifest to GitHub by the browser.
func (d *desk) page(w http.ResponseWriter) {
	m := d.flow.Manifest
	m.Redirect = "http://" + d.host + "/done"
	text, err := json.Marshal(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	action := d.flow.Server.Web + "settings/apps/new"
	if d.flow.Organisation != "" {
		action = d.flow.Server.Web + "organizations/" + d.flow.Organisation + "/settings/apps/new"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]string{"Name": m.Name, "Action": action + "?state=" + d.state, "Manifest": string(text), "Nonce": d.nonce}) // a browser that left
}

// back takes the code. Without our state somebody else sent the browser here, perhaps with
// a code of an App of his own.
func (d *desk) back(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(d.state)) != 1 {
		http.Error(w, "this did not begin here: go to http://"+d.host+"/", http.StatusForbidden)
		return
	}
	if d.used.Swap(true) {
		http.Error(w, "this was done before", http.StatusConflict)
		return
	}
	err := d.convert(r.Context(), q.Get("code"))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintln(w, "It did not work. The terminal says why.")
	} else {
		fmt.Fprintln(w, "The App is registered. The terminal says what comes next; you may close this page.")
	}
	d.done <- err
}

// codePattern is what a code may be made of, since it becomes part of an address.
var codePattern = regexp.MustCompile(`^[A-Za-z0-9]{1,100}$`)

func (d *desk) convert(ctx context.Context, code string) error {
	if !codePattern.MatchString(code) {
		return errors.New("GitHub sent no code")
	}
	base := d.flow.Server.API
	options := []github.ClientOptionsFunc{github.WithURLs(&base, &base), github.WithTimeout(time.Minute)}
	if d.flow.Transport != nil {
		options = append(options, github.WithTransport(d.flow.Transport))
	}
	client, err := github.NewClient(options...)
	if err != nil {
		return err
	}
	c, resp, err := client.Apps.CompleteAppManifest(ctx, code)
	if err != nil { // its text has the address, and that the code
		if resp != nil {
			return fmt.Errorf("GitHub did not give the App's key out: status %d; the App may be there already, and its settings page makes a key", resp.StatusCode)
		}
		return errors.New("GitHub was not reached to fetch the App's key; the App is registered, and its settings page makes a key")
	}
	r := Registered{ID: c.GetID(), Slug: c.GetSlug(), ClientID: c.GetClientID(), HTMLURL: c.GetHTMLURL(),
		Key: secret.New(c.GetPEM()), Hook: secret.New(c.GetWebhookSecret()), Client: secret.New(c.GetClientSecret())}
	if r.ID == 0 || r.Key.IsZero() || r.Hook.IsZero() {
		return errors.New("GitHub's answer lacks the App's id, key or webhook secret")
	}
	return d.flow.Keep(r)
}

// Install is the page on which the App is put on repositories.
func (r Registered) Install() string { return strings.TrimRight(r.HTMLURL, "/") + "/installations/new" }
