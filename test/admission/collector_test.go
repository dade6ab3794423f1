package admission

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// TestCollector: the API server takes an owner that does not exist, and the garbage
// collector then deletes the Secret. test/e2e/collector runs it.
func TestCollector(t *testing.T) {
	ctx, cluster := kube.Test(t, kube.Options{Controllers: true})
	const path = "/api/v1/namespaces/default/secrets"
	_, err := cluster.Admin().Create(ctx, path, kube.Object{"metadata": kube.Object{"name": "forged", "ownerReferences": []kube.Object{{
		"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "00000000-0000-4000-8000-000000000000", "controller": true,
	}}}})
	check(t, err)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	check(t, kube.Eventually(ctx, func(ctx context.Context) error {
		_, err := cluster.Admin().Get(ctx, path+"/forged")
		var status *kube.StatusError
		if errors.As(err, &status) && status.Code == 404 {
			return nil
		}
		return errors.Join(errors.New("the Secret is still there"), err)
	}))
}
