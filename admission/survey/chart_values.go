package survey

import (
	"context"
	"encoding/base64"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// chartValues are the values of a HelmRelease as helm-controller puts them together:
// those of valuesFrom in order, then its own.
// https://fluxcd.io/flux/components/helm/helmreleases/#values
func (s Survey) chartValues(ctx context.Context, u *unstructured.Unstructured) (map[string]any, error) {
	values := map[string]any{}
	for _, from := range mappings(u.Object, "spec", "valuesFrom") {
		text, found, err := s.valuesText(ctx, u.GetNamespace(), from)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		more, err := valuesOf(text, word(from, "targetPath"))
		if err != nil {
			return nil, unknown("the values of its %s %s: %w", word(from, "kind"), word(from, "name"), err)
		}
		values = merged(values, more)
	}
	inline, _, _ := unstructured.NestedMap(u.Object, "spec", "values")
	return merged(values, inline), nil
}

// valuesText is what one source of values holds, and whether it is there: an
// optional one need not be.
func (s Survey) valuesText(ctx context.Context, namespace string, from map[string]any) (text string, found bool, err error) {
	kind, name, key := word(from, "kind"), word(from, "name"), word(from, "valuesKey")
	if key == "" {
		key = "values.yaml"
	}
	resource, is := map[string]string{"ConfigMap": "configmaps", "Secret": "secrets"}[kind]
	if !is {
		return "", false, unknown("its values come from a %s", kind)
	}
	optional, _, _ := unstructured.NestedBool(from, "optional")
	o, err := s.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && optional:
		return "", false, nil
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return "", false, unknown("its values come from the %s %s, which is not there or may not be read", kind, name)
	case err != nil:
		return "", false, err
	}
	text, found, _ = unstructured.NestedString(o.Object, "data", key)
	if !found && optional {
		return "", false, nil
	}
	if !found {
		return "", false, unknown("the %s %s that its values come from has no key %s", kind, name, key)
	}
	if kind == "Secret" {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", false, unknown("the Secret %s that its values come from cannot be read", name)
		}
		text = string(raw)
	}
	return text, true, nil
}

// Where Helm would read more than a text into a path or a value, it is not guessed.
var (
	simplePath  = regexp.MustCompile(`^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$`)
	simpleValue = regexp.MustCompile(`^[A-Za-z_][^,{}\[\]=\\]*$`)
)

// valuesOf are the values of one source: a document, or with a path one text.
func valuesOf(text, path string) (map[string]any, error) {
	if path == "" {
		values := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			return nil, unknown("they are no YAML of a mapping")
		}
		return values, nil
	}
	value := strings.TrimRight(text, "\r\n")
	if !simplePath.MatchString(path) || !simpleValue.MatchString(value) || value == "true" || value == "false" || value == "null" {
		return nil, unknown("they are set at a targetPath in a way that only Helm reads")
	}
	steps := strings.Split(path, ".")
	values := map[string]any{steps[len(steps)-1]: value}
	for i := len(steps) - 2; i >= 0; i-- {
		values = map[string]any{steps[i]: values}
	}
	return values, nil
}

// merged is base with what is over it; mappings are merged, all else replaced.
func merged(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for key, value := range base {
		out[key] = value
	}
	for key, value := range over {
		below, isMap := out[key].(map[string]any)
		if more, is := value.(map[string]any); is && isMap {
			out[key] = merged(below, more)
			continue
		}
		out[key] = value
	}
	return out
}
