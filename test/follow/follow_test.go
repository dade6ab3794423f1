// Package follow holds the proof that consumers follow a rotation against a real
// API server, the real controller of External Secrets and a real Vault.
package follow

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/follow"
	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

const (
	external = "/apis/external-secrets.io/v1/namespaces/shop"
	deploy   = "/apis/apps/v1/namespaces/shop/deployments"
	pods     = "/api/v1/namespaces/shop/pods"
)

// clock is that of the wall.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }

func (clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(max(0, d)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// world is a namespace whose Secret db comes from Vault once an hour, and a
// deployment that uses it.
type world struct {
	context.Context
	*kube.Cluster
	vault  *controllers.Vault
	prover follow.Prover
}

func TestFollow(t *testing.T) {
	ctx, cluster := kube.Test(t, kube.Options{})
	w := &world{Context: ctx, Cluster: cluster}
	w.install(t)
	t.Run("a rotation in Vault is proven to arrive", w.arrives)
	t.Run("what nobody told to sync has not followed", w.hasNot)
	t.Run("a store that cannot be read is no proof", w.cannot)
	t.Run("one that copies once never follows", w.once)
	t.Run("who may not look cannot tell", w.blind)
}

func (w *world) install(t *testing.T) {
	check(t, w.Namespace(w, "shop", nil))
	_, err := controllers.StartExternalSecrets(w, w.Cluster)
	check(t, err)
	w.vault, err = controllers.StartVault(w, w.Cluster)
	check(t, err)
	role, id, err := w.vault.AppRole(w, "reader")
	check(t, err)
	w.create(t, "/api/v1/namespaces/shop/secrets", kube.Object{"metadata": kube.Object{"name": "approle"}, "stringData": kube.Object{"id": id}})
	w.create(t, external+"/secretstores", kube.Object{
		"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": kube.Object{"name": "vault"}, "spec": w.vault.Store(role),
	})
	first := controllers.Value()
	check(t, w.vault.Put(w, "app", map[string]string{"password": first}))
	w.create(t, external+"/externalsecrets", hourly("db", "Periodic"))
	w.deployment(t)
	cluster, err := follow.Connect(w.Kubeconfig)
	check(t, err)
	key, err := secret.NewKey()
	check(t, err)
	w.prover = follow.Prover{Cluster: cluster, Key: key, Clock: clock{}, Limit: 3 * time.Minute}
	w.holds(t, "db", first)
}

func hourly(name, policy string) kube.Object {
	object := controllers.ExternalSecret("vault", name, "Owner")
	spec := object["spec"].(kube.Object)
	spec["refreshInterval"], spec["refreshPolicy"] = "1h", policy
	return object
}

// deployment is one whose controller and kubelet the test plays: the cluster has neither.
func (w *world) deployment(t *testing.T) {
	labels := kube.Object{"app": "web"}
	template := kube.Object{"metadata": kube.Object{"labels": labels}, "spec": kube.Object{"containers": []kube.Object{{"name": "web", "image": "web"}}}}
	w.create(t, deploy, kube.Object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": kube.Object{"name": "web"},
		"spec": kube.Object{"replicas": 1, "selector": kube.Object{"matchLabels": labels}, "template": template},
	})
	w.pod(t)
}

var serial struct {
	sync.Mutex
	n int
}

// pod makes the one pod of the deployment, ready, in place of all others.
func (w *world) pod(t *testing.T) {
	t.Helper()
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	name := fmt.Sprintf("web-%d", serial.n)
	check(t, w.Admin().Delete(w, pods))
	w.create(t, pods, kube.Object{
		"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": name, "labels": kube.Object{"app": "web"}},
		"spec": kube.Object{"containers": []kube.Object{{"name": "web", "image": "web"}}},
	})
	_, err := w.Admin().Merge(w, pods+"/"+name+"/status", kube.Object{"status": kube.Object{"conditions": []kube.Object{{"type": "Ready", "status": "True"}}}})
	check(t, err)
	object, err := w.Admin().Get(w, deploy+"/web")
	check(t, err)
	generation := object["metadata"].(map[string]any)["generation"]
	_, err = w.Admin().Merge(w, deploy+"/web/status", kube.Object{"status": kube.Object{"observedGeneration": generation, "replicas": 1}})
	check(t, err)
}

// restarts gives the deployment a new pod whenever somebody asks for that.
func (w *world) restarts(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(w)
	var wait sync.WaitGroup
	wait.Add(1)
	seen := w.restarted(t)
	go func() {
		defer wait.Done()
		for ctx.Err() == nil {
			if now := w.restarted(t); now != seen {
				seen = now
				w.pod(t)
			}
			_ = clock{}.Sleep(ctx, 200*time.Millisecond)
		}
	}()
	return func() { cancel(); wait.Wait() }
}

