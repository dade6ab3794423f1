package ghfake

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/ghfake/openapi"
)

// narrowed is a client with a token of the installation that may do less.
func (w *world) narrowed(permissions *github.InstallationPermissions, repos ...string) *github.Client {
	w.t.Helper()
	token, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, w.installed.ID, &github.InstallationTokenOptions{Repositories: repos, Permissions: permissions})
	w.must(err)
	return w.with(token.GetToken())
}

func (w *world) with(token string) *github.Client {
	c, err := w.client(nil).Clone(github.WithAuthToken(token))
	w.must(err)
	return c
}

func TestTokensOpenNoMoreThanOnGitHub(t *testing.T) {
	now := &clock{}
	w := newWorld(t, Options{Clock: now.time})
	other, err := w.Repository("acme/other", true)
	w.must(err)
	public, err := w.Repository("acme/open", false)
	w.must(err)
	_, _ = other, public
	read := w.narrowed(&github.InstallationPermissions{Contents: github.Ptr("read")}, "app")

	_, _, err = read.Repositories.Get(w.ctx, "acme", "app")
	w.must(err)
	_, _, err = read.Git.CreateRef(w.ctx, "acme", "app", github.CreateRef{Ref: "refs/heads/x", SHA: w.tip("main")})
	refused(t, err, 403, "Resource not accessible by integration")
	_, _, err = read.Checks.ListCheckRunsForRef(w.ctx, "acme", "app", "main", nil)
	refused(t, err, 403, "Resource not accessible by integration")
	_, _, err = read.Repositories.Get(w.ctx, "acme", "other")
	refused(t, err, 404, "Not Found")
	_, _, err = read.Repositories.Get(w.ctx, "acme", "open")
	w.must(err)

	_, _, err = w.ada.Checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{Name: "n", HeadSHA: w.tip("main")})
	refused(t, err, 403, "You must authenticate via a GitHub App.")
	_, _, err = w.eve.Repositories.Get(w.ctx, "acme", "app")
	refused(t, err, 404, "Not Found")
	_, _, err = w.bob.Repositories.CreateRuleset(w.ctx, "acme", "app", ruleset(nil))
	refused(t, err, 403, "Must have admin rights")
	_, _, err = w.nobody.Repositories.Get(w.ctx, "acme", "app")
	refused(t, err, 404, "Not Found")
	_, err = w.ada.Credentials.Revoke(w.ctx, []string{"x"})
	refused(t, err, 403, "must not be authenticated")
	_, _, err = w.bot.Apps.ListInstallations(w.ctx, nil)
	refused(t, err, 401, "JSON web token")
	_, _, err = w.with("gh"+"p_made-up").Users.Get(w.ctx, "")
	refused(t, err, 401, "Bad credentials")

	now.add(61 * time.Minute)
	_, _, err = read.Repositories.Get(w.ctx, "acme", "app")
	refused(t, err, 401, "Bad credentials")
}

// A user's token through an app reaches what both may see, and does what both may do.
func TestTokensOfUsersThroughApps(t *testing.T) {
	w := newWorld(t, Options{})
	second, err := w.App("second", "", map[string]string{"metadata": "read", "contents": "read"})
	w.must(err)
	ada, eve := w.with(w.OAuth("ada", second)), w.with(w.OAuth("eve", second))
	_, _, err = ada.Repositories.Get(w.ctx, "acme", "app")
	refused(t, err, 404, "Not Found") // not installed yet
	w.Install(second, "acme")
	_, _, err = ada.Repositories.Get(w.ctx, "acme", "app")
	w.must(err)
	_, _, err = eve.Repositories.Get(w.ctx, "acme", "app")
	refused(t, err, 404, "Not Found")
	_, _, err = ada.Git.CreateRef(w.ctx, "acme", "app", github.CreateRef{Ref: "refs/heads/x", SHA: w.tip("main")})
	refused(t, err, 403, "")
	w.repo.Archived = true
	_, _, err = w.bot.Git.CreateRef(w.ctx, "acme", "app", github.CreateRef{Ref: "refs/heads/x", SHA: w.tip("main")})
	refused(t, err, 403, "archived")
	w.local.File("late.txt", "x\n")
	if w.local.Try("push", "-q", "origin", "HEAD") {
		t.Error("an archived repository takes a push")
	}
}

func TestTokensOfInstallations(t *testing.T) {
	w := newWorld(t, Options{})
	ask := func(o *github.InstallationTokenOptions) error {
		_, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, w.installed.ID, o)
		return err
	}
	refused(t, ask(&github.InstallationTokenOptions{Repositories: []string{"nothing"}}), 422, "does not exist or is not accessible")
	refused(t, ask(&github.InstallationTokenOptions{Permissions: &github.InstallationPermissions{Workflows: github.Ptr("write")}}), 422, "not granted")
	long := 0
	for range 4 {
		token, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, w.installed.ID, nil)
		w.must(err)
		if len(token.GetToken()) > 400 && strings.Count(token.GetToken(), ".") == 2 {
			long++
		}
		_, _, err = w.with(token.GetToken()).Repositories.Get(w.ctx, "acme", "app")
		w.must(err)
	}
	if long == 0 || long == 4 {
		t.Errorf("%d of 4 tokens have the long form", long)
	}
	w.Suspend(w.installed, true)
	refused(t, ask(nil), 403, "suspended")
	w.Suspend(w.installed, false)
	w.must(ask(nil))
	w.Uninstall(w.installed)
	refused(t, ask(nil), 404, "Not Found")
}

