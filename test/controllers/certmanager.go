package controllers

import (
	"context"
	"path/filepath"

	"github.com/leakgate/leakgate/test/kube"
)

// StartCertManager starts cert-manager's real controller, with what issues certificates by Vault.
func StartCertManager(ctx context.Context, c *kube.Cluster) (kube.Controller, error) {
	listen, err := addresses(1)
	if err != nil {
		return kube.Controller{}, err
	}
	return start(ctx, c, "cert-manager", "cert-manager", func(folder string) kube.Controller {
		return kube.Controller{
			Path: filepath.Join(folder, "cert-manager"),
			Args: []string{
				"--leader-elect=false", "--metrics-listen-address=" + listen[0], "--cluster-resource-namespace=cert-manager",
				"--controllers=issuers,certificaterequests-approver,certificaterequests-issuer-vault,certificates-trigger,certificates-issuing," +
					"certificates-key-manager,certificates-request-manager,certificates-readiness,certificates-revision-manager",
			},
		}
	}, "cert-manager")
}
