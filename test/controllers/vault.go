package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// Vault is Vault's real core, in memory, with KV version 2 at secret/ and AppRole.
type Vault struct {
	URL   string
	Token string // of root
}

// StartVault returns when Vault answers. It ends with the cluster.
func StartVault(ctx context.Context, c *kube.Cluster) (*Vault, error) {
	folders, err := kube.Components(ctx, "vault")
	if err != nil {
		return nil, err
	}
	listen, err := addresses(1)
	if err != nil {
		return nil, err
	}
	token := filepath.Join(c.Dir, "vault-token")
	cmd := exec.Command(filepath.Join(folders["vault"], "vault"), "-listen", listen[0], "-token-file", token)
	cmd.Dir = c.Dir
	if err := c.Run("vault", cmd); err != nil {
		return nil, err
	}
	v := &Vault{URL: "http://" + listen[0]}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	err = kube.Eventually(ctx, func(context.Context) error {
		text, err := os.ReadFile(token)
		v.Token = string(text)
		return errors.Join(err, c.Ended())
	})
	if err != nil {
		return nil, err
	}
	_, err = v.Write(ctx, "sys/mounts/secret", kube.Object{"type": "kv", "options": kube.Object{"version": "2"}})
	return v, err
}

// Put stores a secret's values in KV.
func (v *Vault) Put(ctx context.Context, name string, values map[string]string) error {
	_, err := v.Write(ctx, "secret/data/"+name, kube.Object{"data": values})
	return err
}

// AppRole gives the ids of a new role that may read all of KV.
func (v *Vault) AppRole(ctx context.Context, name string) (role, secret string, err error) {
	policy := kube.Object{"policy": `path "secret/data/*" { capabilities = ["read"] }`}
	steps := []struct {
		path string
		body kube.Object
	}{
		{"sys/auth/approle", kube.Object{"type": "approle"}},
		{"sys/policies/acl/" + name, policy},
		{"auth/approle/role/" + name, kube.Object{"token_policies": name, "token_ttl": "1h"}},
		{"auth/approle/role/" + name + "/role-id", kube.Object{"role_id": name}},
	}
	for _, step := range steps {
		if _, err := v.Write(ctx, step.path, step.body); err != nil {
			return "", "", err
		}
	}
	answer, err := v.Write(ctx, "auth/approle/role/"+name+"/secret-id", kube.Object{})
	if err != nil {
		return "", "", err
	}
	data, _ := answer["data"].(kube.Object)
	secret, _ = data["secret_id"].(string)
	return name, secret, nil
}

// Store is the spec of a store of external-secrets that logs in by the role; its
// secret id is under id in the Secret approle.
func (v *Vault) Store(role string) kube.Object {
	secret := kube.Object{"name": "approle", "key": "id"}
	return kube.Object{"provider": kube.Object{"vault": kube.Object{
		"server": v.URL, "path": "secret", "version": "v2",
		"auth": kube.Object{"appRole": kube.Object{"path": "approle", "roleId": role, "secretRef": secret}},
	}}}
}

// Write posts to Vault's API, below v1.
func (v *Vault) Write(ctx context.Context, path string, body any) (kube.Object, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", v.URL+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", v.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("vault %s: %s: %s", path, resp.Status, answer)
	}
	if len(answer) == 0 {
		return nil, nil
	}
	var object kube.Object
	return object, json.Unmarshal(answer, &object)
}
