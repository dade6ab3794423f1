package survey

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/internal/gate"
)

// application takes from the status of an Application what Argo CD found in its
// source. It says kinds and names, not values: a Secret is taken to have some.
// https://argo-cd.readthedocs.io/en/stable/user-guide/status-badge/
func (s Survey) application(ctx context.Context, u *unstructured.Unstructured) (plan, error) {
	user, _, err := s.account(ctx, "argocd-application-controller", gate.ByArgoCD)
	switch {
	case err != nil:
		return plan{}, err
	case user.Name == "":
		return unsure("", "no argocd-application-controller is seen, nor an account of it that the policy names"), nil
	}
	if why := uncompared(u); why != "" {
		return unsure("", why), nil
	}
	own, _, _ := strings.Cut(gate.ServiceAccount(user.Name), "/")
	app := u.GetName()
	if u.GetNamespace() != own {
		app = u.GetNamespace() + "_" + app
	}
	p := plan{user: user, filled: true}
	for _, r := range mappings(u.Object, "status", "resources") {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		group, version, kind := word(r, "group"), word(r, "version"), word(r, "kind")
		o.SetAPIVersion(strings.TrimPrefix(group+"/"+version, "/"))
		o.SetKind(kind)
		o.SetNamespace(word(r, "namespace"))
		o.SetName(word(r, "name"))
		if group == "" && kind == "Secret" {
			o.Object["data"] = map[string]any{"unknown": ""}
			o.SetAnnotations(map[string]string{"argocd.argoproj.io/tracking-id": fmt.Sprintf("%s:/Secret:%s/%s", app, o.GetNamespace(), o.GetName())})
		} else if s.Polices != nil && s.Polices(group) {
			if word(r, "status") != "Synced" {
				p.why = "what it would write as " + title(o) + " stands only in its source"
			}
			continue
		}
		p.objects = append(p.objects, o)
	}
	return p, nil
}

// uncompared says why the status is not about the source that the Application has
// now, or "".
func uncompared(u *unstructured.Unstructured) string {
	if sync := word(u.Object, "status", "sync", "status"); sync != "Synced" && sync != "OutOfSync" {
		return "Argo CD has not compared it with its source"
	}
	for _, field := range []string{"source", "sources"} {
		spec, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", field)
		compared, _, _ := unstructured.NestedFieldNoCopy(u.Object, "status", "sync", "comparedTo", field)
		if spec != nil && !reflect.DeepEqual(spec, compared) {
			return "Argo CD has not compared it with its source since that changed"
		}
	}
	return ""
}
