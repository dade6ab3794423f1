// Package chart_test has the real helm check, render and install the chart.
package chart_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/leakgate/leakgate/test/kube"
)

const (
	chart     = "../../deploy/helm/leakgate"
	namespace = "security"
	policy    = `version: 1
kubernetes:
  presets: {kubernetes: {}, sealed-secrets: {}, crossplane: {}, flux: {impersonated: [team-*/reconciler]}}
  modes:
    default: audit
    namespaces: {shop: {mode: enforce}, dev: {mode: warn}}
  break_glass: {groups: [sre]}
`
	// What other installations define: kinds that the chart uses when asked.
	kinds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.GROUP, annotations: {api-approved.kubernetes.io: "unapproved, a stand-in"}}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: KIND, listKind: KINDList, plural: PLURAL}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---`
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a cluster, helm, and our program.
type world struct {
	context.Context
	*kube.Cluster
	helm, program, policy string
}

func newWorld(t *testing.T) *world {
	ctx, c := kube.Test(t, kube.Options{})
	folders, err := kube.Components(ctx, "helm")
	must(t, err)
	w := &world{Context: ctx, Cluster: c, helm: filepath.Join(folders["helm"], "helm"), program: filepath.Join(c.Dir, "leakgate-admission"), policy: filepath.Join(c.Dir, "policy.yaml")}
	w.run(t, "go", "build", "-ldflags", "-X main.version=v0.0.0", "-o", w.program, "../../cmd/leakgate-admission")
	must(t, os.WriteFile(w.policy, []byte(policy), 0o600))
	var all strings.Builder
	for _, kind := range [][3]string{{"certificates", "cert-manager.io", "Certificate"}, {"issuers", "cert-manager.io", "Issuer"}, {"servicemonitors", "monitoring.coreos.com", "ServiceMonitor"},
		{"prometheusrules", "monitoring.coreos.com", "PrometheusRule"}, {"httproutes", "gateway.networking.k8s.io", "HTTPRoute"}, {"externalsecrets", "external-secrets.io", "ExternalSecret"}} {
		all.WriteString(strings.NewReplacer("PLURAL", kind[0], "GROUP", kind[1], "KIND", kind[2]).Replace(kinds))
	}
	file := filepath.Join(c.Dir, "kinds.yaml")
	must(t, os.WriteFile(file, []byte(all.String()), 0o600))
	must(t, c.Apply(ctx, file))
	must(t, c.Namespace(ctx, namespace, nil))
	return w
}

// run gives standard output; anything but success ends the test.
func (w *world) run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	out, err := w.try(program, args...)
	must(t, err)
	return out
}

func (w *world) try(program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(w, program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig, "HELM_CACHE_HOME="+w.Dir, "HELM_CONFIG_HOME="+w.Dir, "HELM_DATA_HOME="+w.Dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = errors.Join(err, errors.New(strings.Join(args, " ")+"\n"+string(out)+errs.String()))
	}
	return out, err
}

// TestChart renders the chart for installations that differ: it makes the objects
// that leakgate-admission manifests prints, and the API server accepts each.
func TestChart(t *testing.T) {
	w := newWorld(t)
	bundle := filepath.Join(w.Dir, "bundle.crt")
	for name, options := range map[string][]string{
		"as it comes":       nil,
		"a policy":          {"--policy", w.policy, "--image", "registry.example/leakgate:1", "--replicas", "3"},
		"everything":        {"--policy", w.policy, "--other-kinds", "--monitor", "--certificates", "cert-manager"},
		"certificate files": {"--policy", w.policy, "--network-policy=false", "--certificates", "files", "--ca-bundle", bundle},
	} {
		t.Run(name, func(t *testing.T) {
			values := w.values(t, options)
			w.run(t, w.helm, "lint", "--strict", chart, "--namespace", namespace, "--values", values)
			rendered := w.run(t, w.helm, "template", "leakgate", chart, "--kube-version", "1.30.0", "--namespace", namespace, "--values", values)
			plain := w.run(t, w.program, append([]string{"manifests", "--namespace", namespace}, options...)...)
			want := documents(t, plain)
			delete(want, "Namespace/"+namespace) // helm makes it, or who installs does
			if len(want) < 10 {
				t.Fatalf("%d objects", len(want))
			}
			if diff := cmp.Diff(want, documents(t, rendered)); diff != "" {
				t.Errorf("plain manifests against the chart\n%s", diff)
			}
			out, err := w.Kubectl(w, string(rendered), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
			must(t, err)
			if got := strings.Count(out, "serverside-applied"); got != len(want) {
				t.Errorf("%d of %d objects are accepted\n%s", got, len(want), out)
			}
		})
	}
	t.Run("install, upgrade and uninstall", w.installed)
}

// values are those of the chart for the options; the chart's own where there are none.
func (w *world) values(t *testing.T, options []string) string {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(w.Dir, "bundle.crt"), []byte("-----BEGIN CERTIFICATE-----\n"), 0o600))
	if options == nil {
		return filepath.Join(chart, "values.yaml")
	}
	file := filepath.Join(w.Dir, "values.yaml")
	must(t, os.WriteFile(file, w.run(t, w.program, append([]string{"manifests", "--values"}, options...)...), 0o600))
	return file
}

// installed: a release refuses nothing as it comes, and what the floor refuses once
// its values say so, also when nothing runs; without the release nothing is left.
func (w *world) installed(t *testing.T) {
	must(t, w.Namespace(w, "shop", nil))
	write := func(ctx context.Context) error {
		_, err := w.Admin().Create(ctx, "/api/v1/namespaces/shop/secrets?dryRun=All", kube.Object{
			"metadata": kube.Object{"name": "a"}, "stringData": kube.Object{"password": "not-a-real-password"},
		})
		return err
	}
	w.run(t, w.helm, "install", "leakgate", chart, "--namespace", namespace)
	must(t, write(w))
	w.run(t, w.helm, "upgrade", "leakgate", chart, "--namespace", namespace, "--values", w.values(t, []string{"--policy", w.policy}))
	must(t, kube.Eventually(w, func(ctx context.Context) error {
		if err := write(ctx); err == nil || !strings.Contains(err.Error(), "leakgate untrusted-writer: ") {
			return errors.Join(errors.New("not refused by the floor"), err)
		}
		return nil
	}))
	w.run(t, w.helm, "uninstall", "leakgate", "--namespace", namespace)
	left, err := w.Kubectl(w, "", "get", "deployments,services,configmaps,secrets,serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings,networkpolicies,"+
		"poddisruptionbudgets,validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings", "--all-namespaces", "-o", "name")
	must(t, err)
	if strings.Contains(left, "leakgate") {
		t.Errorf("left behind:\n%s", left)
	}
	must(t, kube.Eventually(w, write))
}

// documents reads a stream into objects by kind and name.
func documents(t *testing.T, text []byte) map[string]any {
	t.Helper()
	all := map[string]any{}
	reader := kyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var o kube.Object
		err := reader.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		if o == nil {
			continue
		}
		name, _ := o["metadata"].(kube.Object)["name"].(string)
		kind, _ := o["kind"].(string)
		if _, twice := all[kind+"/"+name]; twice {
			t.Fatalf("%s/%s is there twice", kind, name)
		}
		all[kind+"/"+name] = o
	}
}
