package install

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// right is one thing that somebody may do: a verb on a resource of a group, and on
// one object of it where it is named.
type right struct{ verb, group, resource, name string }

func (r right) String() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		text += "." + r.group
	}
	if r.name != "" {
		text += " " + r.name
	}
	return text
}

// rightsOf are those of the rules of a role.
func rightsOf(rules any) map[right]bool {
	raw, err := json.Marshal(rules)
	if err != nil {
		return nil
	}
	var list []struct {
		APIGroups, Resources, Verbs, ResourceNames, NonResourceURLs []string
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	out := map[right]bool{}
	for _, r := range list {
		names := r.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range r.Verbs {
			for _, group := range r.APIGroups {
				for _, resource := range r.Resources {
					for _, name := range names {
						out[right{verb, group, resource, name}] = true
					}
				}
			}
			for _, url := range r.NonResourceURLs {
				out[right{verb, "", url, ""}] = true
			}
		}
	}
	return out
}

// lookAtRights compares the roles of our account with those that are asked for,
// and finds bindings that give it more.
func (c Cluster) lookAtRights(ctx context.Context, o Options) ([]Symptom, error) {
	installed, err := c.installed(ctx, o.Namespace)
	if err != nil { // told as no webhook configuration
		installed = o
	}
	o.Certificates = installed.Certificates
	var out []Symptom
	for _, want := range []object{o.clusterRole(), o.role()} {
		s, err := c.lookAtRole(ctx, want)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	bindings, err := c.lookAtBindings(ctx, o)
	if err != nil {
		return nil, err
	}
	out = append(out, bindings)
	effective, err := c.lookAtAccess(ctx, o)
	return append(out, effective), err
}

const mendRights = "leakgate-admission install --policy FILE --yes with the policy of the cluster"

func (c Cluster) lookAtRole(ctx context.Context, want object) (Symptom, error) {
	s := Symptom{Subject: fmt.Sprint(want["kind"], " ", nameOf(want)), Fix: mendRights}
	live, err := c.get(ctx, want)
	if err != nil {
		return s, err
	}
	if live == nil {
		s.Problem, s.Fatal = "there is none, so nothing can be asked of the cluster", true
		return s, nil
	}
	need, have := rightsOf(want["rules"]), rightsOf(live.Object["rules"])
	missing, surplus := less(need, have), less(have, need)
	var said []string
	if len(missing) > 0 {
		said = append(said, "it lacks "+shorten(missing))
	}
	if len(surplus) > 0 {
		said = append(said, "it gives too much: "+shorten(surplus))
	}
	s.Problem, s.Fatal = strings.Join(said, "; "), len(said) > 0
	return s, nil
}

// less are the rights of a that b has not.
func less(a, b map[right]bool) (out []string) {
	for r := range a {
		if !b[r] {
			out = append(out, r.String())
		}
	}
	slices.Sort(out)
	return out
}

func shorten(all []string) string {
	const shown = 8
	if len(all) > shown {
		return strings.Join(all[:shown], ", ") + fmt.Sprintf(" and %d more", len(all)-shown)
	}
	return strings.Join(all, ", ")
}

// lookAtBindings finds that our roles are not bound to our account, and what else
// is bound to it by name.
func (c Cluster) lookAtBindings(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "role bindings", Fix: mendRights}
	want := map[string]object{"ClusterRoleBinding": o.clusterRoleBinding(), "RoleBinding": o.roleBinding()}
	for _, kind := range slices.Sorted(maps.Keys(want)) {
		found := false
		err := c.bindings(ctx, kind, func(b *unstructured.Unstructured) {
			if !bindsUs(b, o.Namespace) {
				return
			}
			role, _, _ := unstructured.NestedString(b.Object, "roleRef", "name")
			ours := b.GetName() == Name && role == Name && (kind == "ClusterRoleBinding" || b.GetNamespace() == o.Namespace)
			if found = found || ours; !ours {
				place := ""
				if b.GetNamespace() != "" {
					place = " -n " + b.GetNamespace()
				}
				s.Problem = fmt.Sprintf("the %s %s gives our account the role %s too", kind, b.GetName(), role)
				s.Fix, s.Fatal = "kubectl delete "+strings.ToLower(kind)+" "+b.GetName()+place, true
			}
		})
		if err != nil {
			return s, err
		}
		if !found && !s.Fatal {
			s.Problem, s.Fatal = "the "+kind+" "+Name+" does not give our account its role", true
		}
	}
	return s, nil
}

func bindsUs(b *unstructured.Unstructured, namespace string) bool {
	subjects, _, _ := unstructured.NestedSlice(b.Object, "subjects")
	return slices.ContainsFunc(subjects, func(v any) bool {
		s, _ := v.(map[string]any)
		own := s["namespace"]
		if own == nil {
			own = b.GetNamespace()
		}
		return s["kind"] == "ServiceAccount" && s["name"] == Name && own == namespace || s["kind"] == "User" && s["name"] == "system:serviceaccount:"+namespace+":"+Name
	})
}

// bindings visits every binding of a kind, page by page.
func (c Cluster) bindings(ctx context.Context, kind string, visit func(*unstructured.Unstructured)) error {
	mapping, err := c.Mapper.RESTMapping(schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: kind})
	if err != nil {
		return fmt.Errorf("find %s: %w", kind, err)
	}
	options := metav1.ListOptions{Limit: 500}
	for {
		page, err := c.Client.Resource(mapping.Resource).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		for i := range page.Items {
			visit(&page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// never is what our account must not be able to do, whoever lets it: by its groups,
// too, or by an authorizer that is not RBAC.
var never = []right{
	{"list", "", "secrets", ""}, {"get", "", "secrets", ""}, {"create", "", "secrets", ""}, {"update", "", "secrets", ""}, {"delete", "", "secrets", ""},
	{"create", "", "pods", ""}, {"create", "", "serviceaccounts/token", ""}, {"impersonate", "", "users", ""},
	{"delete", "admissionregistration.k8s.io", "validatingwebhookconfigurations", ""},
	{"escalate", "rbac.authorization.k8s.io", "clusterroles", ""}, {"bind", "rbac.authorization.k8s.io", "clusterroles", ""},
}

// lookAtAccess asks the API server itself what our account may do.
func (c Cluster) lookAtAccess(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "what the account may do", Fix: "kubectl auth can-i --list --as system:serviceaccount:" + o.Namespace + ":" + Name + " shows all; " + mendRights}
	needed := rightsOf(o.clusterRole()["rules"])
	own := rightsOf(o.role()["rules"])
	var lacks, may []string
	for _, ask := range []struct {
		rights    []right
		namespace string
		want      bool
	}{{slices.Collect(maps.Keys(needed)), "", true}, {slices.Collect(maps.Keys(own)), o.Namespace, true}, {never, "", false}} {
		for _, r := range ask.rights {
			allowed, err := c.allowed(ctx, o, r, ask.namespace)
			switch {
			case err != nil:
				s.Problem, s.Fix = "it cannot be told: the API server does not say what another may do ("+err.Error()+")", "ask with the right to create subjectaccessreviews"
				return s, nil
			case ask.want && !allowed:
				lacks = append(lacks, r.String())
			case !ask.want && allowed:
				may = append(may, r.String())
			}
		}
	}
	slices.Sort(lacks)
	var said []string
	if len(lacks) > 0 {
		said = append(said, "it may not "+shorten(lacks))
	}
	if len(may) > 0 {
		said = append(said, "it may "+shorten(may)+", by a group or an authorizer")
	}
	s.Problem, s.Fatal = strings.Join(said, "; "), len(said) > 0
	return s, nil
}

// allowed asks by a SubjectAccessReview.
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
func (c Cluster) allowed(ctx context.Context, o Options, r right, namespace string) (bool, error) {
	resource, sub, _ := strings.Cut(r.resource, "/")
	review := object{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": object{
		"user":               "system:serviceaccount:" + o.Namespace + ":" + Name,
		"groups":             []string{"system:serviceaccounts", "system:serviceaccounts:" + o.Namespace, "system:authenticated"},
		"resourceAttributes": object{"verb": r.verb, "group": r.group, "resource": resource, "subresource": sub, "name": r.name, "namespace": namespace},
	}}
	u, err := unstructuredOf(review)
	if err != nil {
		return false, err
	}
	answer, err := c.Client.Resource(schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}).Create(ctx, u, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, nil
}
