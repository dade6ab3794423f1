package controllers

import (
	"context"
	"path/filepath"

	"github.com/leakgate/leakgate/test/kube"
)

// ExternalSecrets is the real controller, running, with the providers fake and vault.
type ExternalSecrets struct{ kube.Controller }

// StartExternalSecrets starts it without the reconcilers of cluster-wide and pushed
// secrets.
func StartExternalSecrets(ctx context.Context, c *kube.Cluster) (*ExternalSecrets, error) {
	listen, err := addresses(2)
	if err != nil {
		return nil, err
	}
	controller, err := start(ctx, c, "external-secrets", "external-secrets", func(folder string) kube.Controller {
		return kube.Controller{
			Path: filepath.Join(folder, "external-secrets"),
			Args: []string{
				"--metrics-addr=" + listen[0], "--live-addr=" + listen[1],
				"--enable-cluster-external-secret-reconciler=false",
				"--enable-cluster-push-secret-reconciler=false",
				"--enable-push-secret-reconciler=false",
			},
		}
	}, "external-secrets")
	return &ExternalSecrets{controller}, err
}

// FakeStore is the spec of a store that holds the password itself, under the key app.
func FakeStore(password string) kube.Object {
	return kube.Object{"provider": kube.Object{"fake": kube.Object{"data": []kube.Object{{"key": "app", "value": `{"password":"` + password + `"}`}}}}}
}

// ExternalSecret takes the password from the key app of a store every second, into
// the Secret of its own name.
func ExternalSecret(store, name, policy string) kube.Object {
	return kube.Object{
		"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
		"metadata": kube.Object{"name": name},
		"spec": kube.Object{
			"refreshInterval": "1s",
			"secretStoreRef":  kube.Object{"name": store, "kind": "SecretStore"},
			"target":          kube.Object{"name": name, "creationPolicy": policy},
			"data":            []kube.Object{{"secretKey": "password", "remoteRef": kube.Object{"key": "app", "property": "password"}}},
		},
	}
}
