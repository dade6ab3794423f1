// Package admission holds the end-to-end tests of the webhook: a real API server, and
// what it really sends. test/e2e/admission runs them; go test alone skips them.
// The facts here are those that docs/design/admission-facts.md states.
package admission

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/test/kube"
)

// secrets of the namespace that the webhook is asked about.
const secrets = "/api/v1/namespaces/facts/secrets"

// world is an API server whose writes of Secrets in the namespace facts are recorded.
type world struct {
	context.Context
	*kube.Cluster
	hook *kube.Webhook
}

func TestFacts(t *testing.T) {
	ctx, cluster := kube.Test(t, kube.Options{})
	hook, err := cluster.NewWebhook(nil)
	check(t, err)
	t.Cleanup(func() { check(t, hook.Close()) })
	check(t, hook.Register(ctx, kube.Registration{Name: "facts", FailurePolicy: "Fail", Rules: []kube.Rule{secretWrites}}))
	w := &world{Context: ctx, Cluster: cluster, hook: hook}
	t.Run("stringData arrives merged into data", w.stringData)
	t.Run("an update of labels carries equal data", w.labelOnly)
	t.Run("generateName is final", w.generateName)
	t.Run("who writes", w.identities)
	t.Run("a webhook that is down", w.down)
}

var secretWrites = kube.Rule{Groups: []string{""}, Resources: []string{"secrets"}, Operations: []string{"CREATE", "UPDATE"}}

func (w *world) stringData(t *testing.T) {
	_, err := w.Admin().Create(w, secrets, kube.Object{
		"metadata":   kube.Object{"name": "merged"},
		"data":       kube.Object{"kept": "b2xk", "both": "b2xk"},
		"stringData": kube.Object{"both": "new", "added": "new"},
	})
	check(t, err)
	review := w.only(t, "merged")
	if _, ok := review.Object["stringData"]; ok {
		t.Error("stringData reaches the webhook")
	}
	equal(t, kube.Object{"kept": "b2xk", "both": "bmV3", "added": "bmV3"}, review.Object["data"])
}

func (w *world) labelOnly(t *testing.T) {
	_, err := w.Admin().Create(w, secrets, kube.Object{"metadata": kube.Object{"name": "labelled"}, "data": kube.Object{"a": "b2xk"}})
	check(t, err)
	_, err = w.Admin().Merge(w, secrets+"/labelled", kube.Object{"metadata": kube.Object{"labels": kube.Object{"team": "blue"}}})
	check(t, err)
	review := w.last(t, "labelled")
	equal(t, "UPDATE", review.Operation)
	equal(t, kube.Object{"a": "b2xk"}, review.Object["data"])
	equal(t, review.OldObject["data"], review.Object["data"])
	equal(t, kube.Object{"team": "blue"}, meta(review.Object)["labels"])
	if labels, ok := meta(review.OldObject)["labels"]; ok {
		t.Errorf("the old object has labels: %v", labels)
	}
}

func (w *world) generateName(t *testing.T) {
	made, err := w.Admin().Create(w, secrets, kube.Object{"metadata": kube.Object{"generateName": "made-"}})
	check(t, err)
	name := meta(made)["name"].(string)
	review := w.only(t, name)
	equal(t, name, review.Name)
	equal(t, name, meta(review.Object)["name"])
	if !strings.HasPrefix(name, "made-") || name == "made-" {
		t.Errorf("the name is %q", name)
	}
}

func (w *world) down(t *testing.T) {
	hook, err := w.NewWebhook(nil)
	check(t, err)
	for _, policy := range []string{"Fail", "Ignore"} {
		name := "down-" + strings.ToLower(policy)
		check(t, hook.Register(w, kube.Registration{Name: name, FailurePolicy: policy, Rules: []kube.Rule{secretWrites}}))
	}
	check(t, hook.Close())
	secret := kube.Object{"metadata": kube.Object{"name": "written"}}
	_, err = w.Admin().Create(w, "/api/v1/namespaces/down-ignore/secrets", secret)
	check(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/down-fail/secrets", secret)
	status := refusal(t, err)
	equal(t, 500, status.Code)
	equal(t, "InternalError", status.Reason)
	if want := `failed calling webhook "down-fail.leakgate.test"`; !strings.Contains(status.Message, want) {
		t.Errorf("%q does not say %q", status.Message, want)
	}
	_, err = w.Admin().Get(w, "/api/v1/namespaces/down-fail/secrets/written")
	equal(t, 404, refusal(t, err).Code)
}

// last is the newest review of the Secret, only its single one.
func (w *world) last(t *testing.T, name string) *kube.Review {
	t.Helper()
	reviews := w.hook.Reviews(func(r *kube.Review) bool { return r.Namespace == "facts" && r.Name == name })
	if len(reviews) == 0 {
		t.Fatalf("no review of %s", name)
	}
	return reviews[len(reviews)-1]
}

func (w *world) only(t *testing.T, name string) *kube.Review {
	t.Helper()
	reviews := w.hook.Reviews(func(r *kube.Review) bool { return r.Namespace == "facts" && r.Name == name })
	if len(reviews) != 1 {
		t.Fatalf("%d reviews of %s", len(reviews), name)
	}
	return reviews[0]
}

func meta(object kube.Object) kube.Object {
	m, _ := object["metadata"].(kube.Object)
	return m
}

func refusal(t *testing.T, err error) *kube.StatusError {
	t.Helper()
	var status *kube.StatusError
	if !errors.As(err, &status) {
		t.Fatalf("the server does not refuse: %v", err)
	}
	return status
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
