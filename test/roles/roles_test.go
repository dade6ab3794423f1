// Package roles holds the revocation and the rotation of database passwords
// against a real PostgreSQL and a real MariaDB.
package roles

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/dbrole"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// servers are the URLs of administrators, by the provider of their kind.
var servers = map[string]string{"postgres-role": "LEAKGATE_POSTGRES", "mysql-account": "LEAKGATE_MARIADB"}

// leak is an account of a real server whose password leaked.
type leak struct {
	ctx    context.Context
	client *revoke.Client
	p      *revoke.Provider
	server dbrole.Server
	user   string
	group  dbrole.Group
	in     revoke.Input
}

// each runs a test for every kind of server that is there.
func each(t *testing.T, run func(*testing.T, *leak)) {
	catalogue, err := revoke.Default()
	must(t, err)
	for id, variable := range servers {
		t.Run(id, func(t *testing.T) {
			if os.Getenv(variable) == "" {
				t.Skip("needs a real server: test/e2e/run roles")
			}
			run(t, newLeak(t, catalogue.Provider(id), secret.New(os.Getenv(variable))))
		})
	}
}

func newLeak(t *testing.T, p *revoke.Provider, admin secret.Secret) *leak {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	server, err := dbrole.Parse(admin, nil)
	must(t, err)
	l := &leak{ctx: ctx, client: &revoke.Client{Timeout: time.Minute}, p: p, server: server, user: `odd"'` + "`" + `\ ` + word(t)[:6]}
	l.in = revoke.Input{Secret: secret.New(word(t)), Given: map[string]secret.Secret{
		"role": secret.New(l.user), "user": secret.New(l.user), "host": secret.New(server.Host), "admin": admin,
	}}
	l.group = dbrole.Group{Server: server, Name: "group of " + l.user}
	l.admin(t, "group", map[string][]string{
		dbrole.PostgreSQL: {"CREATE ROLE {{group|name}}"},
		dbrole.MySQL:      {"CREATE ROLE {{group}}"},
	})
	must(t, l.group.Mint(ctx, l.user, l.in.Secret))
	return l
}

func (l *leak) admin(t *testing.T, what string, statements map[string][]string) {
	t.Helper()
	session, err := l.server.Administer(l.ctx)
	must(t, err)
	defer session.Close()
	if err := session.Run(l.ctx, statements[l.server.Kind], map[string]string{"group": l.group.Name, "user": l.user}); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func (l *leak) check(t *testing.T, want revoke.Status) revoke.Report {
	t.Helper()
	r := l.client.Check(l.ctx, l.p, l.in)
	if r.Status != want {
		t.Fatalf("%s, want %s: %s", r.Status, want, r.Why)
	}
	return r
}

func (l *leak) act(t *testing.T, d revoke.Deed, target revoke.Target) {
	t.Helper()
	if o := l.client.Act(l.ctx, l.p, l.in, target, d); o.Result != revoke.Done {
		t.Fatalf("%s: %s: %s", d, o.Result, o.Why)
	}
}

func (l *leak) locate(t *testing.T) revoke.Target {
	t.Helper()
	target, err := l.client.Locate(l.ctx, l.p, l.in, l.check(t, revoke.Live))
	must(t, err)
	return target
}

func TestALeakedRoleIsDisabledEnabledAndRevoked(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		other := *l
		other.user, other.in.Secret = "bystander "+word(t)[:6], secret.New(word(t))
		must(t, other.group.Mint(l.ctx, other.user, other.in.Secret))
		theirs, err := other.server.SignIn(l.ctx, other.user, other.in.Secret, "")
		must(t, err)
		defer theirs.Close()

		session, err := l.server.SignIn(l.ctx, l.user, l.in.Secret, "")
		must(t, err)
		defer session.Close()
		target := l.locate(t)
		l.act(t, revoke.Disable, target)
		l.dies(t)
		if _, err := session.Row(l.ctx, "SELECT 1 AS one", nil); err == nil {
			t.Error("a session of the disabled role goes on")
		}
		l.act(t, revoke.Undo, readBack(t, target))
		again := l.locate(t)
		l.act(t, revoke.Revoke, again)
		l.dies(t)
		if _, err := theirs.Row(l.ctx, "SELECT 1 AS one", nil); err != nil {
			t.Errorf("a bystander's session ended: %v", err)
		}
	})
}

