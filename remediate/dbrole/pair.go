package dbrole

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Group is a role that never logs in and has the rights of an application. Its
// users take turns: while one is used the other is made ready, and both can do
// the same because both are in the group.
type Group struct {
	Server Server
	Name   string
}

// prepare makes a user if it is not there, puts it into the group, and gives it a
// password that the statement does not hold. Doing it again changes nothing.
// What the users create belongs to the group (PostgreSQL).
var prepare = map[string][]string{
	PostgreSQL: {
		"SELECT format('CREATE ROLE %I', {{user}}) AS run WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {{user}})",
		"GRANT {{group|name}} TO {{user|name}}",
		"ALTER ROLE {{user|name}} SET role TO {{group}}",
		"ALTER ROLE {{user|name}} LOGIN PASSWORD {{verifier}}",
	},
	MySQL:   account("caching_sha2_password"),
	mariaDB: account("mysql_native_password"),
}

// account makes a user of MySQL or MariaDB, whose password is kept by a plugin.
func account(plugin string) []string {
	return []string{
		"CREATE USER IF NOT EXISTS {{user}}@'%' ACCOUNT LOCK",
		"GRANT {{group}} TO {{user}}@'%'",
		// QUOTE would escape backslashes, which mean nothing in this session.
		"SELECT CONCAT('SET DEFAULT ROLE ''', REPLACE({{group}}, '''', ''''''), IF(VERSION() LIKE '%MariaDB%', ''' FOR ''', ''' TO '''), REPLACE({{user}}, '''', ''''''), '''@''%''') AS run",
		"ALTER USER {{user}}@'%' IDENTIFIED WITH " + plugin + " AS {{verifier}}",
		"ALTER USER {{user}}@'%' ACCOUNT UNLOCK",
	}
}

// retire takes the password away and ends the sessions.
var retire = map[string][]string{
	PostgreSQL: {
		"ALTER ROLE {{user|name}} NOLOGIN PASSWORD NULL",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {{user}} AND pid <> pg_backend_pid()",
	},
	MySQL: {
		Sees, // who would not see its sessions locks nobody
		"ALTER USER {{user}}@'%' ACCOUNT LOCK",
		"SELECT CONCAT('KILL ', id) AS run FROM information_schema.processlist WHERE user = {{user}} AND (SELECT count(*) FROM mysql.user WHERE user = {{user}}) = 1",
	},
}

var drop = map[string][]string{
	PostgreSQL: {"DROP ROLE {{user|name}}"},
	MySQL:      {"DROP USER {{user}}@'%'"},
}

var sessions = map[string]string{
	PostgreSQL: "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = {{user}}",
	MySQL:      "SELECT count(*) AS n FROM information_schema.processlist WHERE user = {{user}}",
}

// verifiers are what a kind of server keeps of a password.
var verifiers = map[string]func(secret.Secret) (secret.Secret, error){PostgreSQL: Verifier, MySQL: CachingHash, mariaDB: NativeHash}

