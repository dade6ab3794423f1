package render

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/render/local"
)

// folder writes files, given as pairs of names and texts.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {level: debug}\n"

func TestKustomizeRendersWhatKustomizeBuildDoes(t *testing.T) {
	dir := folder(t, map[string]string{
		"base/kustomization.yaml": "resources: [cm.yaml]\n",
		"base/cm.yaml":            settings,
		"prod/kustomization.yml":  "bases: [../base]\nnamePrefix: prod-\npatches:\n- patch: |\n    kind: ConfigMap\n    apiVersion: v1\n    metadata: {name: a}\n    data: {level: info}\n",
	})
	text, err := Kustomize(filepath.Join(dir, "prod"))
	if err != nil || !strings.Contains(string(text), "prod-a") || !strings.Contains(string(text), "level: info") {
		t.Errorf("%s %v", text, err)
	}
}

// Nothing is fetched and nothing outside is read; no error quotes a file.
func TestKustomizeRefusesWhatIsNotHere(t *testing.T) {
	outside := folder(t, map[string]string{"cm.yaml": settings})
	for name, text := range map[string]string{
		"URL":        "resources: [\"https://example.com/a.yaml\"]\n",
		"repository": "resources: [github.com/example/a//base?ref=v1]\n",
		"ssh":        "bases: [\"git@example.com:a/b.git\"]\n",
		"component":  "components: [\"https://example.com/a?ref=v1\"]\n",
		"generator":  "generators: [\"https://example.com/a.yaml\"]\n",
		"schema":     "openapi: {path: \"https://example.com/a.json\"}\n",
		"outside":    "resources: [" + filepath.Join(outside, "cm.yaml") + "]\n",
		"env":        "secretGenerator: [{name: a, envs: [../../../../../../etc/hostname]}]\n",
		"plugin":     "generators: [plugin.yaml]\n",
		"chart":      "helmCharts: [{name: a, repo: \"https://example.com\"}]\n",
		"broken":     "resources: [\n",
	} {
		dir := folder(t, map[string]string{"kustomization.yaml": text, "plugin.yaml": "apiVersion: x/v1\nkind: Exec\nmetadata: {name: a, annotations: {config.kubernetes.io/function: \"exec: {path: /bin/true}\"}}\n"})
		if out, err := Kustomize(dir); err == nil {
			t.Errorf("%s: rendered %q", name, out)
		} else if strings.Contains(err.Error(), "example") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Kustomize(t.TempDir()); err == nil {
		t.Error("a folder without a kustomization is rendered")
	}
}

// Kustomize loads more than resources by an address.
func TestKustomizeCallsNobody(t *testing.T) {
	called := ""
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called = r.URL.Path }))
	defer server.Close()
	at := server.URL
	for name, text := range map[string]string{
		"patch":            "patches: [{path: " + at + "/a}]\n",
		"merge":            "patchesStrategicMerge: [" + at + "/a]\n",
		"json":             "patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: a}, path: " + at + "/a}]\n",
		"file":             "configMapGenerator: [{name: b, files: [\"k=" + at + "/a\"]}]\n",
		"env":              "secretGenerator: [{name: b, envs: [\"" + at + "/a\"]}]\n",
		"replacement":      "replacements: [{path: " + at + "/a}]\n",
		"configuration":    "configurations: [" + at + "/a]\n",
		"case of a field":  "Patches: [{Path: " + strings.Replace(at, "http", "HTTP", 1) + "/a}]\n",
		"alias":            "commonAnnotations: {a: &a " + at + "/a}\npatches: [{path: *a}]\n",
		"transformer":      "transformers: [t.yaml]\n",
		"case of a plugin": "Transformers: [t.yaml]\n",
		"inline":           "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: a}\n  path: " + at + "/a\n",
		"generator folder": "generators: [more]\n",
		"line behind":      "components: [\"" + at + "/a/b\\n\"]\n",
		"repository":       "components: [github.com/a/b]\n",
	} {
		dir := folder(t, map[string]string{
			"cm.yaml": settings, "kustomization.yaml": "resources: [cm.yaml]\n" + text,
			"t.yaml":                            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: " + at + "/a\n",
			"more/g.yaml":                       "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nname: b\nfiles: [\"k=" + at + "/a\"]\n",
			"more/kustomization.yaml":           "resources: [g.yaml]\n",
			"github.com/a/b/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
		})
		if err := local.Check(dir); err == nil || strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Kustomize(dir); err == nil || called != "" {
			t.Errorf("%s: %v, called %q", name, err, called)
		}
	}
}

// An address that is text is rendered.
func TestKustomizeRendersAddressesInTexts(t *testing.T) {
	const at = "https://example.com/a?b=c"
	dir := folder(t, map[string]string{
		"cm.yaml": settings,
		"kustomization.yaml": "resources: [cm.yaml]\ncommonAnnotations: {home: \"" + at + "\"}\n" +
			"configMapGenerator: [{name: b, literals: [\"URL=" + at + "\"]}]\nimages: [{name: a, newName: github.com/a/b}]\n" +
			"patches: [{patch: '[{\"op\": \"add\", \"path\": \"/data/url\", \"value\": \"" + at + "\"}]', target: {kind: ConfigMap, name: a}}]\ntransformers: [t.yaml]\n",
		"t.yaml": "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: a}\nannotations: {more: \"" + at + "\"}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n",
	})
	text, err := Kustomize(dir)
	if err != nil || strings.Count(string(text), at) < 4 {
		t.Errorf("%s %v", text, err)
	}
}

func TestKustomizationsThatNameEachOtherEnd(t *testing.T) {
	dir := folder(t, map[string]string{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"})
	if _, err := Kustomize(filepath.Join(dir, "a")); err == nil {
		t.Error("a circle is rendered")
	}
}
