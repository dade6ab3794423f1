package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

func TestKustomizationsThatNameEachOtherEnd(t *testing.T) {
	dir := folder(t, map[string]string{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"})
	if _, err := Kustomize(filepath.Join(dir, "a")); err == nil {
		t.Error("a circle is rendered")
	}
}
