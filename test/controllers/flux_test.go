package controllers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

func (w *world) flux(t *testing.T) {
	f, err := StartFlux(w, w.Cluster)
	check(t, err)
	sops, err := NewSops(w)
	check(t, err)
	decryption := kube.Object{"provider": "sops", "secretRef": kube.Object{"name": "sops-age"}}

	t.Run("SOPS", func(t *testing.T) {
		w.deployed(t, f, sops, "flux", kube.Object{"decryption": decryption})
	})
	t.Run("SOPS as a tenant", func(t *testing.T) {
		tenant, err := w.Account(w, "tenant", "reconciler")
		check(t, err)
		check(t, w.Grant(w, "cluster-admin", tenant.User(), ""))
		w.deployed(t, f, sops, "tenant", kube.Object{"decryption": decryption, "serviceAccountName": "reconciler"})
	})
	t.Run("SOPS that nothing decrypts", func(t *testing.T) { w.undecrypted(t, f, sops) })
	t.Run("a refusal and its neighbours", func(t *testing.T) { w.refused(t, f) })
}

// deployed: an encrypted Secret in a repository becomes a Secret, by a dry run first.
func (w *world) deployed(t *testing.T, f *Flux, sops *Sops, namespace string, more kube.Object) {
	w.namespace(t, namespace)
	_, err := w.Admin().Merge(w, "/api/v1/namespaces/"+namespace, kube.Object{"metadata": kube.Object{"labels": kube.Object{"admit": "recorded"}}})
	check(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/"+namespace+"/secrets", kube.Object{
		"metadata": kube.Object{"name": "sops-age"}, "stringData": kube.Object{"age.agekey": sops.Identity},
	})
	check(t, err)
	name := namespace + "-app"
	first, second := Value(), Value()
	for _, password := range []string{first, second} {
		encrypted, err := sops.Encrypt(w, Manifest(namespace, name, password))
		check(t, err)
		if strings.Contains(encrypted, password) {
			t.Fatal("sops leaves the value in the clear")
		}
		check(t, f.Publish(w, namespace, "app", map[string]string{"secret.yaml": encrypted}))
		if password == first {
			check(t, f.Reconcile(w, namespace, "app", more))
		}
		w.ready(t, f, namespace, "app")
		w.holds(t, namespace, name, "password", password)
	}
	golden(t, "kustomize-controller/"+namespace+"-create-dry-run", w.review(t, name, is("CREATE", true)))
	golden(t, "kustomize-controller/"+namespace+"-create", w.review(t, name, is("CREATE", false)))
	golden(t, "kustomize-controller/"+namespace+"-rotate-dry-run", w.review(t, name, rotated(second, true)))
	golden(t, "kustomize-controller/"+namespace+"-rotate", w.review(t, name, rotated(second, false)))
}

func rotated(value string, dryRun bool) func(*kube.Review) bool {
	return func(r *kube.Review) bool {
		return r.Operation == "UPDATE" && r.DryRun == dryRun && decoded(r.Object)["password"] == value
	}
}

func (w *world) ready(t *testing.T, f *Flux, namespace, name string) {
	t.Helper()
	w.eventually(t, func(ctx context.Context) error { return f.Status(ctx, namespace, name) })
}

// undecrypted: Flux refuses what nothing decrypts when it is under data, where the
// ciphertext is no base64; under stringData Flux applies it, and the webhook sees
// ciphertext for a value and no sops beside it.
func (w *world) undecrypted(t *testing.T, f *Flux, sops *Sops) {
	w.namespace(t, "undecrypted")
	plain := Manifest("undecrypted", "locked", Value())
	encrypted, err := sops.Encrypt(w, strings.Replace(plain, "stringData:", "data:", 1))
	check(t, err)
	check(t, f.Publish(w, "undecrypted", "app", map[string]string{"secret.yaml": encrypted}))
	check(t, f.Reconcile(w, "undecrypted", "app", nil))
	w.eventually(t, func(ctx context.Context) error {
		return saying(f.Status(ctx, "undecrypted", "app"), "is SOPS encrypted, configuring decryption is required")
	})

	encrypted, err = sops.Encrypt(w, plain)
	check(t, err)
	check(t, f.Publish(w, "undecrypted", "app", map[string]string{"secret.yaml": encrypted}))
	w.ready(t, f, "undecrypted", "app")
	review := w.review(t, "locked", is("CREATE", false))
	if got := decoded(review.Object)["password"]; !strings.HasPrefix(got, "ENC[AES256_GCM,data:") {
		t.Errorf("the value is %q", got)
	}
	if _, ok := review.Object["sops"]; ok {
		t.Error("the field sops reaches the webhook")
	}
}

// refused: one refusal in the dry run stops the whole Kustomization.
func (w *world) refused(t *testing.T, f *Flux) {
	w.namespace(t, "mixed")
	neighbour := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: neighbour\n  namespace: mixed\ndata:\n  color: blue\n"
	check(t, f.Publish(w, "mixed", "app", map[string]string{
		"neighbour.yaml": neighbour, "secret.yaml": Manifest("mixed", "refused", Value()),
	}))
	check(t, f.Reconcile(w, "mixed", "app", nil))
	w.eventually(t, func(ctx context.Context) error {
		return saying(f.Status(ctx, "mixed", "app"), "this name is refused")
	})
	_, err := w.Admin().Get(w, "/api/v1/namespaces/mixed/configmaps/neighbour")
	var status *kube.StatusError
	if !errors.As(err, &status) || status.Code != 404 {
		t.Errorf("the neighbour of a refused Secret was applied: %v", err)
	}
	if n := len(w.hook.Reviews(func(r *kube.Review) bool { return r.Name == "refused" && !r.DryRun })); n > 0 {
		t.Errorf("%d reviews of the refused Secret after the dry run", n)
	}
}

// saying is nil when the error is there and says so.
func saying(err error, text string) error {
	if err == nil {
		return errors.New("ready, though it should not be")
	}
	if !strings.Contains(err.Error(), text) {
		return err
	}
	return nil
}