func (w *world) restarted(t *testing.T) string {
	object, err := w.Admin().Get(w, deploy+"/web")
	if err != nil {
		t.Error(err)
		return ""
	}
	metadata, _ := object["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	at, _ := annotations["kubectl.kubernetes.io/restartedAt"].(string)
	return at
}

func consumer() follow.Consumer {
	return follow.Consumer{Namespace: "shop", Secret: "db", Key: "password", Source: "externalsecret/db", Workloads: []string{"deployment/web"}, Restart: true}
}

func (w *world) arrives(t *testing.T) {
	defer w.restarts(t)()
	next := controllers.Value()
	check(t, w.vault.Put(w, "app", map[string]string{"password": next}))
	proof, err := w.prover.Propagate(w, consumer(), secret.New(next))
	check(t, err)
	if proof.Verdict() != follow.Proven || len(proof.Facts) != 3 {
		t.Fatalf("%s: %+v", proof.Verdict(), proof.Facts)
	}
	if strings.Contains(fmt.Sprintf("%+v", proof), next) {
		t.Error("the proof holds the value")
	}
	t.Logf("the Secret held the new value after %s", proof.Took)
	w.holds(t, "db", next)
}

func (w *world) hasNot(t *testing.T) {
	next := controllers.Value()
	check(t, w.vault.Put(w, "app", map[string]string{"password": next}))
	proof, err := w.prover.Look(w, consumer(), secret.New(next))
	check(t, err)
	if proof.Verdict() != follow.NotYet || !strings.Contains(fmt.Sprint(proof.Facts), "it holds another value") {
		t.Errorf("%s: %+v", proof.Verdict(), proof.Facts)
	}
}

func (w *world) cannot(t *testing.T) {
	_, err := w.Admin().Merge(w, external+"/secretstores/vault", kube.Object{"spec": kube.Object{"provider": kube.Object{"vault": kube.Object{"path": "elsewhere"}}}})
	check(t, err)
	prover := w.prover
	prover.Limit = 5 * time.Second
	proof, err := prover.Propagate(w, consumer(), secret.New(controllers.Value()))
	check(t, err)
	if proof.Verdict() != follow.NotYet || proof.Facts[0].Verdict != follow.NotYet {
		t.Errorf("%s: %+v", proof.Verdict(), proof.Facts)
	}
	_, err = w.Admin().Merge(w, external+"/secretstores/vault", kube.Object{"spec": kube.Object{"provider": kube.Object{"vault": kube.Object{"path": "secret"}}}})
	check(t, err)
}

func (w *world) once(t *testing.T) {
	first, next := controllers.Value(), controllers.Value()
	check(t, w.vault.Put(w, "app", map[string]string{"password": first}))
	w.create(t, external+"/externalsecrets", hourly("once", "CreatedOnce"))
	w.holds(t, "once", first)
	check(t, w.vault.Put(w, "app", map[string]string{"password": next}))
	c := consumer()
	c.Secret, c.Source, c.Workloads = "once", "externalsecret/once", nil
	proof, err := w.prover.Propagate(w, c, secret.New(next))
	check(t, err)
	if proof.Verdict() != follow.NotYet || !strings.Contains(fmt.Sprint(proof.Facts), "it never follows") {
		t.Errorf("%s: %+v", proof.Verdict(), proof.Facts)
	}
}

func (w *world) blind(t *testing.T) {
	file := w.Dir + "/nobody.kubeconfig"
	check(t, w.WriteKubeconfig(file, "nobody's"))
	cluster, err := follow.Connect(file)
	check(t, err)
	prover := w.prover
	prover.Cluster = cluster
	proof, err := prover.Propagate(w, consumer(), secret.New(controllers.Value()))
	check(t, err)
	if proof.Verdict() != follow.CannotTell || !strings.Contains(fmt.Sprint(proof.Facts), "status 401") {
		t.Errorf("%s: %+v", proof.Verdict(), proof.Facts)
	}
}

func (w *world) create(t *testing.T, collection string, object kube.Object) {
	t.Helper()
	_, err := w.Admin().Create(w, collection, object)
	check(t, err)
}

// holds waits until a Secret has the value.
func (w *world) holds(t *testing.T, name, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w, 3*time.Minute)
	defer cancel()
	err := kube.Eventually(ctx, func(ctx context.Context) error {
		object, err := w.Admin().Get(ctx, "/api/v1/namespaces/shop/secrets/"+name)
		if err != nil {
			return err
		}
		data, _ := object["data"].(kube.Object)
		if data["password"] != base64.StdEncoding.EncodeToString([]byte(value)) {
			return errors.New("the Secret does not hold the value")
		}
		return nil
	})
	if err != nil {
		t.Fatal(errors.Join(err, w.Ended()))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