// readBack is a target as a journal keeps it.
func readBack(t *testing.T, target revoke.Target) (read revoke.Target) {
	t.Helper()
	text, err := json.Marshal(target)
	must(t, err)
	must(t, json.Unmarshal(text, &read))
	return read
}

func TestOnlyDocumentedRefusalsAreDeaths(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		good := l.in
		l.in.Secret = secret.New(word(t))
		l.check(t, revoke.Dead)

		for name, host := range map[string]string{"host that is not listed": "db.elsewhere.test", "port that is not listed": strings.Split(l.server.Host, ":")[0] + ":1"} {
			l.in = with(good, "host", host)
			if r := l.check(t, revoke.Unknown); !strings.Contains(r.Why, "0 servers of the operator's list") {
				t.Errorf("%s: %s", name, r.Why)
			}
		}
		l.in = with(good, "database", "there is none")
		l.check(t, revoke.Live)
	})
}

// A locked role whose sessions go on is not dead.
func TestOpenSessionsAreNoDeath(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		session, err := l.server.SignIn(l.ctx, l.user, l.in.Secret, "")
		must(t, err)
		l.admin(t, "lock", map[string][]string{
			dbrole.PostgreSQL: {"ALTER ROLE {{user|name}} NOLOGIN"},
			dbrole.MySQL:      {"ALTER USER {{user}}@'%' ACCOUNT LOCK"},
		})
		if r := l.check(t, revoke.Unknown); !strings.Contains(r.Why, "are open: ") {
			t.Error(r.Why)
		}
		session.Close()
		l.dies(t)
	})
}

// dies waits until the check says so: sessions end a little later than they are told to.
func (l *leak) dies(t *testing.T) {
	t.Helper()
	l.eventually(t, func() bool { return l.client.Check(l.ctx, l.p, l.in).Status == revoke.Dead })
}

func (l *leak) eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for l.ctx.Err() == nil {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it did not come to be")
}

// A password that only other machines may use is refused here, and lives.
func TestAnAccountOfOtherMachinesIsNotCalledDead(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		if l.server.Kind != dbrole.MySQL {
			t.Skip("an account of PostgreSQL is one for all machines")
		}
		l.admin(t, "rename", map[string][]string{dbrole.MySQL: {"RENAME USER {{user}}@'%' TO {{user}}@'10.1.2.3'"}})
		if r := l.check(t, revoke.Unknown); !strings.Contains(r.Why, "from other machines only: 1") {
			t.Error(r.Why)
		}
	})
}

// An administrator without PROCESS sees no sessions of others, and no error: what he
// does not see is not counted as nothing.
func TestWhoSeesNoSessionsSaysSo(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		if l.server.Kind != dbrole.MySQL {
			t.Skip("PostgreSQL shows everybody's sessions to everybody")
		}
		who, pass := "half_"+word(t)[:6], word(t)
		must(t, l.group.Mint(l.ctx, who, secret.New(pass)))
		session, err := l.server.Administer(l.ctx)
		must(t, err)
		defer session.Close()
		must(t, session.Run(l.ctx, []string{"GRANT CREATE USER, CONNECTION ADMIN, RELOAD ON *.* TO {{user}}@'%'", "GRANT SELECT ON mysql.* TO {{user}}@'%'"}, map[string]string{"user": who}))
		target := l.locate(t)
		open, err := l.server.SignIn(l.ctx, l.user, l.in.Secret, "")
		must(t, err)
		defer open.Close()

		blind := *l
		admin := secret.New(strings.Replace(l.in.Given["admin"].Reveal(), "admin:"+password(t, l.in.Given["admin"]).Reveal(), who+":"+pass, 1))
		blind.in = with(l.in, "admin", admin.Reveal())
		server, err := dbrole.Parse(admin, nil)
		must(t, err)
		blind.group.Server = server
		for _, d := range []revoke.Deed{revoke.Disable, revoke.Revoke} {
			if o := l.client.Act(l.ctx, l.p, blind.in, target, d); o.Result != revoke.Refused {
				t.Errorf("%s: %s: %s", d, o.Result, o.Why)
			}
		}
		blind.check(t, revoke.Live)
		if n, err := blind.group.Sessions(l.ctx, l.user); err == nil || !strings.Contains(err.Error(), "grant PROCESS") {
			t.Errorf("%d sessions, %v", n, err)
		}
		if err := blind.group.Retire(l.ctx, l.user); err == nil {
			t.Error("it was retired")
		}
		l.admin(t, "lock", map[string][]string{dbrole.MySQL: {"ALTER USER {{user}}@'%' ACCOUNT LOCK"}})
		if r := blind.check(t, revoke.Unknown); !strings.Contains(r.Why, "grant PROCESS") {
			t.Error(r.Why)
		}
		if _, err := blind.group.Retired(l.ctx, l.user); err == nil {
			t.Error("it is called retired")
		}
		if _, err := open.Row(l.ctx, "SELECT 1 AS one", nil); err != nil {
			t.Errorf("the session that nobody saw ended: %v", err)
		}
	})
}

