package controllers

import (
	"testing"

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
}

func secret(namespace, value string) kube.Object {
	return kube.Object{
		"apiVersion": "v1", "kind": "Secret",
		"metadata":   kube.Object{"name": "sealed", "namespace": namespace},
		"stringData": kube.Object{"password": value},
	}
}
