package survey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// charted is a cluster with one HelmRelease that changed, and its chart. The chart's
// only template stands for what helm makes of it.
func charted(t *testing.T, spec, chart, more string, files ...string) (Survey, *[]Chart) {
	t.Helper()
	artifact := packed(t, files...)
	s := surveyOf(t, accounts+fmt.Sprintf(`
- {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: web, namespace: web, generation: 3}, spec: {%s}, status: {observedGeneration: 2, history: [{version: 1}]}}
- {apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmChart, metadata: {name: web-web, namespace: flux-system, generation: 2}, spec: {chart: web, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}, status: {%s, artifact: {url: "http://source/web.tgz", digest: "sha256:%x"}}}
`, spec, chart, sha256.Sum256(artifact))+more)
	s.Artifacts = func(_ context.Context, url string) (io.ReadCloser, error) {
		if url != "http://source/web.tgz" {
			return nil, errors.New("another address")
		}
		return io.NopCloser(bytes.NewReader(artifact)), nil
	}
	asked := &[]Chart{}
	s.Helm = func(_ context.Context, c Chart) ([]byte, error) {
		*asked = append(*asked, c)
		return os.ReadFile(filepath.Join(c.Folder, "templates", "all.yaml"))
	}
	return s, asked
}

const (
	fromChart  = "chart: {spec: {chart: web, version: 1.x, sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}}}"
	chartReady = "observedGeneration: 2, conditions: [{type: Ready, status: 'True'}]"
)

func TestAReleaseThatChangedIsRendered(t *testing.T) {
	secret := []string{"web/Chart.yaml", "name: web\n", "web/templates/all.yaml", strings.ReplaceAll(plainSecret("db"), ", namespace: web", "") + "---\n" + neighbour}
	harmless := []string{"web/Chart.yaml", "name: web\n", "web/templates/all.yaml", neighbour}
	values := "- {apiVersion: v1, kind: Secret, metadata: {name: v, namespace: web}, data: {values.yaml: " + base64.StdEncoding.EncodeToString([]byte("password: "+canary+"\n")) + "}}\n"
	for name, c := range map[string]struct {
		spec, chart, more string
		files             []string
		want              string
	}{
		"a Secret":           {fromChart, chartReady, "", secret, "HelmRelease web/web: web/db: writer-claim"},
		"none":               {fromChart, chartReady, "", harmless, ""},
		"values of a Secret": {fromChart + ", valuesFrom: [{kind: Secret, name: v}]", chartReady, values, secret, ""},
		"another chart":      {strings.Replace(fromChart, "chart: web", "chart: other", 1), chartReady, "", secret, "cannot tell: HelmRelease web/web: it changed since it was last released, and its chart cannot be rendered here: the HelmChart flux-system/web-web is not yet of the chart"},
		"another version":    {strings.Replace(fromChart, "1.x", "2.x", 1), chartReady, "", secret, "cannot tell: HelmRelease web/web"},
		"an old artifact":    {fromChart, "observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]", "", secret, "cannot tell: HelmRelease web/web"},
		"not stored":         {fromChart, "observedGeneration: 2, conditions: [{type: Ready, status: 'False'}]", "", secret, "cannot tell: HelmRelease web/web"},
		"by reference":       {"chartRef: {kind: HelmChart, name: web-web, namespace: flux-system}", chartReady, "", secret, "HelmRelease web/web: web/db: writer-claim"},
		"of nowhere":         {"chartRef: {kind: OCIRepository, name: web}", chartReady, "", secret, "cannot tell: HelmRelease web/web: it changed since it was last released, and its chart cannot be rendered here: the OCIRepository web/web is not there"},
		"of something else":  {"chartRef: {kind: Bucket, name: web}", chartReady, "", secret, "cannot tell: HelmRelease web/web"},
		"no chart in it":     {fromChart, chartReady, "", secret[2:], "cannot tell: HelmRelease web/web"},
		"post-rendered":      {fromChart + ", postRenderers: [{kustomize: {}}]", chartReady, "", secret, "cannot tell: HelmRelease web/web: it changed since it was last released, and its chart cannot be rendered here: it uses postRenderers"},
		"values are missing": {fromChart + ", valuesFrom: [{kind: ConfigMap, name: nowhere}]", chartReady, "", secret, "cannot tell: HelmRelease web/web"},
		"helm fails":         {fromChart, chartReady, "", []string{"web/Chart.yaml", "name: web\n"}, "cannot tell: HelmRelease web/web"},
	} {
		s, _ := charted(t, c.spec, c.chart, c.more, c.files...)
		var lines []string
		for line := range strings.Lines(told(t, s, "web")) {
			if !strings.Contains(line, "web/v:") { // who wrote the values is not the point
				lines = append(lines, line)
			}
		}
		if text := strings.TrimSpace(strings.Join(lines, "")); !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s: %q", name, text)
		}
	}
	s, _ := charted(t, fromChart, chartReady, "", secret...)
	s.Helm = nil
	if text := told(t, s, "web"); !strings.Contains(text, "there is no program that renders charts") {
		t.Errorf("%q", text)
	}
}

