package revoke

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/evidence"
)

// A real Vault's audit file is searched by the hash that it makes itself.
func TestEvidenceInVaultsAuditFile(t *testing.T) {
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("needs real components: test/e2e/run")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	v := startVault(ctx, t)
	file := filepath.Join(t.TempDir(), "audit.log")
	v.tell(ctx, t, http.MethodPut, "sys/audit/trail", v.root, map[string]any{"type": "file", "options": map[string]string{"file_path": file}}, http.StatusNoContent)
	leaked, bystander := v.token(t, true), v.token(t, true)
	v.tell(ctx, t, http.MethodGet, "auth/token/lookup-self", leaked, nil, http.StatusOK)
	v.tell(ctx, t, http.MethodGet, "sys/mounts", leaked, nil, http.StatusForbidden)
	v.tell(ctx, t, http.MethodGet, "auth/token/lookup-self", bystander, nil, http.StatusOK)

	ask := func(admin secret.Secret, device string, value secret.Secret) evidence.Record {
		source := evidence.Vault{HTTP: v.client.Guarded(v.host), Host: v.host, Token: admin, Device: device, Files: []string{file}, Rules: evidence.VaultRules}
		all := source.Ask(ctx, evidence.Question{Rule: "vault-service-token", Value: value})
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	r := ask(v.root, "trail", leaked)
	// Its creation, the two requests, and nothing of the bystander.
	if r.Answer != evidence.Seen || r.Count != 3 || r.Totals["failed"] < 1 || r.Totals["answers"] < 5 {
		t.Fatalf("%+v", r)
	}
	var what []string
	for _, u := range r.Uses {
		what = append(what, u.What)
	}
	if got := strings.Join(what, "; "); got != "update auth/token/create; read auth/token/lookup-self; read sys/mounts (refused)" {
		t.Errorf("what was seen: %s", got)
	}
	if r := ask(v.root, "trail", secret.New("hvs."+strings.Repeat("0", 24))); r.Answer != evidence.Nothing {
		t.Errorf("a token that nobody used: %+v", r)
	}
	if r := ask(v.root, "nothing", leaked); r.Answer != evidence.CannotTell || !strings.Contains(r.Why, "no audit device") {
		t.Errorf("a device that is not there: %+v", r)
	}
	if r := ask(bystander, "trail", leaked); r.Answer != evidence.CannotTell || !strings.Contains(r.Why, "needs update on sys/audit-hash/trail") {
		t.Errorf("a token without the right: %+v", r)
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte(leaked.Reveal())) {
		t.Errorf("the audit file shows the token, or cannot be read: %v", err)
	}
}

// tell makes a request to the Vault and expects a status.
func (v *vault) tell(ctx context.Context, t *testing.T, method, path string, token secret.Secret, body any, want int) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, v.door.URL+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", token.Reveal())
	res, err := v.door.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, want, said)
	}
}
