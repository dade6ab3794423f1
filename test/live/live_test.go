package live

import (
	"context"
	"encoding/base64"
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
	folder := t.TempDir()
	ctx, w := open(t, folder)
	for _, s := range w.Sources {
		t.Run(s.Name, func(t *testing.T) { must(t, w.Rotated(ctx, s)) })
	}
	forgeries, err := w.Forgeries(ctx)
	must(t, err)
	for _, f := range forgeries {
		t.Run(f.Name, func(t *testing.T) { must(t, f.Attempt(ctx)) })
	}
	t.Run("Flux without decryption", func(t *testing.T) {
		must(t, w.Namespace(ctx, "leaky", nil))
		t.Run("readable in git", func(t *testing.T) { w.readable(ctx, t) })
		t.Run("encrypted in git", func(t *testing.T) { w.encrypted(ctx, t) })
	})
	w.arrived(t, folder)
	t.Run("without a replica", func(t *testing.T) { w.outage(ctx, t, forgeries) })
}

// outage: with no replica left rotations go on, and only who holds a token of a
// controller's own pod gets through, as docs/admission.md says.
func (w *World) outage(ctx context.Context, t *testing.T, forgeries []Forgery) {
	must(t, w.Door.Close())
	for _, s := range w.Sources {
		if s.Outside {
			must(t, w.Rotated(ctx, s))
		}
	}
	for _, f := range forgeries {
		var through *AdmittedError
		if err := f.Attempt(ctx); errors.As(err, &through) != (f.Rule == "writer-claim") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// arrived reads in the audit log that no writer was refused, and nothing forged let
// through.
func (w *World) arrived(t *testing.T, folder string) {
	all, err := writes(folder)
	must(t, err)
	seen := map[string]int{}
	for _, one := range all {
		forged := one.UserAgent == forger || one.Object.Namespace == "leaky" && one.Object.Name == "leak"
		writer := w.writers()[one.who()]
		switch {
		case forged && one.ok(), !forged && writer != "" && one.denied():
			t.Error(one)
		case !forged:
			seen[writer]++
		}
	}
	for _, writer := range w.writers() {
		if seen[writer] < 2 {
			t.Errorf("%d writes by %s", seen[writer], writer)
		}
	}
}

// readable: what Flux applies without decrypting it was readable in git. It is
// refused in the dry run, with everything else of that Kustomization and nothing of
// another.
func (w *World) readable(ctx context.Context, t *testing.T) {
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

// encrypted: Flux itself refuses ciphertext under data, which is no base64. Under
// stringData it applies it, and what arrives is of no use to anyone.
func (w *World) encrypted(ctx context.Context, t *testing.T) {
	plain := controllers.Manifest("leaky", "locked", controllers.Value())
	apply := func(manifest string) {
		encrypted, err := w.sops.Encrypt(ctx, manifest)
		must(t, err)
		must(t, w.flux.Publish(ctx, "leaky", "locked", map[string]string{"secret.yaml": encrypted}))
	}
	apply(strings.Replace(plain, "stringData:", "data:", 1))
	must(t, w.flux.Reconcile(ctx, "leaky", "locked", nil))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	must(t, kube.Eventually(ctx, func(ctx context.Context) error {
		if err := w.flux.Status(ctx, "leaky", "locked"); err == nil || !strings.Contains(err.Error(), "configuring decryption is required") {
			return errors.Join(errors.New("Flux does not refuse it"), err)
		}
		return nil
	}))
	apply(plain)
	must(t, kube.Eventually(ctx, func(ctx context.Context) error { return w.flux.Status(ctx, "leaky", "locked") }))
	held, err := w.Admin().Get(ctx, secretAt("leaky/locked"))
	must(t, err)
	data, _ := held["data"].(kube.Object)
	text, _ := data["password"].(string)
	if value, err := base64.StdEncoding.DecodeString(text); err != nil || !strings.HasPrefix(string(value), "ENC[AES256_GCM,data:") {
		t.Errorf("what arrived is no ciphertext: %v", err)
	}
}

func color(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n  namespace: leaky\ndata:\n  color: blue\n"
}
