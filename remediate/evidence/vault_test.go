package evidence_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/evidence"
)

var (
	vaultToken = secret.New("hvs." + strings.Repeat("v", 24))
	mark       = "hmac-sha256:" + strings.Repeat("ab", 32)
)

// line is one of an audit file, as https://developer.hashicorp.com/vault/docs/audit/schema
// has it, read 2026-11-26.
func line(kind string, at time.Time, token, fault string) string {
	return fmt.Sprintf(`{"time":%q,"type":%q,"auth":{"client_token":%q,"display_name":"approle","policies":["default"]},"request":{"operation":"read","path":"secret/data/db","client_token":%q,"remote_address":"198.51.100.4"},"error":%q}`+"\n",
		at.Format(time.RFC3339Nano), kind, token, token, fault)
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// search asks about the token with these audit files; an answer of 0 hashes it.
func search(t *testing.T, files map[string]string, status int) evidence.Record {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handle := func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input string }
		err := json.NewDecoder(r.Body).Decode(&body)
		if err != nil || r.URL.Path != "/v1/sys/audit-hash/file" || r.Method != http.MethodPost || body.Input != vaultToken.Reveal() || r.Header.Get("X-Vault-Token") != "admin" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		fmt.Fprintf(w, `{"hash":%q,"data":{"hash":%q}}`, mark, mark)
	}
	v := evidence.Vault{HTTP: serve(t, handle, "vault.example"), Host: "vault.example", Device: "file", Token: secret.New("admin"), Files: []string{filepath.Join(dir, "audit*")}, Rules: evidence.VaultRules}
	all := v.Ask(t.Context(), evidence.Question{Rule: "vault-service-token", Value: vaultToken, Since: since})
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	return all[0]
}

func TestVaultsFilesAreMatchedByHash(t *testing.T) {
	other := "hmac-sha256:" + strings.Repeat("cd", 32)
	r := search(t, map[string]string{
		"audit.log": line("request", since.Add(time.Hour), mark, "") + line("response", since.Add(time.Hour), mark, "") + line("response", since.Add(2*time.Hour), other, "") +
			strings.Replace(line("response", since.Add(2*time.Hour), mark, ""), "secret/data/db", "sys/audit-hash/file", 1),
		"audit.log.gz": pack(t, line("response", since.Add(time.Minute), mark, "permission denied")),
	}, 0)
	if r.Answer != evidence.Seen || r.Count != 2 || r.Totals["answers"] != 4 || r.Totals["failed"] != 1 {
		t.Errorf("%+v", r)
	}
	if u := r.Uses[0]; u.Who != "approle" || u.What != "read secret/data/db" || u.From != "198.51.100.4" {
		t.Errorf("%+v", u)
	}
	if u := r.Uses[1]; u.What != "read secret/data/db (refused)" {
		t.Errorf("%+v", u)
	}
	if !r.From.Equal(since.Add(time.Minute)) || !r.To.Equal(since.Add(2*time.Hour)) || !strings.Contains(strings.Join(r.Gaps, ";"), "is older than what was read") {
		t.Errorf("the window is %s to %s, the gaps %q", r.From, r.To, r.Gaps)
	}
	if r := search(t, map[string]string{"audit.log": line("response", since, other, "")}, 0); r.Answer != evidence.Nothing {
		t.Errorf("%+v", r)
	}
}

func TestFilesThatCannotBeReadAreNeverNothing(t *testing.T) {
	good := line("response", since, "x", "")
	says(t, search(t, map[string]string{"audit.log": good + "no entry\n"}, 0), "1 lines are no entries")
	says(t, search(t, map[string]string{"audit.log.gz": good}, 0), "not packed by gzip")
	says(t, search(t, map[string]string{"audit.log.gz": pack(t, good)[:40]}, 0), "not read to its end")
	says(t, search(t, map[string]string{"audit.log": ""}, 0), "hold no answer")
	says(t, search(t, map[string]string{"other.log": good}, 0), "no audit file is named")
	says(t, search(t, map[string]string{"audit.log": good}, 403), "needs update on sys/audit-hash/file")
	says(t, search(t, map[string]string{"audit.log": good}, 400), `no audit device "file"`)
	says(t, search(t, map[string]string{"audit.log": good}, 503), "status 503")
	if r := search(t, map[string]string{"audit.log": line("response", since, mark, "") + "{\n"}, 0); r.Answer != evidence.Seen || !strings.Contains(strings.Join(r.Gaps, ";"), "not read to its end") {
		t.Errorf("what was seen is gone, or the gap: %+v", r)
	}
}

// A value goes to a Vault only when the operator says that its rule is of Vault's.
func TestNoValueOfOthersGoesToVault(t *testing.T) {
	v := evidence.Vault{Rules: evidence.VaultRules, HTTP: serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }, "vault.example"), Host: "vault.example"}
	if all := v.Ask(t.Context(), evidence.Question{Rule: "github-pat", Value: leaked}); all != nil {
		t.Errorf("%+v", all)
	}
}