func TestOnlyAppsWithTheirKeyAreApps(t *testing.T) {
	w := newWorld(t, Options{})
	key, err := jwt.ParseRSAPrivateKeyFromPEM(w.app.Key)
	w.must(err)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	claims := func(lives time.Duration) jwt.RegisteredClaims {
		return jwt.RegisteredClaims{Issuer: strconv.FormatInt(w.app.ID, 10), IssuedAt: jwt.NewNumericDate(time.Now().Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(time.Now().Add(lives))}
	}
	for name, test := range map[string]struct {
		method jwt.SigningMethod
		key    any
		claims jwt.RegisteredClaims
		good   bool
	}{
		"good":              {jwt.SigningMethodRS256, key, claims(5 * time.Minute), true},
		"another key":       {jwt.SigningMethodRS256, stranger, claims(5 * time.Minute), false},
		"a shared secret":   {jwt.SigningMethodHS256, w.app.Key, claims(5 * time.Minute), false},
		"another algorithm": {jwt.SigningMethodRS512, key, claims(5 * time.Minute), false},
		"expired":           {jwt.SigningMethodRS256, key, claims(-time.Minute), false},
		"for an hour":       {jwt.SigningMethodRS256, key, claims(time.Hour), false},
		"of nobody":         {jwt.SigningMethodRS256, key, jwt.RegisteredClaims{Issuer: "1", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))}, false},
	} {
		text, err := jwt.NewWithClaims(test.method, test.claims).SignedString(test.key)
		w.must(err)
		_, response, err := w.with(text).Apps.Get(w.ctx, "")
		if (err == nil) != test.good || !test.good && response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Git asks for the same rights as the interface.
func TestGitAsksForRights(t *testing.T) {
	w := newWorld(t, Options{})
	url := func(token string) string {
		return strings.Replace(w.CloneURL(w.repo), "//", "//x-access-token:"+token+"@", 1)
	}
	issue := func(level string) string {
		token, _, err := w.asApp.Apps.CreateInstallationToken(w.ctx, w.installed.ID, &github.InstallationTokenOptions{Permissions: &github.InstallationPermissions{Contents: github.Ptr(level)}})
		w.must(err)
		return token.GetToken()
	}
	w.local.File("c.txt", "c\n")
	for name, test := range map[string]struct {
		url         string
		read, write bool
	}{
		"a writer":       {url(w.PAT("bob")), true, true},
		"a stranger":     {url(w.PAT("eve")), false, false},
		"nobody":         {w.CloneURL(w.repo), false, false},
		"an app, read":   {url(issue("read")), true, false},
		"an app, write":  {url(issue("write")), true, true},
		"a made-up word": {url("x"), false, false},
	} {
		if got := w.local.Try("ls-remote", test.url); got != test.read {
			t.Errorf("%s reads: %v", name, got)
		}
		if got := w.local.Try("push", test.url, "HEAD:refs/heads/"+strings.ReplaceAll(name, " ", "-")); got != test.write {
			t.Errorf("%s writes: %v", name, got)
		}
	}
}

// The permissions of the table are those that GitHub's documentation lists, where the
// list has the operation: it is of an older day.
func TestPermissionsAreThoseOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(openapi.Folder(t), "permissions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Permissions map[string]struct{ Read, Write []string }
	}
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	spec := openapi.Load(t, "api.github.com", operations(false), webhooks)
	listed := func(permission, level, call string) bool {
		p := published.Permissions[permission]
		return level == "read" && slices.Contains(p.Read, call) || level == "write" && slices.Contains(p.Write, call)
	}
	agreed := 0
	for id, row := range table {
		if row.permission == "" {
			continue
		}
		op := spec.Operation(id)
		call := op.Method + " " + op.Path
		known, good := false, false
		for name := range published.Permissions {
			for _, level := range []string{"read", "write"} {
				known = known || listed(name, level, call)
			}
		}
		for _, one := range strings.Split(row.permission, " or ") {
			good = good || listed(one, row.level, call)
		}
		if good {
			agreed++
		} else if known && id != "repos/create-or-update-file-contents" { // listed under single_file alone
			t.Errorf("%s (%s) asks for %s:%s, which the documentation does not list", id, call, row.permission, row.level)
		}
	}
	t.Logf("%d operations agree", agreed)
	if agreed < 40 {
		t.Error("too few are listed to say anything")
	}
}