// Values are put together as helm-controller does: in order, the release's own last.
func TestValuesOfARelease(t *testing.T) {
	more := "- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: web}, data: {k: " + base64.StdEncoding.EncodeToString([]byte(canary+"\n")) + "}}\n" +
		"- {apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: web}, data: {values.yaml: 'a: {b: 1, c: 2}\n\nd: [1]', n: '5', list: 'a,b'}}\n"
	sources := func(s string) string { return fromChart + ", valuesFrom: [" + s + "], values: {a: {c: 3}, e: x}" }
	files := []string{"web/Chart.yaml", "name: web\n", "web/templates/all.yaml", neighbour}
	for name, c := range map[string]struct{ from, want string }{
		"merged":   {"{kind: ConfigMap, name: c}", "{a: {b: 1, c: 3}, d: [1], e: x}"},
		"a path":   {"{kind: ConfigMap, name: c}, {kind: Secret, name: s, valuesKey: k, targetPath: a.p.q}", "{a: {b: 1, c: 3, p: {q: " + canary + "}}, d: [1], e: x}"},
		"optional": {"{kind: Secret, name: nowhere, optional: true}, {kind: Secret, name: s, optional: true}", "{a: {c: 3}, e: x}"},
		"no key":   {"{kind: Secret, name: s}", ""},
		"a number": {"{kind: ConfigMap, name: c, valuesKey: n, targetPath: a}", ""},
		"a list":   {"{kind: ConfigMap, name: c, valuesKey: list, targetPath: a}", ""},
		"indexed":  {"{kind: ConfigMap, name: c, targetPath: 'a[0]'}", ""},
		"a text":   {"{kind: Secret, name: s, valuesKey: k}", ""},
		"a kind":   {"{kind: Pod, name: s}", ""},
	} {
		s, asked := charted(t, sources(c.from), chartReady, more, files...)
		text := told(t, s, "web")
		if c.want == "" {
			if len(*asked) != 0 || !strings.Contains(text, "cannot tell: HelmRelease web/web") {
				t.Errorf("%s: %v %q", name, len(*asked), text)
			}
			continue
		}
		var got, want any
		if len(*asked) != 1 || yaml.Unmarshal((*asked)[0].Values, &got) != nil || yaml.Unmarshal([]byte(c.want), &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: not the values of %s", name, c.want)
			continue
		}
		if c := (*asked)[0]; c.Name != "web" || c.Namespace != "web" || !c.Upgrade {
			t.Errorf("%s: release %s/%s, upgrade %v", name, c.Namespace, c.Name, c.Upgrade)
		}
	}
}

func TestInlineValuesAreSearched(t *testing.T) {
	objects := "- {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: web, namespace: web}, spec: {suspend: true, values: {replicas: 2, db: {url: " + canary + "}, name: existing}}}\n" +
		"- {apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web, namespace: argocd}, spec: {destination: {namespace: web}, source: {helm: {values: 'db: {url: " + canary + "}', parameters: [{name: a.b, value: " + canary + "}]}}}}\n"
	s := surveyOf(t, accounts+objects)
	s.Known = func(value string) string {
		if strings.Contains(value, canary) {
			return "made-up-key"
		}
		return ""
	}
	for namespace, want := range map[string]int{"": 3, "web": 3, "shop": 0} {
		found, err := s.Simulate(context.Background(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Exposed) != want {
			t.Errorf("%q: %v", namespace, found.Exposed)
		}
		for _, e := range found.Exposed {
			if strings.Contains(e.String(), canary) || e.Path == "" || e.Rule == "" {
				t.Errorf("%s", e)
			}
		}
	}
}
