package admission_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/internal/gate"
)

// The floor is compiled and evaluated by the API server's own library. It may
// admit more than the webhook, and never refuse what the webhook admits.
func TestTheFloorNeverRefusesWhatTheWebhookAdmits(t *testing.T) {
	for name, policy := range map[string]string{
		"all presets":   admission.CorpusPolicy,
		"one writer":    "version: 1\nkubernetes: {presets: {sealed-secrets: {}}, modes: {default: enforce}}\n",
		"one namespace": strings.Replace(admission.CorpusPolicy, "modes: {default: enforce}", "modes: {namespaces: {shop: {mode: enforce, rules: {type-guard: warn}}}}", 1),
		"nobody":        "version: 1\nkubernetes: {modes: {default: enforce}}\n",
		"soft rules":    strings.Replace(admission.CorpusPolicy, "modes: {default: enforce}", "modes: {default: enforce, rules: {untrusted-writer: warn, type-guard: audit}}", 1),
	} {
		p, err := gate.ParsePolicy("policy.yaml", []byte(policy))
		if err != nil {
			t.Fatal(err)
		}
		f := install.Register(*p.Kubernetes).Floor
		values, guarded := compile(t, f.Values), compile(t, f.Guarded)
		denied, both := 0, 0
		for _, c := range admission.Cases(t, policy) {
			holds := evaluate(t, values, c.Review) && evaluate(t, guarded, c.Review)
			if !holds && !c.Denied {
				t.Errorf("%s: the floor refuses %s, which the webhook admits", name, c.Name)
			}
			if c.Denied {
				denied++
			}
			if c.Denied && !holds {
				both++
			}
		}
		t.Logf("%s: of %d denials of the webhook the floor holds %d", name, denied, both)
		if name != "soft rules" && both*5 < denied {
			t.Errorf("%s: the floor holds almost nothing", name)
		}
	}
}

func TestRegistrationsPartEveryUser(t *testing.T) {
	p, err := gate.ParsePolicy("policy.yaml", []byte(admission.CorpusPolicy))
	if err != nil {
		t.Fatal(err)
	}
	trusted := compile(t, install.Register(*p.Kubernetes).Trusted)
	for _, c := range []struct {
		user, group string
		want        bool
	}{
		{"system:serviceaccount:kube-system:sealed-secrets-controller", "", true},
		{"system:serviceaccount:kube-system:sealed-secrets-controller", "a name alone", false},
		{"system:serviceaccount:kube-system:sealed-secrets-controller", "an uid without a pod", false},
		{"system:serviceaccount:team-a:reconciler", "a name alone", true},
		{"system:serviceaccount:kube-system:sealed-secrets-controller2", "", false},
		{"system:serviceaccount:team-a:reconciler", "", false}, // a token of its own
		{"system:serviceaccount:team-a:other:reconciler", "", false},
		{"system:serviceaccount:crossplane-system:provider-aws-1f", "", true},
		{"system:kube-controller-manager", "", true},
		{"alice", "helm-deployers", true}, {"alice", "", false}, {"", "", false},
	} {
		info := map[string]any{"username": c.user, "uid": "u1", "extra": map[string]any{"authentication.kubernetes.io/pod-name": []string{"a-0"}}}
		switch c.group {
		case "":
		case "a name alone":
			info = map[string]any{"username": c.user}
		case "an uid without a pod":
			info["extra"] = map[string]any{"authentication.kubernetes.io/credential-id": []string{"JTI=1"}}
		default:
			info["groups"] = []string{c.group}
		}
		review, err := json.Marshal(map[string]any{"request": map[string]any{"userInfo": info}})
		if err != nil {
			t.Fatal(err)
		}
		if got := evaluate(t, trusted, review); got != c.want {
			t.Errorf("%q of %q: trusted %v", c.user, c.group, got)
		}
	}
}

func compile(t *testing.T, expression string) cel.Program {
	t.Helper()
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	set, err := base.Extend(environment.VersionedOptions{
		IntroducedVersion: environment.DefaultCompatibilityVersion(),
		EnvOptions:        []cel.EnvOption{cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType), cel.Variable("request", cel.DynType)},
	})
	if err != nil {
		t.Fatal(err)
	}
	env, err := set.Env(environment.NewExpressions)
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%v in\n%s", issues.Err(), expression)
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func evaluate(t *testing.T, program cel.Program, review []byte) bool {
	t.Helper()
	var r struct {
		Request map[string]any `json:"request"`
	}
	if err := json.Unmarshal(review, &r); err != nil {
		t.Fatal(err)
	}
	out, _, err := program.Eval(map[string]any{"request": r.Request, "object": r.Request["object"], "oldObject": r.Request["oldObject"]})
	if err != nil {
		t.Fatalf("the expression fails: %v", err)
	}
	return out.Value() == true
}
