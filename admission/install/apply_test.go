package install

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	ktesting "k8s.io/client-go/testing"
)

// installedCluster holds an installation by these options, as objects.
func installedCluster(t *testing.T, o Options) (Cluster, *fake.FakeDynamicClient) {
	t.Helper()
	var versions []schema.GroupVersion
	var objects []runtime.Object
	lists := map[schema.GroupVersionResource]string{}
	all := Objects(o)
	all = append(all, o.floorPolicy(), o.floorBinding())
	for _, obj := range all {
		u, err := unstructuredOf(obj)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, u.GroupVersionKind().GroupVersion())
	}
	mapper := meta.NewDefaultRESTMapper(versions)
	for i, obj := range all {
		u, _ := unstructuredOf(obj)
		gvk := u.GroupVersionKind()
		scope := meta.RESTScopeNamespace
		if u.GetNamespace() == "" {
			scope = meta.RESTScopeRoot
		}
		mapper.Add(gvk, scope)
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		lists[plural] = gvk.Kind + "List"
		if i < len(all)-2 { // those of the floor are among them, if it is wanted
			objects = append(objects, u)
		}
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...)
	client.PrependReactor("create", "subjectaccessreviews", func(a ktesting.Action) (bool, runtime.Object, error) {
		return true, reviewed(client, a.(ktesting.CreateAction).GetObject().(*unstructured.Unstructured)), nil
	})
	return Cluster{Client: client, Mapper: mapper}, client
}

// reviewed answers by our own roles. It asks behind the client, which is locked.
func reviewed(client *fake.FakeDynamicClient, review *unstructured.Unstructured) *unstructured.Unstructured {
	asked := func(name string) string {
		text, _, _ := unstructured.NestedString(review.Object, "spec", "resourceAttributes", name)
		return text
	}
	allowed := false
	for resource, namespace := range map[string]string{"clusterroles": "", "roles": asked("namespace")} {
		found, err := client.Tracker().Get(schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}, namespace, Name)
		if err == nil {
			have := rightsOf(found.(*unstructured.Unstructured).Object["rules"])
			allowed = allowed || have[right{asked("verb"), asked("group"), asked("resource"), asked("name")}]
		}
	}
	out := review.DeepCopy()
	out.Object["status"] = map[string]any{"allowed": allowed}
	return out
}

func TestDoctorFindsRightsThatAreTooFewOrTooMany(t *testing.T) {
	ctx := context.Background()
	group := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
	}
	rule := func(group, resource, verb string) map[string]any {
		return map[string]any{"apiGroups": []any{group}, "resources": []any{resource}, "verbs": []any{verb}}
	}
	o := enforcingOptions(t)
	bound := func(kind, role string, subject map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": "more", "namespace": map[string]string{"RoleBinding": "web"}[kind]},
			"roleRef": map[string]any{"kind": "ClusterRole", "name": role}, "subjects": []any{subject}}}
	}
	us := map[string]any{"kind": "ServiceAccount", "name": Name, "namespace": o.Namespace}
	for name, c := range map[string]struct {
		change       func(t *testing.T, client *fake.FakeDynamicClient)
		subject      string // that is wrong
		problem, fix string // parts; "" for health
	}{
		"as it was installed": {func(*testing.T, *fake.FakeDynamicClient) {}, "", "", ""},
		"too much": {func(t *testing.T, client *fake.FakeDynamicClient) {
			edit(t, client.Resource(group("clusterroles")), Name, func(rules []any) []any { return append(rules, rule("", "secrets", "list")) })
		}, "ClusterRole " + Name, "it gives too much: list secrets", "leakgate-admission install"},
		"by the API server's own word": {func(t *testing.T, client *fake.FakeDynamicClient) {
			edit(t, client.Resource(group("clusterroles")), Name, func(rules []any) []any { return append(rules, rule("", "secrets", "list")) })
		}, "what the account may do", "it may list secrets", "kubectl auth can-i"},
		"too little": {func(t *testing.T, client *fake.FakeDynamicClient) {
			edit(t, client.Resource(group("clusterroles")), Name, func(rules []any) []any { return rules[1:] })
		}, "ClusterRole " + Name, "it lacks get serviceaccounts", "leakgate-admission install"},
		"its own Secret": {func(t *testing.T, client *fake.FakeDynamicClient) {
			edit(t, client.Resource(group("roles")).Namespace(o.Namespace), Name, func(rules []any) []any { return rules[:1] })
		}, "Role " + Name, "it lacks get secrets " + AuthoritySecret, "leakgate-admission install"},
		"no role": {func(t *testing.T, client *fake.FakeDynamicClient) {
			remove(t, client.Resource(group("roles")).Namespace(o.Namespace), Name)
		}, "Role " + Name, "there is none", "leakgate-admission install"},
		"no binding": {func(t *testing.T, client *fake.FakeDynamicClient) {
			remove(t, client.Resource(group("clusterrolebindings")), Name)
		}, "role bindings", "the ClusterRoleBinding leakgate-admission does not give our account its role", "leakgate-admission install"},
		"cluster-admin": {func(t *testing.T, client *fake.FakeDynamicClient) {
			create(t, client.Resource(group("clusterrolebindings")), bound("ClusterRoleBinding", "cluster-admin", us))
		}, "role bindings", "gives our account the role cluster-admin too", "kubectl delete clusterrolebinding more"},
		"edit in a namespace": {func(t *testing.T, client *fake.FakeDynamicClient) {
			create(t, client.Resource(group("rolebindings")).Namespace("web"), bound("RoleBinding", "edit", us))
		}, "role bindings", "gives our account the role edit too", "kubectl delete rolebinding more -n web"},
		"by its user name": {func(t *testing.T, client *fake.FakeDynamicClient) {
			create(t, client.Resource(group("clusterrolebindings")), bound("ClusterRoleBinding", "view", map[string]any{"kind": "User", "name": "system:serviceaccount:" + o.Namespace + ":" + Name}))
		}, "role bindings", "the role view too", "kubectl delete clusterrolebinding more"},
		"another account of that name": {func(t *testing.T, client *fake.FakeDynamicClient) {
			create(t, client.Resource(group("clusterrolebindings")), bound("ClusterRoleBinding", "view", map[string]any{"kind": "ServiceAccount", "name": Name, "namespace": "elsewhere"}))
		}, "role bindings", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, client := installedCluster(t, o)
			c.change(t, client)
			found, err := cluster.lookAtRights(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range found {
				if s.Subject == c.subject && (!strings.Contains(s.Problem, c.problem) || !strings.Contains(s.Fix, c.fix) || s.Fatal != (c.problem != "")) || c.problem == "" && s.Problem != "" {
					t.Errorf("%+v", s)
				}
			}
			if c.subject != "" && !slices.ContainsFunc(found, func(s Symptom) bool { return s.Subject == c.subject }) {
				t.Errorf("nothing is said of %s", c.subject)
			}
		})
	}
}

