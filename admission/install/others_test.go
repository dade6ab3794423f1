package install

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
)

func TestOtherKindsAreThoseThatAreNamed(t *testing.T) {
	rules, err := Others([]string{"configmaps", "deployments.apps", "widgets.example.com"})
	if err != nil || len(rules) != 3 {
		t.Fatalf("%v %v", rules, err)
	}
	for i, want := range [][2]string{{"", "configmaps"}, {"apps", "deployments"}, {"example.com", "widgets"}} {
		if groups, resources := rules[i]["apiGroups"], rules[i]["resources"]; !slices.Equal(groups.([]string), []string{want[0]}) || !slices.Equal(resources.([]string), []string{want[1]}) {
			t.Errorf("%v: %v %v", want, groups, resources)
		}
	}
	if rules, err := Others([]string{Workloads}); err != nil || len(rules) != len(workloads()) {
		t.Errorf("%v %v", rules, err)
	}
	for name, says := range map[string]string{
		"secrets": "judged already", "externalsecrets.external-secrets.io": "judged already", "leases.coordination.k8s.io": "never judged", "events": "never judged",
		"Deployment": "the plural", "pods/status": "the plural", "": "the plural", "a..b": "the plural", "configmaps'": "the plural",
	} {
		if _, err := Others([]string{name}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A rule for everything leaves out what other entries ask about and what nobody
// writes by hand, so that one object is asked about once.
func TestEverythingLeavesOutWhatIsJudgedElsewhere(t *testing.T) {
	env, err := cel.NewEnv(cel.Variable("request", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(notElsewhere()[0]["expression"].(string))
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"configmaps.": true, "pods.": true, "widgets.example.com": true, "deployments.apps": true, "events.apps": true,
		"secrets.": false, "events.": false, "events.events.k8s.io": false, "leases.coordination.k8s.io": false, "subjectaccessreviews.authorization.k8s.io": false,
		"sealedsecrets.bitnami.com": false, "password.generators.external-secrets.io": false, "nodes.": false,
	} {
		resource, group, _ := strings.Cut(name, ".")
		got, _, err := program.Eval(map[string]any{"request": map[string]any{"resource": map[string]any{"group": group, "resource": resource}}})
		if err != nil || got.Value() != want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}
