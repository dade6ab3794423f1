package survey

import (
	"context"
	"os"
	"path/filepath"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/leakgate/leakgate/admission"
)

// Chart is what Helm is asked to render.
type Chart struct {
	Folder          string
	Name, Namespace string // of the release
	Upgrade         bool   // there is a release of it
	Values          []byte // YAML; some of them may come from Secrets, so they stand in no file
}

const sourceGroup = "source.toolkit.fluxcd.io"

// rendered is what the chart of a HelmRelease becomes with its values: the artifact
// that Flux stored, by the user's own helm. What a chart looks up in the cluster is
// not there, as helm template has it.
func (s Survey) rendered(ctx context.Context, u *unstructured.Unstructured) ([]byte, error) {
	switch {
	case s.Helm == nil:
		return nil, unknown("there is no program that renders charts: helm")
	case len(mappings(u.Object, "spec", "postRenderers")) > 0:
		return nil, unknown("it uses postRenderers")
	}
	values, err := s.chartValues(ctx, u)
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		return nil, unknown("its values cannot be written as YAML")
	}
	source, err := s.chartSource(ctx, u)
	if err != nil {
		return nil, err
	}
	folder, err := s.artifact(ctx, source)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	chart, err := chartFolder(filepath.Join(folder, filesFolder))
	if err != nil {
		return nil, err
	}
	out, err := s.Helm(ctx, Chart{Folder: chart, Name: releaseName(u), Namespace: releaseNamespace(u), Upgrade: len(mappings(u.Object, "status", "history")) > 0, Values: text})
	if err != nil {
		return nil, unknown("%w", err)
	}
	return out, nil
}

// chartFolder is where the chart is in its artifact.
func chartFolder(files string) (string, error) {
	found, err := filepath.Glob(filepath.Join(files, "*", "Chart.yaml"))
	if err == nil {
		if _, here := os.Stat(filepath.Join(files, "Chart.yaml")); here == nil {
			found = append(found, filepath.Join(files, "Chart.yaml"))
		}
	}
	if err != nil || len(found) != 1 {
		return "", unknown("its artifact holds no chart, or more than one")
	}
	return filepath.Dir(found[0]), nil
}

// chartSource is the object whose artifact is the chart: the one that the HelmRelease
// refers to, or the HelmChart that helm-controller makes of its template.
// https://fluxcd.io/flux/components/helm/helmreleases/#chart-template
func (s Survey) chartSource(ctx context.Context, u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	kind, name, namespace := word(u.Object, "spec", "chartRef", "kind"), word(u.Object, "spec", "chartRef", "name"), word(u.Object, "spec", "chartRef", "namespace")
	template := kind == ""
	if template {
		kind, name, namespace = "HelmChart", u.GetNamespace()+"-"+u.GetName(), word(u.Object, "spec", "chart", "spec", "sourceRef", "namespace")
	}
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	if kind != "HelmChart" && kind != "OCIRepository" {
		return nil, unknown("its chart comes from a %s", kind)
	}
	o, err := s.Cluster.Find(ctx, admission.Kind{Group: sourceGroup, Kind: kind}, namespace, name, func(admission.Object) bool { return true })
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, unknown("the %s %s/%s is not there", kind, namespace, name)
	}
	source := &unstructured.Unstructured{Object: o}
	if template && !sameChart(u, source) || !current(source) {
		return nil, unknown("the %s %s/%s is not yet of the chart that is asked for", kind, namespace, name)
	}
	return source, nil
}

// sameChart reports whether a HelmChart is what a HelmRelease asks for now.
func sameChart(u, source *unstructured.Unstructured) bool {
	for _, field := range [][]string{{"chart"}, {"version"}, {"sourceRef", "kind"}, {"sourceRef", "name"}} {
		want, have := word(u.Object, append([]string{"spec", "chart", "spec"}, field...)...), word(source.Object, append([]string{"spec"}, field...)...)
		if want == "" && field[0] == "version" {
			want = "*"
		}
		if have == "" && field[0] == "version" {
			have = "*"
		}
		if want != have {
			return false
		}
	}
	want, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "chart", "spec", "valuesFiles")
	have, _, _ := unstructured.NestedStringSlice(source.Object, "spec", "valuesFiles")
	return len(want) == len(have) && (len(want) == 0 || reflect.DeepEqual(want, have))
}

// current reports whether a source has stored what it asks for now.
func current(source *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(source.Object, "status", "observedGeneration")
	if seen != source.GetGeneration() {
		return false
	}
	for _, c := range mappings(source.Object, "status", "conditions") {
		if c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}
