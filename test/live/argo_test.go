package live

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

const argoPolicy = "version: 1\nkubernetes: {presets: {kubernetes: {}, argocd: {}}, modes: {default: enforce}}\n"

// TestLiveArgo: what a plugin decrypts arrives, by either way of applying, and
// changes. An Application without a plugin was readable in git: its Secret is
// refused, and its neighbour tells what stops with it. test/e2e/argo runs it, which is
// not in CI, as Argo CD takes long to build.
func TestLiveArgo(t *testing.T) {
	ctx, c := kube.Test(t, kube.Options{})
	argo, err := controllers.StartArgo(ctx, c)
	must(t, err)
	sops, err := controllers.NewSops(ctx)
	must(t, err)
	must(t, argo.Plugin(ctx, "sops", "exec "+sops.Path+" decrypt secret.yaml", "SOPS_AGE_KEY="+sops.Identity))
	door, err := Build(ctx, c)
	must(t, err)
	must(t, door.Open(ctx, argoPolicy))
	w := &World{Cluster: c, Door: door}
	for _, namespace := range []string{"leaky", "deployed"} {
		must(t, c.Namespace(ctx, namespace, nil))
	}
	for name, options := range map[string][]string{"client-side": nil, "server-side": {"ServerSideApply=true"}} {
		t.Run(name+", decrypted", func(t *testing.T) {
			app := controllers.Application{Name: "decrypted-" + name, Namespace: "deployed", Options: options, Plugin: "sops"}
			must(t, w.add(ctx, Source{Name: name, Secrets: []string{"deployed/" + name}, Rotate: func(ctx context.Context, value string) error {
				encrypted, err := sops.Encrypt(ctx, controllers.Manifest("deployed", name, value))
				app.Files = map[string]string{"secret.yaml": encrypted}
				return errors.Join(err, argo.Deploy(ctx, app))
			}}))
			must(t, w.Rotated(ctx, w.Sources[len(w.Sources)-1]))
		})
		t.Run(name+", readable", func(t *testing.T) { w.unrendered(ctx, t, argo, name, options) })
	}
}

func (w *World) unrendered(ctx context.Context, t *testing.T, argo *controllers.Argo, name string, options []string) {
	must(t, argo.Deploy(ctx, controllers.Application{Name: name, Namespace: "leaky", Options: options, Files: map[string]string{
		"neighbour.yaml": color("neighbour-" + name), "secret.yaml": controllers.Manifest("leaky", name, controllers.Value()),
	}}))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	must(t, kube.Eventually(ctx, func(ctx context.Context) error {
		_, err := w.Admin().Get(ctx, "/api/v1/namespaces/leaky/configmaps/neighbour-"+name)
		app, also := w.Admin().Get(ctx, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/"+name)
		if text := said(app); also == nil && !strings.Contains(text, "names no plugin that decrypts") {
			also = errors.New("not refused: " + text)
		}
		return errors.Join(err, also)
	}))
	if _, err := w.Admin().Get(ctx, secretAt("leaky/"+name)); err == nil {
		t.Error("the Secret is there")
	}
}

// said is the text of an object, to look for something in it.
func said(object kube.Object) string {
	text, _ := json.Marshal(object)
	return string(text)
}
