// Package webhook_test installs leakgate-admission into a real API server as its
// users do, by the program itself, and writes Secrets there as everybody.
package webhook_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

const policy = `version: 1
kubernetes:
  presets: {kubernetes: {}, sealed-secrets: {}, flux: {}}
  modes:
    default: audit
    namespaces: {shop: {mode: enforce}, warned: {mode: warn}}
  break_glass: {groups: [sre], max_hours: 4}
  exceptions:
  - {rule: untrusted-writer, namespaces: [shop], names: [old-*], reason: before the rule, owner: sre, expires: 2026-01-31}
`

// often are the kinds that most tests write.
var often = []source{sealedSource, external, decrypting,
	{"source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories", "flux-system", "app", spec(kube.Object{"url": "https://git.example/app"})},
	{"source.toolkit.fluxcd.io/v1", "HelmChart", "helmcharts", "flux-system", "web", nil}, release}

// world is a cluster with the webhook in it.
type world struct {
	context.Context
	*kube.Cluster
	program  string
	policy   string
	health   string
	address  string // of the webhook itself
	accounts map[string]*kube.Account
}

// newWorld knows the kinds of the sources and obeys the policy.
func newWorld(t *testing.T, policy, level string, kinds ...source) *world {
	t.Helper()
	ctx, c := kube.Test(t, kube.Options{})
	w := &world{Context: ctx, Cluster: c, program: filepath.Join(t.TempDir(), "leakgate-admission"), policy: filepath.Join(t.TempDir(), "policy.yaml"),
		accounts: map[string]*kube.Account{}}
	if out, err := exec.Command("go", "build", "-o", w.program, "../../cmd/leakgate-admission").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, os.WriteFile(w.policy, []byte(policy), 0o600))
	must(t, w.define(kinds))
	for _, namespace := range []string{"shop", "warned", "other"} {
		must(t, c.Namespace(ctx, namespace, nil))
	}
	must(t, c.Grant(ctx, "cluster-admin", "alice", ""))
	w.run(t, "install", "--policy", w.policy, "--yes")
	w.serve(t, level)
	return w
}

