package live

import (
	"context"
	"errors"
	"net/http"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

const (
	sealedSecrets = "/apis/bitnami.com/v1alpha1/namespaces/"
	externals     = "/apis/external-secrets.io/v1/namespaces/external"
)

func (w *World) add(ctx context.Context, s Source) error {
	w.Sources = append(w.Sources, s)
	return w.Rotated(ctx, s)
}

// seal makes a SealedSecret of one value, or gives the one of that name another.
func (w *World) seal(ctx context.Context, place, key, value string) error {
	namespace, name := split(place)
	plain := secret(name, key)
	plain["metadata"].(kube.Object)["namespace"] = namespace
	plain["stringData"] = kube.Object{key: value}
	sealed, err := w.sealed.Seal(ctx, plain)
	if err != nil {
		return err
	}
	return w.put(ctx, sealedSecrets+namespace+"/sealedsecrets", sealed)
}

// put creates an object, or gives the one of that name another spec.
func (w *World) put(ctx context.Context, collection string, object kube.Object) error {
	_, err := w.Admin().Create(ctx, collection, object)
	var status *kube.StatusError
	if errors.As(err, &status) && status.Code == http.StatusConflict {
		name, _ := object["metadata"].(kube.Object)["name"].(string)
		_, err = w.Admin().Merge(ctx, collection+"/"+name, kube.Object{"spec": object["spec"]})
	}
	return err
}

func (w *World) fillSealed(ctx context.Context) error {
	for _, name := range []string{"one", "two"} {
		place := "sealed/" + name
		err := w.add(ctx, Source{"sealed-secrets " + name, []string{place}, false, func(ctx context.Context, value string) error {
			return w.seal(ctx, place, "password", value)
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillFake: Merge needs a Secret that is there, and one without values is admitted
// from anyone.
func (w *World) fillFake(ctx context.Context) error {
	if _, err := w.Admin().Create(ctx, secretsIn("external"), kube.Object{"metadata": kube.Object{"name": "merged"}}); err != nil {
		return err
	}
	rotate := func(ctx context.Context, value string) error {
		return w.store(ctx, "fake", controllers.FakeStore(value))
	}
	if err := rotate(ctx, controllers.Value()); err != nil {
		return err
	}
	for name, policy := range map[string]string{"owned": "Owner", "orphan": "Orphan", "merged": "Merge"} {
		if _, err := w.Admin().Create(ctx, externals+"/externalsecrets", controllers.ExternalSecret("fake", name, policy)); err != nil {
			return err
		}
	}
	return w.add(ctx, Source{"external-secrets fake", []string{"external/owned", "external/orphan", "external/merged"}, false, rotate})
}

func (w *World) store(ctx context.Context, name string, spec kube.Object) error {
	return w.put(ctx, externals+"/secretstores", kube.Object{
		"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": kube.Object{"name": name}, "spec": spec,
	})
}

// fillVault: the login of the store comes in a SealedSecret.
func (w *World) fillVault(ctx context.Context) error {
	rotate := func(ctx context.Context, value string) error {
		return w.vault.Put(ctx, "app", map[string]string{"password": value})
	}
	role, id, err := w.vault.AppRole(ctx, "reader")
	if err != nil {
		return err
	}
	err = errors.Join(
		w.seal(ctx, "external/approle", "id", id), w.Holds(ctx, "external/approle", "id", id),
		rotate(ctx, controllers.Value()), w.store(ctx, "vault", w.vault.Store(role)))
	if err != nil {
		return err
	}
	if _, err := w.Admin().Create(ctx, externals+"/externalsecrets", controllers.ExternalSecret("vault", "from-vault", "Owner")); err != nil {
		return err
	}
	return w.add(ctx, Source{"external-secrets vault", []string{"external/from-vault"}, true, rotate})
}

// fillFlux: the age key comes in a SealedSecret.
func (w *World) fillFlux(ctx context.Context) error {
	decryption := kube.Object{"provider": "sops", "secretRef": kube.Object{"name": "sops-age"}}
	for namespace, more := range map[string]kube.Object{
		"deployed": {"decryption": decryption},
		"tenant":   {"decryption": decryption, "serviceAccountName": w.tenant.Name},
	} {
		err := errors.Join(
			w.seal(ctx, namespace+"/sops-age", "age.agekey", w.sops.Identity), w.Holds(ctx, namespace+"/sops-age", "age.agekey", w.sops.Identity),
			w.flux.Reconcile(ctx, namespace, "app", more))
		if err != nil {
			return err
		}
		err = w.add(ctx, Source{"flux " + namespace, []string{namespace + "/app"}, true, func(ctx context.Context, value string) error {
			encrypted, err := w.sops.Encrypt(ctx, controllers.Manifest(namespace, "app", value))
			if err != nil {
				return err
			}
			return w.flux.Publish(ctx, namespace, "app", map[string]string{"secret.yaml": encrypted})
		}})
		if err != nil {
			return err
		}
	}
	return nil
}
