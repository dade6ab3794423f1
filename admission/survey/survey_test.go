package survey

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
)

const canary = "not-a-real-password-of-anybody"

// world is a cluster of several hands.
const world = `
- {apiVersion: v1, kind: Secret, metadata: {name: proven, namespace: shop, ownerReferences: [{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, name: proven, uid: u1}]}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: forged, namespace: shop, ownerReferences: [{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, name: proven, uid: other}]}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: byhand, namespace: shop, managedFields: [{manager: kubectl-create, operation: Update, fieldsV1: {"f:data": {}}}], annotations: {note: "TEXT"}}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: emergency, namespace: shop, annotations: {leakgate.github.io/break-glass-expires: "2026-11-25T00:00:00Z"}}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: empty, namespace: shop}, type: Opaque}
- {apiVersion: v1, kind: Secret, metadata: {name: token, namespace: shop}, type: kubernetes.io/service-account-token, data: {token: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: flux, namespace: shop, labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: plainflux, namespace: web, labels: {kustomize.toolkit.fluxcd.io/name: plain, kustomize.toolkit.fluxcd.io/namespace: flux-system}}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: tenant, namespace: web, labels: {kustomize.toolkit.fluxcd.io/name: tenant, kustomize.toolkit.fluxcd.io/namespace: team-a}}, type: Opaque, data: {password: VALUE}}
- {apiVersion: v1, kind: Secret, metadata: {name: leakgate-admission-authority, namespace: leakgate}, type: Opaque, data: {ca.key: VALUE}}
- {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: proven, namespace: shop, uid: u1}, spec: {encryptedData: {password: SEALED}}}
- {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps, namespace: flux-system}, spec: {decryption: {provider: sops}}}
- {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: plain, namespace: flux-system}, spec: {path: ./}, status: {inventory: {entries: [{id: a}, {id: b}, {id: c}]}}}
- {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: tenant, namespace: team-a}, spec: {serviceAccountName: reconciler, decryption: {provider: sops}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {template: {spec: {containers: [{name: c, env: [{name: P, valueFrom: {secretKeyRef: {name: proven, key: password}}}], envFrom: [{secretRef: {name: byhand}}]}]}}}}
- {apiVersion: v1, kind: Pod, metadata: {name: kube-apiserver-1, namespace: kube-system, labels: {component: kube-apiserver}}, spec: {containers: [{name: a, command: [kube-apiserver, --encryption-provider-config=/etc/e.yaml]}]}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: all}, rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: read}, rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: pods}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: write, namespace: ops}, rules: [{apiGroups: [""], resources: [secrets], verbs: [create, update]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: admins}, roleRef: {kind: ClusterRole, name: all}, subjects: [{kind: Group, name: admins}, {kind: ServiceAccount, name: sealed-secrets-controller, namespace: kube-system}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: readers, namespace: shop}, roleRef: {kind: ClusterRole, name: read}, subjects: [{kind: User, name: bob}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: podders, namespace: shop}, roleRef: {kind: ClusterRole, name: pods}, subjects: [{kind: User, name: carol}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: writers, namespace: ops}, roleRef: {kind: Role, name: write}, subjects: [{kind: ServiceAccount, name: vendor}, {kind: ServiceAccount, name: gone}, {kind: ServiceAccount, name: external-secrets}, {kind: User, name: "system:serviceaccount:flux-system:kustomize-controller"}]}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: sealed-secrets-controller, namespace: kube-system}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: vendor, namespace: ops}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: kustomize-controller, namespace: flux-system}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: external-secrets, namespace: ops}}
`

func newSurvey(t *testing.T) Survey {
	t.Helper()
	return surveyOf(t, world)
}

