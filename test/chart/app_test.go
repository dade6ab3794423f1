package chart_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/test/kube"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const appChart = "../../deploy/helm/leakgate-app"

// TestAppChart renders the chart of the GitHub App for installations that differ: it says
// what the golden files say, the API server accepts each object, pods are of the strictest
// kind, and our own gate finds nothing.
func TestAppChart(t *testing.T) {
	w := newWorld(t)
	leakgate := filepath.Join(w.Dir, "leakgate")
	w.run(t, "go", "build", "-o", leakgate, "../../cmd/leakgate")
	must(t, w.Namespace(w, "strict", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}))
	for name, count := range map[string]int{"plain": 6, "everything": 12, "small": 4} {
		t.Run(name, func(t *testing.T) {
			values := filepath.Join("testdata", "app", name+".values.yaml")
			w.run(t, w.helm, "lint", "--strict", appChart, "--namespace", namespace, "--values", values)
			rendered := w.run(t, w.helm, "template", "leakgate-app", appChart, "--kube-version", "1.30.0", "--namespace", namespace, "--values", values)
			golden(t, filepath.Join("testdata", "app", name+".yaml"), rendered)
			all := documents(t, rendered)
			if len(all) != count {
				t.Errorf("%d objects, not %d", len(all), count)
			}
			out, err := w.Kubectl(w, string(rendered), "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
			must(t, err)
			if got := strings.Count(out, "serverside-applied"); got != count {
				t.Errorf("%d of %d objects are accepted\n%s", got, count, out)
			}
			w.strict(t, all["StatefulSet/leakgate-app"])
			file := filepath.Join(w.Dir, name+".yaml")
			must(t, os.WriteFile(file, rendered, 0o600))
			w.run(t, leakgate, "check", file)
			for what := range all {
				if strings.HasPrefix(what, "Secret/") {
					t.Errorf("the chart holds %s", what)
				}
			}
		})
	}
	t.Run("refused", w.refused)
	t.Run("rules", w.rules)
	t.Run("notes", w.notes)
	t.Run("dashboard", w.dashboard)
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (LEAKGATE_E2E=true go test ./test/chart -run App -update writes it anew)\n%s", file, diff)
	}
}

// strict has the API server hold a pod of the set against the restricted standard.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func (w *world) strict(t *testing.T, set any) {
	t.Helper()
	template := set.(kube.Object)["spec"].(kube.Object)["template"].(kube.Object)
	spec := template["spec"].(kube.Object)
	spec["volumes"] = append(spec["volumes"].([]any), kube.Object{"name": "mirrors", "emptyDir": kube.Object{}})
	for i, v := range spec["volumes"].([]any)[:len(spec["volumes"].([]any))-1] {
		if v.(kube.Object)["name"] == "mirrors" { // the set has it, and makes no claim
			spec["volumes"] = append(spec["volumes"].([]any)[:i:i], spec["volumes"].([]any)[i+1:]...)
			break
		}
	}
	pod := kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": "leakgate-app-0", "namespace": "strict"}, "spec": spec}
	create := func() error {
		text, err := json.Marshal(pod)
		must(t, err)
		_, err = w.Kubectl(w, string(text), "create", "--dry-run=server", "-f", "-")
		return err
	}
	must(t, create())
	context := spec["containers"].([]any)[0].(kube.Object)["securityContext"].(kube.Object)
	context["allowPrivilegeEscalation"] = true
	if err := create(); err == nil || !strings.Contains(err.Error(), "restricted") {
		t.Errorf("the standard refuses nothing: %v", err)
	}
}