func TestTheAdministratorIsNotLockedOut(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		l.in = with(with(l.in, "role", "admin"), "user", "admin")
		l.in.Secret = password(t, l.in.Given["admin"])
		target := l.locate(t)
		if o := l.client.Act(l.ctx, l.p, l.in, target, revoke.Disable); o.Result != revoke.Refused || !strings.Contains(o.Why, "the administrator of the list itself") {
			t.Errorf("%s: %s", o.Result, o.Why)
		}
		l.check(t, revoke.Live)
	})
}

// No statement that a server logs holds a password.
func TestNoLogHoldsAPassword(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		logs := os.Getenv("LEAKGATE_SQL_LOGS")
		if logs == "" {
			t.Skip("needs the servers' logs")
		}
		l.act(t, revoke.Disable, l.locate(t))
		seen := false
		for file := range strings.SplitSeq(logs, ":") {
			text, err := os.ReadFile(file)
			must(t, err)
			if strings.Contains(string(text), l.in.Secret.Reveal()) {
				t.Errorf("%s holds the password", file)
			}
			seen = seen || strings.Contains(string(text), strings.TrimSpace(l.user[len(l.user)-6:]))
		}
		if !seen {
			t.Error("the statements are in no log, so nothing was looked at")
		}
	})
}

func with(in revoke.Input, name, value string) revoke.Input {
	given := map[string]secret.Secret{}
	for n, v := range in.Given {
		given[n] = v
	}
	given[name] = secret.New(value)
	in.Given = given
	return in
}

func password(t *testing.T, admin secret.Secret) secret.Secret {
	t.Helper()
	_, rest, _ := strings.Cut(admin.Reveal(), "://admin:")
	value, _, _ := strings.Cut(rest, "@")
	return secret.New(value)
}

func word(t *testing.T) string {
	t.Helper()
	raw := make([]byte, 16)
	_, err := rand.Read(raw)
	must(t, err)
	return hex.EncodeToString(raw)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAUserIsRetiredAndTakesItsNextTurn(t *testing.T) {
	each(t, func(t *testing.T, l *leak) {
		session, err := l.server.SignIn(l.ctx, l.user, l.in.Secret, "")
		must(t, err)
		defer session.Close()
		if n, err := l.group.Sessions(l.ctx, l.user); n != 1 || err != nil {
			t.Errorf("%d sessions, %v", n, err)
		}
		l.is(t, false, true)
		must(t, l.group.Retire(l.ctx, l.user))
		l.is(t, true, false)
		l.in.Secret = secret.New(word(t))
		for range 2 {
			must(t, l.group.Mint(l.ctx, l.user, l.in.Secret))
			l.is(t, false, true)
		}
		must(t, l.group.Retire(l.ctx, l.user))
		must(t, l.group.Drop(l.ctx, l.user))
		l.is(t, true, false)
		for _, user := range []string{"", "admin", l.group.Name} {
			if err := l.group.Retire(l.ctx, user); err == nil {
				t.Errorf("%q was retired", user)
			}
		}
	})
}

func (l *leak) is(t *testing.T, retired, works bool) {
	t.Helper()
	if got, err := l.group.Retired(l.ctx, l.user); got != retired || err != nil {
		t.Errorf("retired %v, %v, want %v", got, err, retired)
	}
	if got, err := l.group.Works(l.ctx, l.user, l.in.Secret); got != works || err != nil {
		t.Errorf("works %v, %v, want %v", got, err, works)
	}
}
