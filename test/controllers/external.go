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
