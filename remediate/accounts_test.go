package remediate

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

func TestWhoSignsInComesFromTheURLAroundThePassword(t *testing.T) {
	value := strings.Repeat("k", 4) + "7Qz-w"
	for _, c := range []struct {
		name  string
		blobs []string
		want  map[string]string
	}{
		{"PostgreSQL", []string{"URL=postgres://app:" + value + "@db.acme.test:5433/shop?sslmode=require\n"}, map[string]string{"role": "app", "host": "db.acme.test:5433", "database": "shop"}},
		{"MySQL", []string{"POSTGRES: MySQL+pymysql://my%40app:" + value + "@db.acme.test"}, map[string]string{"user": "my@app", "host": "db.acme.test"}},
		{"the same twice", []string{"postgres://app:" + value + "@db", "x postgresql://app:" + value + "@db "}, map[string]string{"role": "app", "host": "db"}},
		{"two roles", []string{"postgres://app:" + value + "@db", "postgres://other:" + value + "@db"}, nil},
		{"two hosts", []string{"postgres://app:" + value + "@db", "postgres://app:" + value + "@db2"}, nil},
		{"another kind of server", []string{"redis://app:" + value + "@cache"}, nil},
		{"no user", []string{"postgres://:" + value + "@db"}, nil},
		{"no URL", []string{"password = " + value}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := &rules.Rule{ID: "database-url-password"}
			var r scanner.Result
			for _, text := range c.blobs {
				at := strings.Index(text, value)
				r.Findings = append(r.Findings, scanner.Finding{Rule: rule, Secret: secret.New(value), At: scanner.Place{Blob: text, Span: [2]int{at, at + len(value)}}})
			}
			got := accountsOf(t, value, r)
			if len(got) != len(c.want) {
				t.Fatalf("%v, want %v", got, c.want)
			}
			for name, want := range c.want {
				if got[name].Reveal() != want {
					t.Errorf("%s is %q, want %q", name, got[name].Reveal(), want)
				}
			}
		})
	}
}

func accountsOf(t *testing.T, value string, r scanner.Result) map[string]secret.Secret {
	t.Helper()
	cases := []Case{{Rule: "database-url-password", Value: secret.New(value)}}
	AddAccounts(cases, r, func(blob string) []byte { return []byte(blob) })
	return cases[0].Companions
}

// The place of what was decoded, or of a member of an archive, is not that of the value.
func TestAPlaceThatDoesNotHoldTheValueNamesNobody(t *testing.T) {
	value, text := "abcd1234efgh", "postgres://app:"+"abcd1234efgX@db"
	r := scanner.Result{Findings: []scanner.Finding{{Rule: &rules.Rule{ID: "database-url-password"}, Secret: secret.New(value), At: scanner.Place{Blob: text, Span: [2]int{15, 27}}}}}
	if got := accountsOf(t, value, r); got != nil {
		t.Error(got)
	}
	for _, span := range [][2]int{{-1, 3}, {9, 3}, {0, 999}} {
		r.Findings[0].At.Span = span
		if got := accountsOf(t, value, r); got != nil {
			t.Error(got)
		}
	}
}

func TestAnEscapedPasswordNamesNobody(t *testing.T) {
	value := "abc%40d1234"
	text := "postgres://app:" + value + "@db"
	r := scanner.Result{Findings: []scanner.Finding{{Rule: &rules.Rule{ID: "database-url-password"}, Secret: secret.New(value), At: scanner.Place{Blob: text, Span: [2]int{15, 15 + len(value)}}}}}
	if got := accountsOf(t, value, r); got != nil {
		t.Error(got)
	}
}
