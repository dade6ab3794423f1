package remediate

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/scanner"
)

// The public half of a pair comes from the same version of the same file, where it
// can belong to nothing else.
func TestThePublicHalfOfAPairStandsInItsFile(t *testing.T) {
	atlas, scale := "mongodb-atlas-secret", "planetscale-api-token"
	id, other := "mdb_sa_id_"+strings.Repeat("a1", 12), "mdb_sa_id_"+strings.Repeat("b2", 12)
	for name, c := range map[string]struct {
		rule, need, text, want string
		rivals                 int
	}{
		"of Atlas":                 {atlas, "client_id", "id: " + id + "\nsecret: VALUE\n", id, 0},
		"twice the same":           {atlas, "client_id", id + " " + id + " VALUE", id, 0},
		"two ids":                  {atlas, "client_id", id + " " + other + " VALUE", "", 0},
		"two secrets":              {atlas, "client_id", id + " VALUE and another", "", 1},
		"no id":                    {atlas, "client_id", "VALUE", "", 0},
		"a longer word":            {atlas, "client_id", id + "ff VALUE", "", 0},
		"of PlanetScale":           {scale, "token_id", "PLANETSCALE_SERVICE_TOKEN_ID=abc123def456\nPLANETSCALE_SERVICE_TOKEN=VALUE", "abc123def456", 0},
		"of PlanetScale, in JSON":  {scale, "token_id", `{"tokenId": "abc123def456", "token": "VALUE"}`, "abc123def456", 0},
		"of PlanetScale, together": {scale, "token_id", "Authorization: abc123def456:pscale" + "_tkn_VALUE", "abc123def456", 0},
		"of PlanetScale, two":      {scale, "token_id", "token_id=abc123def456 token_id=zzz123def456 VALUE", "", 0},
		"another word of twelve":   {scale, "token_id", "name=abc123def456 VALUE", "", 0},
	} {
		all := []scanner.Finding{found(c.rule, "VALUE", "a", 1)}
		for range c.rivals {
			all = append(all, found(c.rule, "another", "a", 2))
		}
		read := func(string) []byte { return []byte(c.text) }
		got := besides(scanner.Result{Findings: all}, scanner.Credential{Secret: secret.New("VALUE")}, c.rule, read)
		if got[c.need].Reveal() != c.want {
			t.Errorf("%s: %q, want %q", name, got[c.need].Reveal(), c.want)
		}
	}
}

// A wrong pair is answered like a dead one: no kind with a guessed half is called dead
// because its issuer does not know it.
func TestAGuessedHalfProvesNoDeath(t *testing.T) {
	catalogue, err := revoke.Default()
	must(t, err)
	for rule, needs := range partners {
		for _, p := range catalogue.ForRule(rule) {
			for need := range needs {
				if p.Need(need) == nil || p.Need(need).From != "leak-public" || p.Place != revoke.PlaceNone {
					t.Errorf("%s takes %s for proven", p.ID, need)
				}
			}
		}
		if len(catalogue.ForRule(rule)) == 0 {
			t.Errorf("nobody is asked about %s", rule)
		}
	}
}
