package remediate

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// found is a finding of a rule on a line of a file.
func found(rule, value, path string, line int) scanner.Finding {
	f := scanner.Finding{Rule: &rules.Rule{ID: rule}, Secret: secret.New(value)}
	f.At.Path, f.At.Blob, f.At.StartLine = path, "blob of "+path, line
	return f
}

const (
	keyID     = "aws-access-token"
	secretKey = "aws-secret-access-key"
)

func TestOnlyTheSecretOfAKeyIsTakenForItsOwn(t *testing.T) {
	id := func(path string, line int) scanner.Finding { return found(keyID, "the-id", path, line) }
	for name, c := range map[string]struct {
		all  []scanner.Finding
		want string
	}{
		"the only pair of a file, far apart": {[]scanner.Finding{id("a", 1), found(secretKey, "one", "a", 90)}, "one"},
		"none in the file":                   {[]scanner.Finding{id("a", 1), found(secretKey, "one", "b", 2)}, ""},
		"two pairs in order": {[]scanner.Finding{
			found(keyID, "other-id", "a", 2), found(secretKey, "other", "a", 3), id("a", 6), found(secretKey, "one", "a", 7)}, "one"},
		"two secrets as near":          {[]scanner.Finding{id("a", 5), found(secretKey, "one", "a", 4), found(secretKey, "two", "a", 6)}, ""},
		"the secret of another id":     {[]scanner.Finding{id("a", 1), found(keyID, "other-id", "a", 3), found(secretKey, "other", "a", 4)}, ""},
		"one of several, too far away": {[]scanner.Finding{id("a", 1), found(secretKey, "one", "a", 9), found(secretKey, "two", "a", 50)}, ""},
		"two files that differ": {[]scanner.Finding{
			id("a", 1), found(secretKey, "one", "a", 2), id("b", 1), found(secretKey, "two", "b", 2)}, ""},
		"two files that agree": {[]scanner.Finding{
			id("a", 1), found(secretKey, "one", "a", 2), id("b", 1), found(secretKey, "one", "b", 2)}, "one"},
	} {
		got := besides(scanner.Result{Findings: c.all}, scanner.Credential{Secret: secret.New("the-id")}, keyID, nil)
		if got["secret_key"].Reveal() != c.want {
			t.Errorf("%s: %q, want %q", name, got["secret_key"].Reveal(), c.want)
		}
	}
}

func googleFile(t *testing.T, key, email, id, universe string) string {
	t.Helper()
	fields := map[string]string{"type": "service_account", "private_key": key, "client_email": email, "private_key_id": id}
	if universe != "" {
		fields["universe_domain"] = universe
	}
	text, err := json.Marshal(fields)
	must(t, err)
	return string(text)
}

func TestAGoogleKeyIsReadFromItsOwnFileAlone(t *testing.T) {
	pem := func(body string) string {
		return "-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat(body, 40) + "\n-----END " + "PRIVATE KEY-----\n"
	}
	mine, other := pem("a"), pem("b")
	file := googleFile(t, mine, "me@p.example", "id-of-mine", "")
	foreign := googleFile(t, other, "other@p.example", "id-of-other", "")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"the file":                     {file, "me@p.example id-of-mine"},
		"in a document with another":   {`{"a": ` + foreign + `, "b": ` + file + `}`, "me@p.example id-of-mine"},
		"in YAML":                      {"data:\n  key.json: |\n    " + strings.ReplaceAll(file, ",", ",\n    "), "me@p.example id-of-mine"},
		"beside another's file":        {foreign + "\nkey: " + strings.ReplaceAll(mine, "\n", `\n`), " "},
		"a cloud of its own":           {googleFile(t, mine, "me@p.example", "id-of-mine", "example.cloud"), " "},
		"half a file":                  {file[:len(file)-2], " "},
		"nothing but the key":          {strings.ReplaceAll(mine, "\n", `\n`), " "},
		"many braces before the key":   {strings.Repeat("{", 500) + strings.ReplaceAll(mine, "\n", `\n`), " "},
		"the decoy stands in the same": {`{"private_key": "x", "client_email": "d@x", "inner": ` + file + `}`, "me@p.example id-of-mine"},
	} {
		value := strings.ReplaceAll(strings.TrimSpace(mine), "\n", `\n`)
		f := found("gcp-service-account-key", value, "key.json", 1)
		f.At.Span[0] = strings.Index(c.text, value)
		got := besides(scanner.Result{Findings: []scanner.Finding{f}}, scanner.Credential{Secret: f.Secret}, f.Rule.ID, func(string) []byte { return []byte(c.text) })
		if said := fmt.Sprint(got["email"].Reveal(), " ", got["key_id"].Reveal()); said != c.want {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
}

// What can be taken back by what was given goes before what disables itself and
// cannot enable itself, as a key that its issuer may have put in quarantine.
func TestWhoCanUndoGoesFirst(t *testing.T) {
	w := newWorld(t, t.TempDir(), func(w *world) {
		alone, admin := provider("alone", reversible), provider("admin", reversible)
		alone.Rules, admin.Rules, admin.Class = []string{"rule-key"}, []string{"rule-key"}, revoke.ClassA
		for _, p := range []*revoke.Provider{alone, admin} {
			p.Needs = []revoke.Need{{Name: "boss", From: "admin"}}
			p.Undo = &revoke.Action{Request: revoke.Request{URL: "https://x/{{boss}}"}}
		}
		w.Catalogue.Providers = []*revoke.Provider{alone, admin}
	})
	c := w.leak(t, "the-value", "key")
	for given, want := range map[string]string{"": "alone", "admin.boss": "admin", "alone.boss": "alone"} {
		w.Given = map[string]secret.Secret{given: secret.New("x")}
		if plan, _ := w.plan(t, c); plan.Steps[0].Provider != want {
			t.Errorf("given %q: %s, want %s", given, plan.Steps[0].Provider, want)
		}
	}
}

func TestACertificateIsReadFromTheFileOfItsKey(t *testing.T) {
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("der")}))
	other := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("der")}))
	for text, want := range map[string]string{certificate: certificate, "x\n" + other + certificate + other: certificate, other: "", "": ""} {
		f := found("private-key", "the-key", "bundle.pem", 1)
		got := besides(scanner.Result{Findings: []scanner.Finding{f}}, scanner.Credential{Secret: f.Secret}, f.Rule.ID, func(string) []byte { return []byte(text) })
		if got["certificate"].Reveal() != want {
			t.Errorf("%q: %q", text, got["certificate"].Reveal())
		}
	}
}

// A provider that cannot make its requests of what was given is not chosen.
func TestAProviderThatDoesNotFitIsNotChosen(t *testing.T) {
	catalogue, err := revoke.Default()
	must(t, err)
	w := newWorld(t, t.TempDir(), func(w *world) { w.Catalogue = catalogue })
	c := w.leak(t, "-----BEGIN "+"PRIVATE KEY-----\nAAAA\n-----END "+"PRIVATE KEY-----", "x")
	c.Rule = "private-key"
	for name, given := range map[string]map[string]secret.Secret{
		"none":    nil,
		"another": {"certificate": secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})))},
	} {
		c.Companions = given
		plan, _ := w.plan(t, c)
		if s := plan.Steps[0]; s.Deed != "" || s.Provider != "" || !strings.Contains(s.Note, "runbook") {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