// surveyOf looks at a cluster that holds these objects.
func surveyOf(t *testing.T, world string) Survey {
	t.Helper()
	sealedValue := append([]byte{2, 0, 0x11}, bytes.Repeat([]byte{0x5a, 0x13, 0x77}, 200)...)
	text := strings.NewReplacer("VALUE", base64.StdEncoding.EncodeToString([]byte(canary)), "TEXT", canary, "SEALED", base64.StdEncoding.EncodeToString(sealedValue)).Replace(world)
	var objects []map[string]any
	if err := yaml.Unmarshal([]byte(text), &objects); err != nil {
		t.Fatal(err)
	}
	lists, versions := map[schema.GroupVersionResource]string{}, []schema.GroupVersion{}
	for _, o := range objects {
		gv, _ := schema.ParseGroupVersion(o["apiVersion"].(string))
		versions = append(versions, gv)
	}
	mapper := meta.NewDefaultRESTMapper(versions)
	var all []runtime.Object
	for _, o := range objects {
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil { // numbers as an API client reads them
			t.Fatal(err)
		}
		gvk := u.GroupVersionKind()
		scope := meta.RESTScopeNamespace
		if strings.HasPrefix(gvk.Kind, "ClusterRole") {
			scope = meta.RESTScopeRoot
		}
		mapper.Add(gvk, scope)
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		lists[plural] = gvk.Kind + "List"
		all = append(all, u)
	}
	p, err := gate.ParsePolicy("p.yaml", []byte("version: 1\nkubernetes: {presets: {kubernetes: {}, sealed-secrets: {}, flux: {}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, all...)
	s := Survey{Client: client, Mapper: mapper, Policy: *p.Kubernetes, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}
	s.Cluster = finder{s}
	s.Own.Namespace, s.Own.Name = "leakgate", "leakgate-admission-authority"
	return s
}

// finder resolves claims in the same cluster.
type finder struct{ survey Survey }

func (f finder) Find(ctx context.Context, kind admission.Kind, namespace, name string, wanted func(admission.Object) bool) (found admission.Object, err error) {
	err = f.survey.each(ctx, kind.Group, kind.Kind, namespace, func(u *unstructured.Unstructured) error {
		if o := (admission.Object)(u.Object); found == nil && (name == "" || u.GetName() == name) && wanted(o) {
			found = o
		}
		return nil
	})
	return found, err
}

func TestAuditGradesWritersAndHoldsNoValue(t *testing.T) {
	s := newSurvey(t)
	a, err := s.Audit(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]SecretReport{}
	for _, r := range a.Secrets {
		got[r.Name] = r
	}
	for name, grade := range map[string]string{
		"proven": "proven", "flux": "proven", "tenant": "proven", "forged": "claimed", "plainflux": "claimed", "token": "claimed", "empty": "claimed", "byhand": "unknown", "emergency": "unknown",
	} {
		if got[name].Grade != grade {
			t.Errorf("%s is %s, want %s: %+v", name, got[name].Grade, grade, got[name])
		}
	}
	if _, own := got["leakgate-admission-authority"]; own {
		t.Error("its own authority is a finding")
	}
	if p := got["byhand"].Problems; len(p) != 1 || !strings.Contains(p[0], "note repeats values") || !slices.Equal(got["byhand"].Managers, []string{"kubectl-create"}) {
		t.Errorf("%+v", got["byhand"])
	}
	if p := got["emergency"].Problems; len(p) != 1 || !strings.Contains(p[0], "ended 2026-11-25") {
		t.Errorf("%+v", got["emergency"])
	}
	if a.AtRest != "configured" || len(a.Environment) != 2 {
		t.Errorf("%s, %+v", a.AtRest, a.Environment)
	}
	subjects := map[string]bool{}
	for _, r := range a.Readers {
		subjects[r.Subject+" "+r.Namespace] = true
	}
	if !subjects["user:bob shop"] || !subjects["group:admins "] || subjects["user:carol shop"] || subjects["serviceaccount:ops/vendor ops"] {
		t.Errorf("%v", subjects)
	}
	for _, format := range Formats {
		var b bytes.Buffer
		if err := a.Write(&b, format, "1"); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		for _, form := range secret.Forms(secret.New(canary)) {
			if strings.Contains(b.String(), form) {
				t.Errorf("%s holds a value", format)
			}
		}
		if format != "table" && !json.Valid(b.Bytes()) {
			t.Errorf("%s is no JSON", format)
		}
		for _, told := range []string{"byhand", "user:bob", "group:admins", "ncryption", "environment"} {
			if !strings.Contains(strings.ReplaceAll(b.String(), "IN THE ENVIRONMENT", "environment"), told) {
				t.Errorf("%s does not tell of %s", format, told)
			}
		}
	}
	if err := a.Write(&bytes.Buffer{}, "xml", "1"); err == nil {
		t.Error("any format is written")
	}
}

func TestSimulateNamesWhatStopsAndWithWhom(t *testing.T) {
	s := newSurvey(t)
	found, err := s.Simulate(context.Background(), "web")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, stop := range found.Stops {
		lines = append(lines, stop.String())
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		`Kustomization flux-system/plain: web/plainflux: the Kustomization "flux-system/plain" decrypts nothing`, "2 other objects stop with it",
		"Kustomization team-a/tenant: web/tenant: it impersonates team-a/reconciler, which is not listed under impersonated",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(found.Stops) != 2 {
		t.Errorf("%d stops:\n%s", len(found.Stops), text)
	}
	found, err = s.Simulate(context.Background(), "shop")
	if err != nil || len(found.Stops) != 2 { // forged; byhand and emergency
		t.Errorf("%v %v", found, err)
	}
}

func TestDiscoverProposesAPolicyThatParses(t *testing.T) {
	p, err := newSurvey(t).Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	text := p.Policy()
	parsed, err := gate.ParsePolicy("p.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !slices.Equal(parsed.Kubernetes.Presets, []string{"external-secrets", "flux", "kubernetes", "sealed-secrets"}) || parsed.Kubernetes.Modes.Default != gate.ModeAudit {
		t.Errorf("%v\n%s", parsed.Kubernetes.Presets, text)
	}
	if !strings.Contains(text, "external-secrets: {service_accounts: [ops/external-secrets]}") || !strings.Contains(text, "#   ops/vendor") || strings.Contains(text, "ops/gone") {
		t.Error(text)
	}
	if !slices.Equal(p.People, []string{"group:admins"}) {
		t.Errorf("%v", p.People)
	}
}
