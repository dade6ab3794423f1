package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// world is an API server with a webhook that is asked about every write of a Secret
// or ConfigMap in the namespaces that are labelled for it.
type world struct {
	context.Context
	*kube.Cluster
	hook *kube.Webhook
	deny map[string]bool // names of objects that the webhook refuses
}

// TestControllers lets each real controller make Secrets, and compares what the
// webhook is sent with testdata/reviews. test/e2e/controllers runs it.
func TestControllers(t *testing.T) {
	w := newWorld(t)
	t.Run("sealed-secrets", w.sealedSecrets)
	t.Run("external-secrets", w.externalSecrets)
	t.Run("kustomize-controller", w.flux)
}

// TestArgo does the same with Argo CD. test/e2e/argo runs it, which is not in CI, as
// Argo CD takes long to build.
func TestArgo(t *testing.T) { newWorld(t).argo(t) }

func newWorld(t *testing.T) *world {
	ctx, cluster := kube.Test(t, kube.Options{})
	w := &world{Context: ctx, Cluster: cluster, deny: map[string]bool{"refused": true}}
	hook, err := cluster.NewWebhook(w.judge)
	check(t, err)
	w.hook = hook
	t.Cleanup(func() { check(t, hook.Close()) })
	check(t, hook.Register(ctx, kube.Registration{Name: "recorded", FailurePolicy: "Fail", Rules: []kube.Rule{
		{Groups: []string{""}, Resources: []string{"secrets", "configmaps"}, Operations: []string{"CREATE", "UPDATE"}},
	}}))
	return w
}

func (w *world) judge(r *kube.Review) error {
	if w.deny[r.Name] {
		return errors.New("this name is refused")
	}
	return nil
}

// namespace makes one whose writes are recorded.
func (w *world) namespace(t *testing.T, name string) {
	t.Helper()
	check(t, w.Namespace(w, name, map[string]string{"admit": "recorded"}))
}

// review waits for the first that the filter wants.
func (w *world) review(t *testing.T, name string, want func(*kube.Review) bool) *kube.Review {
	t.Helper()
	var found []*kube.Review
	w.eventually(t, func(context.Context) error {
		found = w.hook.Reviews(func(r *kube.Review) bool { return r.Name == name && want(r) })
		if len(found) == 0 {
			return fmt.Errorf("no such review of %s", name)
		}
		return nil
	})
	return found[0]
}

// holds waits until the Secret in the namespace has the value under its key.
func (w *world) holds(t *testing.T, namespace, name, key, value string) kube.Object {
	t.Helper()
	var secret kube.Object
	w.eventually(t, func(ctx context.Context) (err error) {
		secret, err = w.Admin().Get(ctx, "/api/v1/namespaces/"+namespace+"/secrets/"+name)
		if err == nil && decoded(secret)[key] != value {
			err = fmt.Errorf("%s of %s is not what it should be", key, name)
		}
		return err
	})
	return secret
}

func (w *world) eventually(t *testing.T, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w, 3*time.Minute)
	defer cancel()
	if err := kube.Eventually(ctx, try); err != nil {
		t.Fatal(errors.Join(err, w.Ended()))
	}
}

func is(operation string, dryRun bool) func(*kube.Review) bool {
	return func(r *kube.Review) bool { return r.Operation == operation && r.DryRun == dryRun }
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
