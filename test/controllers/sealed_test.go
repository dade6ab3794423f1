package controllers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	value "github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rotate/stores"
	"github.com/leakgate/leakgate/test/kube"
)

const sealedSecrets = "/apis/bitnami.com/v1alpha1/namespaces/sealed/sealedsecrets"

func (w *world) sealedSecrets(t *testing.T) {
	w.namespace(t, "sealed")
	_, err := w.Admin().Merge(w, "/api/v1/namespaces/kube-system", kube.Object{"metadata": kube.Object{"labels": kube.Object{"admit": "recorded"}}})
	check(t, err)
	s, err := StartSealedSecrets(w, w.Cluster)
	check(t, err)
	keys := w.hook.Reviews(func(r *kube.Review) bool { return r.Namespace == "kube-system" && r.Kind.Kind == "Secret" })
	if len(keys) != 1 {
		t.Fatalf("%d reviews of sealing keys", len(keys))
	}
	golden(t, "sealed-secrets/key", keys[0])

	first, second := Value(), Value()
	sealed, err := s.Seal(w, secret("sealed", first))
	check(t, err)
	_, err = w.Admin().Create(w, sealedSecrets, sealed)
	check(t, err)
	w.holds(t, "sealed", "sealed", "password", first)
	golden(t, "sealed-secrets/create", w.review(t, "sealed", is("CREATE", false)))

	sealed, err = s.Seal(w, secret("sealed", second))
	check(t, err)
	_, err = w.Admin().Merge(w, sealedSecrets+"/sealed", kube.Object{"spec": sealed["spec"]})
	check(t, err)
	w.holds(t, "sealed", "sealed", "password", second)
	golden(t, "sealed-secrets/rotate", w.review(t, "sealed", func(r *kube.Review) bool {
		return decoded(r.Object)["password"] == second && r.Operation == "UPDATE"
	}))
	t.Run("what leakgate seals is opened", func(t *testing.T) { w.rotatedInFile(t, s, sealed) })
}

// rotatedInFile: a value that leakgate rotates in a file of a repository arrives in the Secret.
func (w *world) rotatedInFile(t *testing.T, s *SealedSecrets, sealed kube.Object) {
	file := filepath.Join(t.TempDir(), "sealed.json")
	text, err := json.MarshalIndent(sealed, "", "  ")
	check(t, err)
	check(t, os.WriteFile(file, text, 0o600))
	store, err := stores.World{Env: os.Getenv}.Store(remediate.Place{
		Name: "app", Kind: "sealed-secret", Path: file, Key: "password", Settings: map[string]string{"certificate": s.cert},
	})
	check(t, err)
	before, err := store.Read(w, "")
	check(t, err)
	third := Value()
	_, err = store.Write(w, before.ID, map[string]value.Secret{"password": value.New(third)})
	check(t, err)
	text, err = os.ReadFile(file)
	check(t, err)
	check(t, json.Unmarshal(text, &sealed))
	_, err = w.Admin().Merge(w, sealedSecrets+"/sealed", kube.Object{"spec": sealed["spec"]})
	check(t, err)
	w.holds(t, "sealed", "sealed", "password", third)
}

func secret(namespace, value string) kube.Object {
	return kube.Object{
		"apiVersion": "v1", "kind": "Secret",
		"metadata":   kube.Object{"name": "sealed", "namespace": namespace},
		"stringData": kube.Object{"password": value},
	}
}
