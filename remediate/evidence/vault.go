package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Vault asks a Vault for the keyed hash under which its audit files name a value,
// and searches them. The value goes to that Vault and nowhere else, and only for
// rules that the operator lists: those of Vault's own tokens, and of what it stores.
type Vault struct {
	HTTP   *http.Client // guarded, for Host
	Host   string
	Device string // path of the audit device that writes the files
	Token  secret.Secret
	Files  []string // patterns; .gz is unpacked
	Rules  []string // patterns of the rules whose values may be hashed there
}

// VaultRules are the rules of Vault's own tokens.
var VaultRules = []string{"vault-service-token", "vault-batch-token"}

const vaultDocs = "https://developer.hashicorp.com/vault/api-docs/system/audit-hash"

// Ask searches the audit files.
func (v Vault) Ask(ctx context.Context, q Question) []Record {
	if !matches(v.Rules, q.Rule) {
		return nil
	}
	r := Record{Source: "vault audit files, " + v.Device, About: "which requests to Vault carried the value or answered with it", Where: vaultDocs,
		Gaps: []string{"what other audit devices, nodes and deleted files hold; a value that is only a part of what was sent has another hash; requests for the hash itself, as ours, are not counted"}}
	if q.Value.IsZero() {
		return []Record{r.fails(notGiven)}
	}
	mark, err := v.hash(ctx, q.Value)
	if err != nil {
		return []Record{r.fails(err.Error())}
	}
	r = searchFiles(r, v.Files, mark)
	r.older(q.Since)
	return []Record{r}
}

func matches(patterns []string, rule string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, rule); ok && err == nil {
			return true
		}
	}
	return false
}

// hash is the word that stands for a value in the files of the device.
func (v Vault) hash(ctx context.Context, value secret.Secret) (string, error) {
	body, err := json.Marshal(map[string]string{"input": value.Reveal()}) // to the Vault that issued or stores it
	if err != nil {
		return "", errors.New("the value could not be written")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+v.Host+"/v1/sys/audit-hash/"+path.Clean(v.Device), bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the name of the host or of the audit device is none")
	}
	req.Header.Set("X-Vault-Token", v.Token.Reveal())
	req.Header.Set("X-Vault-Request", "true")
	res, err := v.HTTP.Do(req)
	if err != nil {
		return "", errors.New("Vault did not answer")
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return "", errors.New("the answer of Vault broke off")
	case res.StatusCode == http.StatusForbidden:
		return "", fmt.Errorf("Vault does not let the token hash (status 403): it needs update on sys/audit-hash/%s", v.Device)
	case res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusNotFound:
		return "", fmt.Errorf("Vault has no audit device %q (status %d)", v.Device, res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("Vault answered with status %d", res.StatusCode)
	}
	var told struct {
		Data struct{ Hash string } `json:"data"`
	}
	if json.Unmarshal(text, &told) != nil || !strings.HasPrefix(told.Data.Hash, "hmac-sha256:") {
		return "", errors.New("the answer of Vault could not be read")
	}
	return told.Data.Hash, nil
}

// entry is a line of an audit file.
// https://developer.hashicorp.com/vault/docs/audit/schema
type entry struct {
	Time  time.Time `json:"time"`
	Type  string    `json:"type"` // request or response
	Error string    `json:"error"`
	Auth  struct {
		DisplayName string `json:"display_name"`
	} `json:"auth"`
	Request struct {
		Operation string `json:"operation"`
		Path      string `json:"path"`
		Address   string `json:"remote_address"`
	} `json:"request"`
}
