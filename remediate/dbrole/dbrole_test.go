package dbrole

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

func TestChooseTakesOnlyWhatTheOperatorListed(t *testing.T) {
	url := func(scheme, at string) string { return scheme + "://admin:" + strings.Repeat("p", 9) + "@" + at }
	list := secret.New(strings.Join([]string{
		"# ours", url("postgres", "db.acme.test/postgres"), "", url("mysql", "db.acme.test:3307/"), url("postgres", "twice.acme.test:1/a"), url("postgresql", "TWICE.acme.test:2/a"),
	}, "\n"))
	for _, c := range []struct{ kind, host, want string }{
		{PostgreSQL, "db.acme.test", "db.acme.test:5432"},
		{PostgreSQL, "DB.acme.test:5432", "db.acme.test:5432"},
		{PostgreSQL, "db.acme.test:5433", ""},
		{MySQL, "db.acme.test", "db.acme.test:3307"},
		{MySQL, "db.acme.test:3306", ""},
		{PostgreSQL, "twice.acme.test", ""},
		{PostgreSQL, "twice.acme.test:2", "twice.acme.test:2"},
		{PostgreSQL, "acme.test", ""},
		{PostgreSQL, "db.acme.test.evil.test", ""},
		{PostgreSQL, "", ""},
	} {
		s, err := Choose(list, c.kind, c.host, nil)
		if s.Host != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %q: %q, %v, want %q", c.kind, c.host, s.Host, err, c.want)
		}
	}
}

func TestErrorsOfAListHoldNothingOfIt(t *testing.T) {
	value := strings.Repeat("q", 12)
	for _, line := range []string{"oracle://admin:" + value + "@h", "postgres://" + value, value, "postgres://a:" + value + "@h:port/", "postgres://a:%zz" + value + "@h", "mysql://:" + value + "@"} {
		_, err := Choose(secret.New(line), PostgreSQL, "h", nil)
		if err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%v", err)
		}
	}
}

func TestNoValueEndsItsQuotes(t *testing.T) {
	for _, c := range []struct{ kind, value, want string }{
		{PostgreSQL, `x'; DROP ROLE admin; --`, `ALTER ROLE "x'; DROP ROLE admin; --" FOR 'x''; DROP ROLE admin; --'`},
		{PostgreSQL, `x" SUPERUSER`, `ALTER ROLE "x"" SUPERUSER" FOR 'x" SUPERUSER'`},
		{MySQL, "x`\\'", "ALTER ROLE `x``\\'` FOR 'x`\\'''"},
		{PostgreSQL, "{{b}}", `ALTER ROLE "{{b}}" FOR '{{b}}'`},
	} {
		s := &Session{kind: c.kind}
		got, err := s.fill("ALTER ROLE {{a|name}} FOR {{a}}", map[string]string{"a": c.value, "b": "other"})
		if err != nil || got != c.want {
			t.Errorf("%q: %s, %v", c.value, got, err)
		}
	}
	for _, value := range []string{"", "a\x00b"} {
		if got, err := (&Session{kind: MySQL}).fill("{{a}}", map[string]string{"a": value}); err == nil {
			t.Errorf("%q became %s", value, got)
		}
	}
}

// The example of RFC 7677, whose server signature follows from the verifier.
func TestAVerifierIsThatOfSCRAM(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	got, err := scram("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	message := "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	parts := strings.Split(got.Reveal(), ":")
	key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil {
		t.Fatal(err)
	}
	if signature := base64.StdEncoding.EncodeToString(mac(key, message)); signature != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server would sign %s", signature)
	}
	if !strings.HasPrefix(got.Reveal(), "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$") {
		t.Error("the form is not PostgreSQL's")
	}
}

// MySQL's documentation shows this hash of this word.
func TestAHashIsThatOfMySQL(t *testing.T) {
	got, err := NativeHash(secret.New("my" + "pass"))
	if err != nil || got.Reveal() != "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4" {
		t.Errorf("%s, %v", got.Reveal(), err)
	}
}

func TestPasswordsThatServersReadDifferentlyAreRefused(t *testing.T) {
	for _, text := range []string{"", "with space", "ümlaut", "new\nline", "nul\x00"} {
		if _, err := Verifier(secret.New(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
