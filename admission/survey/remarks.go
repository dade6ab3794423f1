package survey

import (
	"slices"
	"strings"
)

// The rules of an audit.
const (
	ruleUnproven    = "kubernetes-writer-unproven"
	ruleStanding    = "kubernetes-secret-problem"
	ruleEnvironment = "kubernetes-secret-in-environment"
	ruleReader      = "kubernetes-secret-reader"
	ruleAtRest      = "kubernetes-encryption-at-rest"
)

// remark is one thing that an audit says, for formats that are lists of such things.
type remark struct {
	rule   string
	level  string // of SARIF: "note" or "warning"; empty where there is nothing to see to
	result string // of a PolicyReport: pass, fail, warn, error (cannot tell) or skip (told, not judged)

	namespace, apiVersion, kind, name string // the object that it is about; of the cluster without a namespace
	of                                string // what of the object, where one object may have several
	text                              string
}

// place names the object as a path.
func (r remark) place() string {
	if r.namespace == "" {
		return "cluster/" + r.kind + "/" + r.name
	}
	return r.namespace + "/" + r.kind + "/" + r.name
}

// remarks are all that an audit says.
func (a Audit) remarks() (out []remark) {
	for _, s := range a.Secrets {
		out = append(out, s.remarks()...)
	}
	for _, e := range a.Environment {
		out = append(out, e.remark())
	}
	for _, r := range a.Readers {
		out = append(out, r.remark())
	}
	return append(out, atRestRemark(a.AtRest))
}

func (s SecretReport) remarks() []remark {
	about := remark{rule: ruleUnproven, namespace: s.Namespace, apiVersion: "v1", kind: "Secret", name: s.Name}
	about.text = strings.TrimSpace("writer " + s.Grade + ": " + dash(s.Writer) + " " + s.Why)
	switch s.Grade {
	case "proven":
		about.result = "pass"
	case "claimed":
		about.result, about.level = "warn", "note"
	default:
		about.result, about.level = "fail", "warning"
	}
	out := []remark{about}
	for _, p := range s.Problems {
		about.rule, about.result, about.level, about.of, about.text = ruleStanding, "warn", "warning", p, p
		out = append(out, about)
	}
	return out
}

func (e EnvUse) remark() remark {
	kind, name, _ := strings.Cut(e.Workload, " ")
	return remark{
		rule: ruleEnvironment, level: "note", result: "warn", namespace: e.Namespace, apiVersion: apiVersionOf(kind), kind: kind, name: name,
		of: e.Container + " " + e.Secret, text: "the Secret " + e.Secret + " is in the environment of " + e.Container,
	}
}

func apiVersionOf(kind string) string {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.kind == kind })
	if i < 0 || workloads[i].group == "" {
		return "v1"
	}
	return workloads[i].group + "/v1"
}

// remark of a reader tells what RBAC gives, and judges nothing.
func (r Right) remark() remark {
	which := "every Secret"
	if len(r.Names) > 0 {
		which = "the Secrets " + strings.Join(r.Names, ", ")
	}
	where := "in every namespace"
	if r.Namespace != "" {
		where = "in " + r.Namespace
	}
	kind, name, _ := strings.Cut(r.By, " ")
	return remark{
		rule: ruleReader, level: "note", result: "skip", namespace: r.Namespace, apiVersion: "rbac.authorization.k8s.io/v1", kind: kind, name: name,
		of: r.Subject, text: r.Subject + " may read " + which + " " + where,
	}
}

func atRestRemark(told string) remark {
	r := remark{rule: ruleAtRest, apiVersion: "v1", kind: "Namespace", name: "kube-system", text: "encryption at rest: " + told}
	switch told {
	case "configured":
		r.result = "pass"
	case "not configured":
		r.result, r.level = "fail", "warning"
	default:
		r.result, r.level = "error", "note"
	}
	return r
}
