package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/internal/manifest"
)

// Exposed is a value that stands inline where a deployer takes its values from: who
// may read the object, or its repository, reads it.
type Exposed struct {
	Deployer string `json:"deployer"`
	Path     string `json:"path"`
	Rule     string `json:"rule"`
	Why      string `json:"why"`
}

// String is one line about it.
func (e Exposed) String() string {
	return fmt.Sprintf("in the open: %s: %s: %s: %s", e.Deployer, e.Path, e.Rule, e.Why)
}

// exposed searches the inline values of deployers that write into a namespace, ""
// for all.
func (s Survey) exposed(ctx context.Context, namespace string) (out []Exposed, err error) {
	for _, by := range []struct{ group, kind string }{{helmGroup, "HelmRelease"}, {"argoproj.io", "Application"}} {
		err := s.each(ctx, by.group, by.kind, "", func(u *unstructured.Unstructured) error {
			if namespace != "" && destination(u) != namespace {
				return nil
			}
			found, err := s.inline(u)
			for _, f := range found {
				out = append(out, Exposed{Deployer: by.kind + " " + u.GetNamespace() + "/" + u.GetName(), Path: f.Path, Rule: f.Rule, Why: f.Reason})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// destination is the namespace that a deployer writes into unless an object says
// otherwise.
func destination(u *unstructured.Unstructured) string {
	if u.GetKind() == "Application" {
		return word(u.Object, "spec", "destination", "namespace")
	}
	return releaseNamespace(u)
}

// inlineFields are where values stand: those of a HelmRelease, and what an
// Application hands to helm, kustomize and plugins.
var inlineFields = []string{"spec.values", "spec.source.", "spec.sources["}

// inline is what the rules of formats say of the values.
func (s Survey) inline(u *unstructured.Unstructured) (out []manifest.Fault, err error) {
	raw, err := json.Marshal(map[string]any{"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(),
		"metadata": map[string]any{"namespace": u.GetNamespace(), "name": u.GetName()}, "spec": u.Object["spec"]})
	if err != nil {
		return nil, fmt.Errorf("read the %s %s/%s", u.GetKind(), u.GetNamespace(), u.GetName())
	}
	docs, err := manifest.Parse("object", raw)
	if err != nil {
		return nil, fmt.Errorf("the %s %s/%s cannot be searched to its end", u.GetKind(), u.GetNamespace(), u.GetName())
	}
	for _, f := range (manifest.Checker{Formats: s.Policy.Formats, Known: s.Known, Now: s.Now}).Faults(docs) {
		for _, field := range inlineFields {
			if strings.HasPrefix(f.Path, field) {
				out = append(out, f)
				break
			}
		}
	}
	return out, nil
}