func edit(t *testing.T, r dynamic.ResourceInterface, name string, change func([]any) []any) {
	t.Helper()
	live, err := r.Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live.Object["rules"] = change(live.Object["rules"].([]any))
	if _, err := r.Update(context.Background(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, r dynamic.ResourceInterface, name string) {
	t.Helper()
	if err := r.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, r dynamic.ResourceInterface, u *unstructured.Unstructured) {
	t.Helper()
	if _, err := r.Create(context.Background(), u, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func enforcingOptions(t *testing.T) Options {
	t.Helper()
	o, err := Defaults(version)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.WithPolicy(enforcing); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEmergencyRemovesOnlyWhatRefuses(t *testing.T) {
	o := enforcingOptions(t)
	for _, emergency := range []bool{true, false} {
		c, client := installedCluster(t, o)
		var told []string
		if err := c.Remove(context.Background(), Options{Namespace: o.Namespace, Certificates: SelfManaged, Network: true}, emergency, func(s string) { told = append(told, s) }); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(told[0], "ValidatingWebhookConfiguration") {
			t.Errorf("first goes %s", told[0])
		}
		deleted := 0
		for _, a := range client.Actions() {
			if a.GetVerb() == "delete" {
				deleted++
				if group := a.GetResource().Group; emergency && group != "admissionregistration.k8s.io" {
					t.Errorf("an emergency deletes %s", a.GetResource().Resource)
				}
			}
		}
		if emergency && deleted != 3 || !emergency && deleted < 12 {
			t.Errorf("emergency %v: %d deleted: %v", emergency, deleted, told)
		}
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	o := enforcingOptions(t)
	problems := func(c Cluster) map[string]Symptom {
		t.Helper()
		found, err := c.Doctor(context.Background(), Options{Namespace: o.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]Symptom{}
		for _, s := range found {
			if s.Problem != "" {
				out[s.Subject] = s
			}
		}
		return out
	}
	c, client := installedCluster(t, o)
	if got := problems(c); got["replicas"].Problem != "none is ready" || !got["certificate bundle"].Fatal || len(got) != 2 {
		t.Errorf("a new installation: %+v", got)
	}
	hooks := client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"})
	live, err := hooks.Get(context.Background(), Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keepBundle(live, "Y2E=")
	entries := live.Object["webhooks"].([]any)
	entries[0].(map[string]any)["failurePolicy"] = "Ignore" // somebody opens the door
	if _, err := hooks.Update(context.Background(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := problems(c); !got["webhook configuration"].Fatal || !strings.Contains(got["webhook configuration"].Problem, EntryUntrusted) || got["certificate bundle"].Fatal {
		t.Errorf("a changed entry: %+v", got)
	}
	if err := hooks.Delete(context.Background(), Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := problems(c); !strings.Contains(got["webhook configuration"].Problem, "nothing is checked") {
		t.Errorf("no configuration: %+v", got)
	}
}

// Whoever may change the configuration has more than one way to open the door.
func TestDoctorFindsEveryWayAroundAnEntry(t *testing.T) {
	for name, open := range map[string]func(entry map[string]any){
		"labels of objects": func(e map[string]any) {
			e["objectSelector"] = map[string]any{"matchLabels": map[string]any{"checked": "yes"}}
		},
		"another service": func(e map[string]any) {
			e["clientConfig"].(map[string]any)["service"].(map[string]any)["name"] = "other"
		},
		"an address":     func(e map[string]any) { e["clientConfig"] = map[string]any{"url": "https://example.com/"} },
		"other versions": func(e map[string]any) { e["matchPolicy"] = "Exact" },
		"conditions": func(e map[string]any) {
			e["matchConditions"] = append(e["matchConditions"].([]any), map[string]any{"name": "never", "expression": "false"})
		},
	} {
		o := enforcingOptions(t)
		c, client := installedCluster(t, o)
		hooks := client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"})
		live, err := hooks.Get(context.Background(), Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		entry := live.Object["webhooks"].([]any)[0].(map[string]any)
		entry["objectSelector"] = map[string]any{} // as API servers fill it in
		for i, change := range []func(map[string]any){func(map[string]any) {}, open} {
			change(entry)
			if _, err := hooks.Update(context.Background(), live, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			found, err := c.Doctor(context.Background(), Options{Namespace: o.Namespace})
			if err != nil {
				t.Fatal(err)
			}
			told := slices.ContainsFunc(found, func(s Symptom) bool { return s.Subject == "webhook configuration" && s.Fatal })
			if told != (i == 1) {
				t.Errorf("%s: told %t after %d changes", name, told, i)
			}
		}
	}
}

func TestDoctorFindsAFloorThatHoldsNothing(t *testing.T) {
	for name, want := range map[string]string{"as it is": "", "no validations": "it is not what the policy asks for", "no binding": "it is bound to nothing, so it refuses nothing"} {
		o := enforcingOptions(t)
		c, client := installedCluster(t, o)
		kinds := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}
		floor, err := client.Resource(kinds).Get(context.Background(), FloorName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "no validations":
			floor.Object["spec"].(map[string]any)["validations"] = []any{}
			_, err = client.Resource(kinds).Update(context.Background(), floor, metav1.UpdateOptions{})
		case "no binding":
			kinds.Resource = "validatingadmissionpolicybindings"
			err = client.Resource(kinds).Delete(context.Background(), FloorName, metav1.DeleteOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.Doctor(context.Background(), Options{Namespace: o.Namespace})
		i := slices.IndexFunc(found, func(s Symptom) bool { return s.Subject == "floor" })
		if err != nil || i < 0 || found[i].Problem != want {
			t.Errorf("%s: %v %+v", name, err, found)
		}
	}
}

func TestReplacedConfigurationKeepsTheBundle(t *testing.T) {
	o := enforcingOptions(t)
	c, client := installedCluster(t, o)
	hooks := client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"})
	live, err := hooks.Get(context.Background(), Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keepBundle(live, "Y2E=")
	live.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
	if _, err := hooks.Update(context.Background(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	fresh, err := Defaults(version) // nothing enforces: an entry goes
	if err != nil {
		t.Fatal(err)
	}
	if err := c.applyAll(context.Background(), []object{fresh.webhook()}, false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	live, err = hooks.Get(context.Background(), Name, metav1.GetOptions{})
	if err != nil || bundleOf(live) != "Y2E=" || len(live.Object["webhooks"].([]any)) != 3 {
		t.Errorf("%v %q", err, bundleOf(live))
	}
	installed, err := c.installed(context.Background(), o.Namespace)
	if err != nil || installed.OtherKinds || installed.Certificates != SelfManaged {
		t.Errorf("%+v %v", installed, err)
	}
	if text, err := c.PolicyText(context.Background(), o.Namespace); err != nil || !slices.Equal([]byte(text), []byte(enforcing)) {
		t.Errorf("%v", err)
	}
}

func TestSeenIsWhatReplicasWroteDown(t *testing.T) {
	o := enforcingOptions(t)
	c, client := installedCluster(t, o)
	maps := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(o.Namespace)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	if spans, refusals, err := c.Seen(context.Background(), o.Namespace); err != nil || spans.Days(now) != 0 || len(refusals) != 0 {
		t.Errorf("a new installation: %v, %v, %v", spans, refusals, err)
	}
	for text, want := range map[string]int{
		"2026-11-01T00:00:00Z/2026-11-03T00:00:00Z\n2026-11-20T00:00:00Z/2026-11-26T11:00:00Z\n": 8, "registered since ever": -1,
	} {
		live, err := maps.Get(context.Background(), SeenMap, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		live.Object["data"] = map[string]any{"spans": text, "refusals": "shop untrusted-writer 2 2026-11-26T11:00:00Z\n"}
		if _, err := maps.Update(context.Background(), live, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		spans, refusals, err := c.Seen(context.Background(), o.Namespace)
		if (err != nil) != (want < 0) || err == nil && (spans.Days(now) != want || len(refusals.Of("shop", now.AddDate(0, 0, -1))) != 1) {
			t.Errorf("%q: %v, %v, %v", text, spans, refusals, err)
		}
	}
	if err := maps.Delete(context.Background(), SeenMap, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Seen(context.Background(), o.Namespace); err == nil || !strings.Contains(err.Error(), "nothing was audited") {
		t.Errorf("%v", err)
	}
}