// define makes the kinds, each once, and waits until they are served.
func (w *world) define(kinds []source) error {
	const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	known := map[string]bool{}
	for _, s := range kinds {
		if known[s.kind] {
			continue
		}
		known[s.kind] = true
		if _, err := w.Admin().Create(w, path, s.definition()); err != nil {
			return err
		}
		served := func(context.Context) error {
			_, err := w.Admin().Get(w, "/apis/"+s.api+"/namespaces/default/"+s.plural)
			return err
		}
		if err := kube.Eventually(w, served); err != nil {
			return err
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.try(args...)
	if err != nil {
		t.Fatalf("leakgate-admission %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (w *world) try(args ...string) (string, error) {
	cmd := exec.CommandContext(w, w.program, append(args, "--kubeconfig", w.Kubeconfig)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// serve runs the webhook outside of the cluster with its own account. The API
// server reaches it by an address in the place of the service.
func (w *world) serve(t *testing.T, level string) {
	t.Helper()
	port, err := kube.FreePort()
	must(t, err)
	health, err := kube.FreePort()
	must(t, err)
	w.health, w.address = "http://127.0.0.1:"+health, "https://127.0.0.1:"+port+"/v1/review"
	path := "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/leakgate-admission"
	live, err := w.Admin().Get(w, path)
	must(t, err)
	for _, e := range live["webhooks"].([]any) {
		client := e.(kube.Object)["clientConfig"].(kube.Object)
		delete(client, "service")
		client["url"] = "https://127.0.0.1:" + port + "/v1/review"
	}
	_, err = w.Admin().Do(w, kube.Request{Method: "PUT", Path: path, Body: live})
	must(t, err)
	token, err := w.FreeToken(w, &kube.Account{Namespace: "leakgate", Name: "leakgate-admission"})
	must(t, err)
	kubeconfig := filepath.Join(w.Dir, "webhook.kubeconfig")
	must(t, w.WriteKubeconfig(kubeconfig, token))
	serve := exec.Command(w.program, "serve", "--policy", w.policy, "--kubeconfig", kubeconfig, "--address", "127.0.0.1:"+port,
		"--health-address", "127.0.0.1:"+health, "--server-name", "127.0.0.1", "--log-level", level)
	serve.Env = append(serve.Environ(), "GOMEMLIMIT=200MiB") // as in the installation
	must(t, w.Run("webhook", serve))
	must(t, kube.Eventually(w, func(context.Context) error {
		text, err := w.get("/readyz")
		if err == nil && !strings.Contains(text, "webhook configuration: ok") {
			err = errors.New(text)
		}
		return err
	}))
	// A new configuration takes a moment to be seen.
	must(t, kube.Eventually(w, func(context.Context) error {
		if _, err := w.Admin().Create(w, "/api/v1/namespaces/shop/secrets?dryRun=All", plain("probe")); err == nil {
			return errors.New("a plain Secret is admitted")
		}
		return nil
	}))
}

func (w *world) get(path string) (string, error) {
	response, err := http.Get(w.health + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", response.StatusCode, text)
	}
	return string(text), err
}

const value = "not-a-real-password-of-the-webhook"

func plain(name string) kube.Object {
	return kube.Object{"apiVersion": "v1", "kind": "Secret", "metadata": kube.Object{"name": name}, "stringData": kube.Object{"password": value}}
}

func with(o kube.Object, key string, v any) kube.Object {
	o["metadata"].(kube.Object)[key] = v
	return o
}

func TestWebhookInARealCluster(t *testing.T) {
	w := newWorld(t, policy, "debug", often...)
	alice, err := w.WithCertificate("alice", "developers")
	must(t, err)
	oncall, err := w.WithCertificate("alice", "sre")
	must(t, err)
	controller, err := w.Account(w, "kube-system", "sealed-secrets-controller")
	must(t, err)
	must(t, w.Grant(w, "cluster-admin", controller.User(), ""))
	pod, err := w.PodToken(w, controller)
	must(t, err)
	free, err := w.FreeToken(w, controller)
	must(t, err)
	forger, err := w.WithCertificate(controller.User())
	must(t, err)
	sealed, err := alice.Create(w, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets", kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
		"metadata": kube.Object{"name": "db"}, "spec": kube.Object{"encryptedData": kube.Object{"password": sealedValue()}}})
	must(t, err)
	owned := func(uid string) kube.Object {
		return with(plain("db"), "ownerReferences", []kube.Object{{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": uid, "controller": true}})
	}
	existing, err := w.Admin().Create(w, "/api/v1/namespaces/other/secrets", plain("existing"))
	must(t, err)
	existing["metadata"].(kube.Object)["labels"] = kube.Object{"team": "a"}
	broken := with(plain("fix"), "annotations", kube.Object{"leakgate.github.io/break-glass-reason": "the vault is down",
		"leakgate.github.io/break-glass-expires": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	token := with(plain("token"), "annotations", kube.Object{"kubernetes.io/service-account.name": "default"})
	token["type"] = "kubernetes.io/service-account-token"

	for _, c := range []struct {
		name      string
		client    *kube.Client
		namespace string
		object    kube.Object
		refused   string // part of the message, "" if admitted
	}{
		{"a person", alice, "shop", plain("a"), "untrusted-writer"},
		{"a person where it is audited", alice, "other", plain("a"), ""},
		{"a person where it warns", alice, "warned", plain("a"), ""},
		{"the administrator", w.Admin(), "shop", plain("a"), "untrusted-writer"},
		{"nothing in it", alice, "shop", kube.Object{"metadata": kube.Object{"name": "empty"}}, ""},
		{"a placeholder", alice, "shop", kube.Object{"metadata": kube.Object{"name": "later"}, "stringData": kube.Object{"a": "${PASSWORD}"}}, "untrusted-writer"},
		{"generateName", alice, "shop", with(kube.Object{"metadata": kube.Object{}, "stringData": kube.Object{"password": value}}, "generateName", "made-"), "untrusted-writer"},
		{"the controller's pod", w.WithToken(pod), "shop", owned(kube.UID(sealed)), ""},
		{"an owner of another uid", w.WithToken(pod), "shop", with(owned("0000"), "name", "x"), "writer-claim"},
		{"a token of no pod", w.WithToken(free), "shop", with(owned(kube.UID(sealed)), "name", "y"), "writer-identity"},
		{"impersonated", w.Admin().As(controller.User()), "shop", with(owned(kube.UID(sealed)), "name", "y"), "writer-identity"},
		{"impersonated with its uid", w.Admin().As(controller.User()).With("Impersonate-Uid", controller.UID), "shop", with(owned(kube.UID(sealed)), "name", "y"), "writer-identity"},
		{"a certificate with its name", forger, "shop", with(owned(kube.UID(sealed)), "name", "y"), "writer-identity"},
		{"an emergency", oncall, "shop", broken, ""},
		{"an emergency of anyone", alice, "shop", with(broken, "name", "fix2"), "untrusted-writer"},
		{"a token of an account", alice, "shop", token, "type-guard"},
		{"a token by the controller", w.WithToken(pod), "shop", token, "type-guard"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := c.client.Do(w, kube.Request{Method: "POST", Path: "/api/v1/namespaces/" + c.namespace + "/secrets", Body: c.object})
			var refused *kube.StatusError
			switch {
			case errors.As(err, &refused):
				if c.refused == "" || !strings.Contains(refused.Message, c.refused) || strings.Contains(refused.Message, value) {
					t.Errorf("refused: %s", refused.Message)
				}
			case err != nil:
				t.Error(err)
			case c.refused != "":
				t.Errorf("admitted, want a refusal by %s", c.refused)
			}
			if warned := answer != nil && len(answer.Warnings) > 0; warned != (c.namespace == "warned" || c.name == "an emergency") {
				t.Errorf("warnings: %v", answer)
			}
		})
	}
	t.Run("labels of what exists", func(t *testing.T) {
		if _, err := alice.Do(w, kube.Request{Method: "PUT", Path: "/api/v1/namespaces/other/secrets/existing", Body: existing}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a SealedSecret in name only", func(t *testing.T) {
		_, err := alice.Create(w, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets", kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
			"metadata": kube.Object{"name": "plain"}, "spec": kube.Object{"encryptedData": kube.Object{"password": value}}})
		var refused *kube.StatusError
		if !errors.As(err, &refused) || strings.Contains(refused.Message, value) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what is told", w.told)
	t.Run("what is known of those that exist", w.surveyed)
	t.Run("its rights", w.rights)
	t.Run("what is not written yet", w.planned)
	t.Run("what a chart renders to", w.charted)
	t.Run("when it was asked", w.seen)
	t.Run("when it was not asked", w.unseen)
	t.Run("emergency exit", func(t *testing.T) {
		w.run(t, "uninstall", "--emergency")
		must(t, kube.Eventually(w, func(context.Context) error {
			_, err := alice.Create(w, "/api/v1/namespaces/shop/secrets?dryRun=All", plain("after"))
			return err
		}))
	})
}

// told looks at everything that the webhook says for a value.
func (w *world) told(t *testing.T) {
	metrics, err := w.get("/metrics")
	must(t, err)
	for _, want := range []string{`rule="writer-identity",writer="sealed-secrets"`, `rule="trusted-writer",writer="sealed-secrets"`, `rule="break-glass"`, "webhook_configuration_present 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	log, err := os.ReadFile(w.Log("webhook"))
	must(t, err)
	if len(log) == 0 || strings.Contains(string(log)+metrics, value) {
		t.Error("the log is empty or holds a value")
	}
}

func (w *world) surveyed(t *testing.T) {
	out, err := w.try("doctor")
	if err == nil || !hasLine(out, "ok", "floor") || !hasLine(out, "ok", "certificate bundle") {
		t.Errorf("doctor: %v\n%s", err, out) // it misses the Deployment's pods
	}
	if !strings.Contains(out, "exception from untrusted-writer, line 9 of the policy") || !strings.Contains(out, "it is over since 2026-02-01T00:00:00Z; sre answers for it") {
		t.Errorf("doctor says nothing of an exception that is over:\n%s", out)
	}
	out, err = w.try("audit", "--format", "json")
	if code := new(exec.ExitError); !errors.As(err, &code) || code.ExitCode() != 1 {
		t.Errorf("audit: %v", err)
	}
	var a struct {
		Secrets []struct{ Namespace, Name, Grade string }
	}
	must(t, json.Unmarshal([]byte(out), &a))
	grades := map[string]string{}
	for _, s := range a.Secrets {
		grades[s.Namespace+"/"+s.Name] = s.Grade
	}
	if grades["shop/db"] != "proven" || grades["other/existing"] != "unknown" || strings.Contains(out, value) {
		t.Errorf("audit: %v", grades)
	}
	if out, err := w.try("promote", "other"); err == nil || !strings.Contains(out, "other/existing") {
		t.Errorf("promote: %v\n%s", err, out)
	}
}

// sealedValue has the form of a value sealed for a key of 2048 bits.
func sealedValue() string {
	raw := make([]byte, 2+256+20+16)
	raw[0], raw[1] = 1, 0
	for i := range raw[2:] {
		raw[2+i] = byte(7*i + i/250)
	}
	return encode(raw)
}

func encode(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }
