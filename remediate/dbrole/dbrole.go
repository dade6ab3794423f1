// Package dbrole speaks SQL to the servers that database passwords are for: it
// signs in with a value, and does to a role what an administrator of the server may.
// Servers come from the operator's list only, and no statement ever holds a
// password: what a server logs is a verifier that was computed here.
//
// It decides nothing and keeps no journal.
package dbrole

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/leakgate/leakgate/internal/secret"
)

// The kinds of servers. MariaDB is a MySQL that answers with some codes of its own.
const (
	PostgreSQL = "postgresql"
	MySQL      = "mysql"
)

// Dial connects to host:port.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Server is a server of the operator's list. The zero Server is none.
type Server struct {
	Kind string
	Host string // name and port
	user string
	pass secret.Secret
	base *url.URL // without user and password
	dial Dial
}

// ports are those of servers that name none.
var ports = map[string]string{PostgreSQL: "5432", MySQL: "3306"}

// Parse reads the URL of a server with its administrator, as in
// postgres://admin:…@db.example.com/postgres?sslmode=verify-full or
// mysql://root:…@db.example.com/?tls=true. Without sslmode or tls the
// certificate of the server is verified. Errors hold nothing of the URL, which
// has a password. dial may be nil.
func Parse(admin secret.Secret, dial Dial) (Server, error) {
	u, err := url.Parse(strings.TrimSpace(admin.Reveal())) // to connect with it
	if err != nil || u.User == nil || u.Hostname() == "" {
		return Server{}, errors.New("a server is written as postgres://ADMIN:PASSWORD@HOST:PORT/DATABASE or mysql://…")
	}
	s := Server{Kind: map[string]string{"postgres": PostgreSQL, "postgresql": PostgreSQL, "mysql": MySQL, "mariadb": MySQL}[u.Scheme], user: u.User.Username(), dial: dial}
	if s.Kind == "" {
		return Server{}, fmt.Errorf("a server is postgres:// or mysql://, not %q", u.Scheme)
	}
	password, _ := u.User.Password()
	s.pass, u.User = secret.New(password), nil
	port := u.Port()
	if port == "" {
		port = ports[s.Kind]
	}
	u.Host = net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	s.Host, s.base = u.Host, u
	return s, nil
}

// Choose picks from a list of URLs, one a line, the server of a kind that a host
// names. A host with a port must be that one; a host without one must be on the
// list once. What is not on the list is an error, and nothing was asked.
func Choose(list secret.Secret, kind, host string, dial Dial) (Server, error) {
	var found []Server
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	n := 0
	for line := range strings.Lines(list.Reveal()) { // each line is parsed and not shown
		n++
		if strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		s, err := Parse(secret.New(line), dial)
		if err != nil {
			return Server{}, fmt.Errorf("line %d of the list of servers: %w", n, err)
		}
		if s.Kind == kind && strings.EqualFold(s.base.Hostname(), name) && (port == "" || s.base.Port() == port) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return Server{}, fmt.Errorf("%d servers of the operator's list are the host %q", len(found), host)
	}
	return found[0], nil
}

// Is reports whether a user is the administrator of the list.
func (s Server) Is(user string) bool { return user == s.user }

// Session is a connection. It must be closed.
type Session struct {
	kind string
	conn *sql.Conn
	db   *sql.DB
}

// Administer signs in as the administrator.
func (s Server) Administer(ctx context.Context) (*Session, error) {
	return s.open(ctx, s.user, s.pass, "")
}

// SignIn signs in as somebody, to a database or to that of the list for "".
func (s Server) SignIn(ctx context.Context, user string, password secret.Secret, database string) (*Session, error) {
	return s.open(ctx, user, password, database)
}

func (s Server) open(ctx context.Context, user string, password secret.Secret, database string) (*Session, error) {
	if s.base == nil || user == "" || password.IsZero() { // drivers look elsewhere for what is missing, as in ~/.pgpass
		return nil, errors.New("a server, a user and a password are needed")
	}
	connector, err := map[string]func(string, secret.Secret, string) (driver.Connector, error){PostgreSQL: s.postgres, MySQL: s.mysql}[s.Kind](user, password, database)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, plain(err)
	}
	return &Session{kind: s.Kind, conn: conn, db: db}, nil
}

// Close ends the session.
func (s *Session) Close() {
	s.conn.Close()
	s.db.Close()
}

func (s Server) postgres(user string, password secret.Secret, database string) (driver.Connector, error) {
	u := *s.base
	query := u.Query()
	if query.Get("sslmode") == "" {
		query.Set("sslmode", "verify-full")
	}
	u.RawQuery = query.Encode()
	u.User = url.UserPassword(user, password.Reveal()) // for the driver; pgx keeps it out of its errors
	if database != "" {
		u.Path = "/" + database
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, errors.New("the URL of the server has options that do not parse")
	}
	config.RuntimeParams["application_name"] = "leakgate"
	config.RuntimeParams["standard_conforming_strings"] = "on" // quoting depends on it
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	if s.dial != nil {
		config.DialFunc = pgconn.DialFunc(s.dial)
		config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the dialer resolves, and judges what it finds
	}
	return stdlib.GetConnector(*config), nil
}

func (s Server) mysql(user string, password secret.Secret, database string) (driver.Connector, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = user, password.Reveal(), "tcp", s.Host // for the driver
	config.DBName = strings.TrimPrefix(s.base.Path, "/")
	if database != "" {
		config.DBName = database
	}
	if config.TLSConfig = s.base.Query().Get("tls"); config.TLSConfig == "" {
		config.TLSConfig = "true"
	}
	config.Params = map[string]string{"sql_mode": "'NO_BACKSLASH_ESCAPES'"} // quoting depends on it
	config.Logger = &mysql.NopLogger{}
	if s.dial != nil {
		config.DialFunc = s.dial
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errors.New("the URL of the server has options that do not parse")
	}
	return connector, nil
}

// Code is what the server answered: a SQLSTATE of PostgreSQL or a number of
// MySQL, "0" for no error, and "" when the error is not the server's.
func Code(err error) string {
	if err == nil {
		return "0"
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return strconv.Itoa(int(e.Number))
	}
	return ""
}

// Text is the message of the server, "" when the error is not the server's.
func Text(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Message
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Message
	}
	return ""
}

// plain keeps what an answer of the server says and takes the rest of a
// connection's error away, which names the place.
func plain(err error) error {
	if Code(err) != "" || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("no connection: %w", op.Err)
	}
	return fmt.Errorf("no connection: %w", err)
}
