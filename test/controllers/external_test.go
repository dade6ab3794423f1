package controllers

import (
	"context"
	"errors"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

const external = "/apis/external-secrets.io/v1/namespaces/external"

func (w *world) externalSecrets(t *testing.T) {
	w.namespace(t, "external")
	_, err := StartExternalSecrets(w, w.Cluster)
	check(t, err)
	t.Run("fake", w.fromFake)
	t.Run("vault", w.fromVault)
}

func (w *world) fromFake(t *testing.T) {
	first, second := Value(), Value()
	_, err := w.Admin().Create(w, external+"/secretstores", kube.Object{
		"apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
		"metadata": kube.Object{"name": "store"},
		"spec":     FakeStore(first),
	})
	check(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/external/secrets", kube.Object{"metadata": kube.Object{"name": "merged"}})
	check(t, err)
	for name, policy := range map[string]string{"owned": "Owner", "orphan": "Orphan", "merged": "Merge"} {
		_, err = w.Admin().Create(w, external+"/externalsecrets", ExternalSecret("store", name, policy))
		check(t, err)
	}
	for _, name := range []string{"owned", "orphan", "merged"} {
		w.holds(t, "external", name, "password", first)
	}
	golden(t, "external-secrets/owner-create", w.review(t, "owned", is("CREATE", false)))
	golden(t, "external-secrets/orphan-create", w.review(t, "orphan", is("CREATE", false)))
	golden(t, "external-secrets/merge-label", w.review(t, "merged", func(r *kube.Review) bool {
		return r.Operation == "UPDATE" && decoded(r.Object)["password"] == ""
	}))
	golden(t, "external-secrets/merge-update", w.review(t, "merged", func(r *kube.Review) bool {
		return r.Operation == "UPDATE" && decoded(r.Object)["password"] == first
	}))

	_, err = w.Admin().Merge(w, external+"/secretstores/store", kube.Object{"spec": FakeStore(second)})
	check(t, err)
	w.holds(t, "external", "owned", "password", second)
	golden(t, "external-secrets/owner-rotate", w.review(t, "owned", func(r *kube.Review) bool {
		return decoded(r.Object)["password"] == second
	}))
	w.eventually(t, func(ctx context.Context) error {
		object, err := w.Admin().Get(ctx, external+"/externalsecrets/owned")
		return errors.Join(err, Ready(object, "Ready"))
	})
}

// fromVault: a rotation in Vault reaches the Secret.
func (w *world) fromVault(t *testing.T) {
	v, err := StartVault(w, w.Cluster)
	check(t, err)
	first, second := Value(), Value()
	check(t, v.Put(w, "app", map[string]string{"password": first}))
	role, id, err := v.AppRole(w, "reader")
	check(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/external/secrets", kube.Object{
		"metadata": kube.Object{"name": "approle"}, "stringData": kube.Object{"id": id},
	})
	check(t, err)
	_, err = w.Admin().Create(w, external+"/secretstores", kube.Object{
		"apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
		"metadata": kube.Object{"name": "vault"},
		"spec":     v.Store(role),
	})
	check(t, err)
	_, err = w.Admin().Create(w, external+"/externalsecrets", ExternalSecret("vault", "from-vault", "Owner"))
	check(t, err)
	w.holds(t, "external", "from-vault", "password", first)
	check(t, v.Put(w, "app", map[string]string{"password": second}))
	w.holds(t, "external", "from-vault", "password", second)
	golden(t, "external-secrets/vault-rotate", w.review(t, "from-vault", func(r *kube.Review) bool {
		return decoded(r.Object)["password"] == second
	}))
}
