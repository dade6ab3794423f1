package live

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open is the world with an audit log in the folder.
func open(t *testing.T, folder string) (context.Context, *World) {
	t.Helper()
	flags, err := auditFlags(folder)
	must(t, err)
	ctx, c := kube.Test(t, kube.Options{Flags: flags})
	w, err := Open(ctx, c)
	must(t, err)
	return ctx, w
}

// TestLive lets values arrive and change through every controller, and tries to
// forge what they write. test/e2e/live runs it.
func TestLive(t *testing.T) {
	ctx, w := open(t, t.TempDir())
	for _, s := range w.Sources {
		t.Run(s.Name, func(t *testing.T) { must(t, w.Rotated(ctx, s)) })
	}
	forgeries, err := w.Forgeries(ctx)
	must(t, err)
	for _, f := range forgeries {
		t.Run(f.Name, func(t *testing.T) { must(t, f.Attempt(ctx)) })
	}
	t.Run("Flux without decryption", func(t *testing.T) { w.readable(ctx, t) })
}

// readable: what Flux applies without decrypting it was readable in git. It is
// refused in the dry run, with everything else of that Kustomization and nothing of
// another.
func (w *World) readable(ctx context.Context, t *testing.T) {
	must(t, w.Namespace(ctx, "leaky", nil))
	for name, files := range map[string]map[string]string{
		"leak":  {"neighbour.yaml": color("neighbour"), "secret.yaml": controllers.Manifest("leaky", "leak", controllers.Value())},
		"other": {"other.yaml": color("other")},
	} {
		must(t, w.flux.Publish(ctx, "leaky", name, files))
		must(t, w.flux.Reconcile(ctx, "leaky", name, nil))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	must(t, kube.Eventually(ctx, func(ctx context.Context) error {
		err := w.flux.Status(ctx, "leaky", "leak")
		if err == nil || !strings.Contains(err.Error(), "leakgate writer-claim: ") {
			return errors.Join(errors.New("it is not refused"), err)
		}
		return w.flux.Status(ctx, "leaky", "other")
	}))
	for path, want := range map[string]bool{"secrets/leak": false, "configmaps/neighbour": false, "configmaps/other": true} {
		if _, err := w.Admin().Get(ctx, "/api/v1/namespaces/leaky/"+path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func color(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n  namespace: leaky\ndata:\n  color: blue\n"
}