// Mint makes a user of the group ready with a password.
func (g Group) Mint(ctx context.Context, user string, password secret.Secret) error {
	if err := g.mine(user); err != nil {
		return err
	}
	session, err := g.Server.Administer(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	kind, err := session.dialect(ctx)
	if err != nil {
		return err
	}
	verifier, err := verifiers[kind](password)
	if err != nil {
		return err
	}
	// The verifier goes to the server, whose log it may reach: it is no password.
	return session.Run(ctx, prepare[kind], map[string]string{"user": user, "group": g.Name, "verifier": verifier.Reveal()})
}

// Works reports whether a user signs in with a password. An error means that
// nobody can tell: only a documented refusal of the password is a no.
func (g Group) Works(ctx context.Context, user string, password secret.Secret) (bool, error) {
	session, err := g.Server.SignIn(ctx, user, password, "")
	switch Code(err) {
	case "0":
		session.Close()
		return true, nil
	case "28P01", "1045", "3118", "4151",
		// MariaDB answers for a user that is gone as it does for some other account,
		// and for one that signs in without a password so:
		// https://mariadb.com/docs/server/reference/error-codes
		"1698":
		return false, nil
	}
	return false, err
}

// Retire makes a user's password useless and ends its sessions. The user stays,
// for its next turn.
func (g Group) Retire(ctx context.Context, user string) error {
	if err := g.mine(user); err != nil {
		return err
	}
	if err := g.run(ctx, retire, map[string]string{"user": user}); err != nil {
		return err
	}
	return g.await(ctx, user)
}

// How long sessions that were ended may take to go: servers end them a little later.
const (
	lingers = 10 * time.Second
	pause   = 100 * time.Millisecond
)

// await returns when no session is left, or when they had their time: whether some
// are left is what [Group.Retired] says.
func (g Group) await(ctx context.Context, user string) error {
	for range lingers / pause {
		if n, err := g.Sessions(ctx, user); err != nil || n == 0 {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Drop removes a user. A user that owns something is refused by the server.
func (g Group) Drop(ctx context.Context, user string) error {
	if err := g.mine(user); err != nil {
		return err
	}
	return g.run(ctx, drop, map[string]string{"user": user})
}

// open counts accounts that may sign in. MariaDB keeps what is locked elsewhere
// than MySQL.
var open = map[string]string{
	PostgreSQL: "SELECT count(*) AS n FROM pg_roles WHERE rolname = {{user}} AND rolcanlogin",
	MySQL:      "SELECT count(*) AS n FROM mysql.user WHERE user = {{user}} AND account_locked = 'N'",
	mariaDB:    "SELECT count(*) AS n FROM mysql.global_priv WHERE user = {{user}} AND COALESCE(JSON_VALUE(priv, '$.account_locked'), '0') NOT IN ('1', 'true')",
}

const mariaDB = "mariadb"

// dialect is the kind of a server, of which MariaDB is one of its own where it
// differs from MySQL.
func (s *Session) dialect(ctx context.Context) (string, error) {
	if s.kind != MySQL {
		return s.kind, nil
	}
	row, err := s.Row(ctx, "SELECT VERSION() AS v", nil)
	if err == nil && strings.Contains(row["v"], "MariaDB") {
		return mariaDB, nil
	}
	return MySQL, err
}

// Retired reports whether a user cannot sign in and has no session.
func (g Group) Retired(ctx context.Context, user string) (bool, error) {
	session, err := g.Server.Administer(ctx)
	if err != nil {
		return false, err
	}
	defer session.Close()
	kind, err := session.dialect(ctx)
	if err != nil {
		return false, err
	}
	row, err := session.Row(ctx, open[kind], map[string]string{"user": user})
	if err != nil || row["n"] != "0" {
		return false, err
	}
	n, err := count(ctx, session, user)
	return n == 0, err
}

// Sessions is how many sessions a user has open. Without the right to see those of
// others (MySQL) it is an error.
func (g Group) Sessions(ctx context.Context, user string) (int, error) {
	session, err := g.Server.Administer(ctx)
	if err != nil {
		return 0, err
	}
	defer session.Close()
	return count(ctx, session, user)
}

func count(ctx context.Context, session *Session, user string) (int, error) {
	row, err := session.Row(ctx, sessions[session.kind], map[string]string{"user": user})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(row["n"])
}

// mine refuses users that a rotation must not touch.
func (g Group) mine(user string) error {
	if user == "" || user == g.Name || g.Server.Is(user) {
		return fmt.Errorf("%q is the administrator or the group, not a user of it", user)
	}
	return nil
}

func (g Group) run(ctx context.Context, statements map[string][]string, values map[string]string) error {
	session, err := g.Server.Administer(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	return session.Run(ctx, statements[g.Server.Kind], values)
}