// refused: what cannot work is said before anything is installed, and by its name.
func (w *world) refused(t *testing.T) {
	good := []string{"--set", "app.id=7", "--set", "secret.name=a"}
	for says, more := range map[string][]string{
		"/app/id":           {"--set", "app.id=0"},
		"/secret/name":      {"--set", "secret.name="},
		"replica":           {"--set", "replica=3"},
		"/app/defaultStage": {"--set", "app.defaultStage=loud"},
		"/ingress/host":     {"--set", "ingress.enabled=true"},
		"/dashboard/url":    {"--set", "dashboard.url=http://a,dashboard.clientID=b"},
		"/dashboard/client": {"--set", "dashboard.url=https://a"},
		"/image/digest":     {"--set", "image.digest=sha256:0"},
		"says nothing of":   {"--set", "secret.externalSecret.enabled=true", "--set", "secret.externalSecret.store.name=vault"},
		"the store that":    {"--set", "secret.externalSecret.enabled=true"},
	} {
		if _, err := w.try(w.helm, append(append([]string{"template", "a", appChart, "--kube-version", "1.30.0"}, good...), more...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", more, err)
		}
	}
	w.run(t, w.helm, append([]string{"template", "a", appChart, "--kube-version", "1.30.0"}, good...)...)
}

// rules: the chart's rules are those that promtool looked at.
func (w *world) rules(t *testing.T) {
	text, err := os.ReadFile("../../deploy/slo/rules.yaml")
	must(t, err)
	var want any
	must(t, yaml.Unmarshal(text, &want))
	rendered := w.run(t, w.helm, "template", "a", appChart, "--kube-version", "1.30.0", "--set", "app.id=7,secret.name=a,rules=true", "--show-only", "templates/prometheusrule.yaml")
	var got struct{ Spec any }
	must(t, yaml.Unmarshal(rendered, &got))
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Error(diff)
	}
}

// notes are what helm says at the end of an installation, which is then gone without a rest.
func (w *world) notes(t *testing.T) {
	out := string(w.run(t, w.helm, "install", "app", appChart, "--namespace", namespace, "--set", "app.id=7,secret.name=a"))
	for _, text := range []string{"App number 7", "service app, port 80", "app.pem, database-url, key, webhook-secret", "doctor --app-id 7"} {
		if !strings.Contains(out, text) {
			t.Errorf("the notes do not say %q:\n%s", text, out)
		}
	}
	out = string(w.run(t, w.helm, "upgrade", "app", appChart, "--namespace", namespace, "--set", "app.id=7,secret.name=a,replicas=4,dashboard.url=https://b.example/,dashboard.clientID=c"))
	for _, text := range []string{"callback URL https://b.example/login", "Nothing here leads from that host", "client-secret"} {
		if !strings.Contains(out, text) {
			t.Errorf("the notes do not say %q:\n%s", text, out)
		}
	}
	w.run(t, w.helm, "uninstall", "app", "--namespace", namespace)
}

// dashboard: only the door of its own host opens for it, and none without it.
func (w *world) dashboard(t *testing.T) {
	doors := "ingress.enabled=true,ingress.host=a.example,ingress.tlsSecret=tls,httpRoute.enabled=true,httpRoute.host=b.example,httpRoute.parents[0].name=g"
	for url, open := range map[string]string{"": "", "https://a.example": "Ingress/a", "https://b.example/": "HTTPRoute/a", "https://c.example": ""} {
		rendered := w.run(t, w.helm, "template", "a", appChart, "--kube-version", "1.30.0", "--set", "app.id=7,secret.name=a,dashboard.clientID=c,dashboard.url="+url+","+doors)
		all := documents(t, rendered)
		for _, what := range []string{"Ingress/a", "HTTPRoute/a"} {
			text, err := yaml.Marshal(all[what])
			must(t, err)
			if got := strings.Contains(string(text), "Prefix"); got != (what == open) || !strings.Contains(string(text), "/hook") {
				t.Errorf("%q: %s\n%s", url, what, text)
			}
		}
		if got := strings.Contains(string(rendered), "--client-secret-file=/run/leakgate/client-secret") && strings.Contains(string(rendered), "{key: client-secret, path: client-secret}"); got != (url != "") {
			t.Errorf("%q: the client secret is given: %v", url, got)
		}
	}
}
