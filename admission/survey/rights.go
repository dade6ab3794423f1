package survey

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/internal/gate"
)

// Right is that somebody may do something with Secrets.
type Right struct {
	Subject   string   `json:"subject"`   // "user:NAME", "group:NAME" or "serviceaccount:NAMESPACE/NAME"
	Namespace string   `json:"namespace"` // "" for the whole cluster
	Names     []string `json:"names,omitempty"`
	By        string   `json:"by"` // the binding that gives it
}

// ReadVerbs and WriteVerbs are what is asked of Secrets.
var (
	ReadVerbs  = []string{"get", "list", "watch"}
	WriteVerbs = []string{"create", "update", "patch"}
)

// Rights are who may do any of the verbs with Secrets, by RBAC. Other
// authorizers, and the group system:masters, are not seen by RBAC.
func (s Survey) Rights(ctx context.Context, verbs []string) ([]Right, error) {
	roles := map[string][]grant{}
	for _, kind := range []string{"ClusterRole", "Role"} {
		err := s.each(ctx, "rbac.authorization.k8s.io", kind, "", func(u *unstructured.Unstructured) error {
			roles[kind+" "+u.GetNamespace()+"/"+u.GetName()] = grants(u.Object, verbs)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	found := map[string]Right{}
	for _, kind := range []string{"ClusterRoleBinding", "RoleBinding"} {
		err := s.each(ctx, "rbac.authorization.k8s.io", kind, "", func(u *unstructured.Unstructured) error {
			name := word(u.Object, "roleRef", "name")
			key := "ClusterRole /" + name
			if word(u.Object, "roleRef", "kind") == "Role" {
				key = "Role " + u.GetNamespace() + "/" + name
			}
			for _, g := range roles[key] {
				for _, subject := range mappings(u.Object, "subjects") {
					r := Right{subjectOf(subject, u.GetNamespace()), u.GetNamespace(), g.names, kind + " " + u.GetName()}
					found[fmt.Sprint(r)] = r
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Right) int {
		return strings.Compare(a.Subject+a.Namespace+a.By, b.Subject+b.Namespace+b.By)
	}), nil
}

// grant is one rule that covers Secrets.
type grant struct{ names []string }

func grants(role map[string]any, verbs []string) (out []grant) {
	for _, rule := range mappings(role, "rules") {
		if has(texts(rule, "apiGroups"), "") && has(texts(rule, "resources"), "secrets") && slices.ContainsFunc(verbs, func(v string) bool { return has(texts(rule, "verbs"), v) }) {
			out = append(out, grant{texts(rule, "resourceNames")})
		}
	}
	return out
}

func has(list []string, one string) bool {
	return slices.Contains(list, one) || slices.Contains(list, "*")
}

// subjectOf is who a binding speaks of. A service account may also be named as the
// user that the API server knows it by.
func subjectOf(subject map[string]any, namespace string) string {
	name := word(subject, "name")
	if account := gate.ServiceAccount(name); account != "" && word(subject, "kind") == "User" {
		return "serviceaccount:" + account
	}
	switch word(subject, "kind") {
	case "ServiceAccount":
		if own := word(subject, "namespace"); own != "" {
			namespace = own
		}
		return "serviceaccount:" + namespace + "/" + name
	case "Group":
		return "group:" + name
	}
	return "user:" + name
}
