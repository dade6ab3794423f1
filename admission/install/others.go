package install

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ways to choose other kinds than those that hold or make Secrets, beside a list.
const (
	Workloads = "workloads" // ConfigMaps and what runs containers
	AllKinds  = "*"         // whatever there is, but for what is never judged
)

// workloads are ConfigMaps and what runs containers.
func workloads() []object {
	return []object{
		hookRule("", "v1", []string{"configmaps"}, "Namespaced"),
		hookRule("apps", "v1", []string{"daemonsets", "deployments", "statefulsets"}, "Namespaced"),
		hookRule("batch", "v1", []string{"cronjobs", "jobs"}, "Namespaced"),
	}
}

// noisy are resources that controllers write all day, or that are questions to the
// API server: none of them holds what anybody wrote.
var noisy = []struct {
	group     string
	resources []string // nil: all of the group
}{
	{"", []string{"bindings", "endpoints", "events", "nodes"}},
	{"authentication.k8s.io", nil},
	{"authorization.k8s.io", nil},
	{"coordination.k8s.io", nil},
	{"discovery.k8s.io", nil},
	{"events.k8s.io", nil},
	{"metrics.k8s.io", nil},
}

// Others are the rules for resources, as RESOURCE or RESOURCE.GROUP, for Workloads
// and for AllKinds.
func Others(resources []string) (rules []object, err error) {
	for _, name := range resources {
		resource, group, _ := strings.Cut(name, ".")
		switch {
		case name == Workloads:
			rules = append(rules, workloads()...)
		case name == AllKinds:
			rules = append(rules, hookRule("*", "*", []string{"*"}, "*"))
		case !resourceName.MatchString(name):
			return nil, fmt.Errorf("%q is no resource: write the plural, and the group behind a point, as in deployments.apps", name)
		case group == "" && resource == "secrets" || Polices(group):
			return nil, fmt.Errorf("%s are judged already", name)
		case isNoisy(group, resource):
			return nil, fmt.Errorf("%s are never judged: controllers write them all day, and nobody's values are in them", name)
		default:
			rules = append(rules, hookRule(group, "*", []string{resource}, "*"))
		}
	}
	return rules, nil
}

var resourceName = regexp.MustCompile(`\A[a-z][a-z0-9]*(?:\.[a-z0-9-]+)*\z`)

func isNoisy(group, resource string) bool {
	for _, n := range noisy {
		if n.group == group && (n.resources == nil || slices.Contains(n.resources, resource)) {
			return true
		}
	}
	return false
}

// notElsewhere leaves out what other entries ask about, and what is never judged, of
// a rule for everything.
func notElsewhere() []object {
	groups, core := []string{}, []string{"secrets"}
	for _, p := range policed {
		groups = append(groups, p.group)
	}
	for _, n := range noisy {
		if n.resources == nil {
			groups = append(groups, n.group)
		} else {
			core = append(core, n.resources...)
		}
	}
	slices.Sort(groups)
	slices.Sort(core)
	return []object{{"name": "not-elsewhere", "expression": fmt.Sprintf("!(request.resource.group in %s) && !(request.resource.group == '' && request.resource.resource in %s)", celList(groups), celList(core))}}
}

func celList(texts []string) string { return "['" + strings.Join(texts, "', '") + "']" }
