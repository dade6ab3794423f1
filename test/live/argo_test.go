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

// TestLiveArgo: an Application without a plugin was readable in git. Its Secret is
// refused, by either way of applying, and what stood beside it tells what stops.
// test/e2e/argo runs it, which is not in CI, as Argo CD takes long to build.
func TestLiveArgo(t *testing.T) {
	ctx, c := kube.Test(t, kube.Options{})
	argo, err := controllers.StartArgo(ctx, c)
	must(t, err)
	door, err := Build(ctx, c)
	must(t, err)
	must(t, door.Open(ctx, argoPolicy))
	must(t, c.Namespace(ctx, "leaky", nil))
	for name, options := range map[string][]string{"client-side": nil, "server-side": {"ServerSideApply=true"}} {
		t.Run(name, func(t *testing.T) {
			must(t, argo.Deploy(ctx, name, "leaky", map[string]string{
				"neighbour.yaml": color("neighbour-" + name), "secret.yaml": controllers.Manifest("leaky", name, controllers.Value()),
			}, options...))
			ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			must(t, kube.Eventually(ctx, func(ctx context.Context) error {
				_, err := c.Admin().Get(ctx, "/api/v1/namespaces/leaky/configmaps/neighbour-"+name)
				held, also := c.Admin().Get(ctx, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/"+name)
				if text := said(held); also == nil && !strings.Contains(text, "names no plugin that decrypts") {
					also = errors.New("not refused: " + text)
				}
				return errors.Join(err, also)
			}))
			if _, err := c.Admin().Get(ctx, secretAt("leaky/"+name)); err == nil {
				t.Error("the Secret is there")
			}
		})
	}
}

// said is the text of an object, to look for something in it.
func said(object kube.Object) string {
	text, _ := json.Marshal(object)
	return string(text)
}
