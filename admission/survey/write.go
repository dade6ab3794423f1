package survey

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Formats of an audit.
var Formats = []string{"table", "json", "sarif", "policyreport"}

// Write prints an audit in a format.
func (a Audit) Write(w io.Writer, format, version string) error {
	switch format {
	case "table":
		return a.table(w)
	case "json":
		return indented(w, a)
	case "sarif":
		return indented(w, a.sarif(version))
	case "policyreport":
		return indented(w, a.policyReports())
	}
	return fmt.Errorf("there is no format %q: one of %s", format, strings.Join(Formats, ", "))
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a Audit) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GRADE\tSECRET\tWRITER\tCLAIM\tWHY")
	for _, s := range a.Secrets {
		fmt.Fprintf(t, "%s\t%s/%s\t%s\t%s\t%s\n", s.Grade, s.Namespace, s.Name, dash(s.Writer), dash(s.Claim), strings.Join(append(filled(s.Why), s.Problems...), "; "))
	}
	fmt.Fprintln(t, "\nMAY READ\tNAMESPACE\tBY")
	for _, r := range a.Readers {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Subject, every(r.Namespace), strings.Join(append([]string{r.By}, r.Names...), " "))
	}
	fmt.Fprintln(t, "\nIN THE ENVIRONMENT OF\tNAMESPACE\tSECRET")
	for _, e := range a.Environment {
		fmt.Fprintf(t, "%s (%s)\t%s\t%s\n", e.Workload, e.Container, e.Namespace, e.Secret)
	}
	fmt.Fprintf(t, "\nencryption at rest: %s\n", a.AtRest)
	proven, claimed, unknown := a.count()
	fmt.Fprintf(t, "%d Secrets: %d proven, %d claimed, %d unknown\n", len(a.Secrets), proven, claimed, unknown)
	return t.Flush()
}

func (a Audit) count() (proven, claimed, unknown int) {
	for _, s := range a.Secrets {
		switch s.Grade {
		case "proven":
			proven++
		case "claimed":
			claimed++
		default:
			unknown++
		}
	}
	return proven, claimed, unknown
}

func filled(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func every(namespace string) string {
	if namespace == "" {
		return "every"
	}
	return namespace
}

// The rules of an audit.
const (
	ruleUnproven    = "kubernetes-writer-unproven"
	ruleStanding    = "kubernetes-secret-problem"
	ruleEnvironment = "kubernetes-secret-in-environment"
)

var auditRules = []struct{ id, text, help string }{
	{ruleUnproven, "A Secret whose writer cannot be proven", "Let a trusted writer make it: an ExternalSecret, a SealedSecret, or a deployer that decrypts."},
	{ruleStanding, "A Secret with a problem of its own", "See the message."},
	{ruleEnvironment, "A Secret in the environment of a workload", "Mount it as a file: processes and crash dumps inherit the environment."},
}

// sarif is the audit as SARIF 2.1.0. Places are objects, which a log names as
// logical locations. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
func (a Audit) sarif(version string) any {
	type m = map[string]any
	rules := []m{}
	for _, r := range auditRules {
		rules = append(rules, m{"id": r.id, "name": r.id, "shortDescription": m{"text": r.text}, "fullDescription": m{"text": r.text}, "help": m{"text": r.help}})
	}
	results := []m{}
	add := func(rule, level, place, text string) {
		i := slices.IndexFunc(rules, func(r m) bool { return r["id"] == rule })
		results = append(results, m{"ruleId": rule, "ruleIndex": i, "level": level, "message": m{"text": text},
			"locations":           []m{{"physicalLocation": m{"artifactLocation": m{"uri": "kubernetes/" + place}}, "logicalLocations": []m{{"fullyQualifiedName": place, "kind": "object"}}}},
			"partialFingerprints": m{"leakgate/object": rule + ":" + place}})
	}
	for _, s := range a.Secrets {
		place := s.Namespace + "/Secret/" + s.Name
		if s.Grade != "proven" {
			add(ruleUnproven, map[string]string{"claimed": "note"}[s.Grade]+map[string]string{"unknown": "warning"}[s.Grade], place, "The writer of "+place+" is "+s.Grade+": "+s.Why)
		}
		for _, p := range s.Problems {
			add(ruleStanding, "warning", place, place+": "+p)
		}
	}
	for _, e := range a.Environment {
		add(ruleEnvironment, "note", e.Namespace+"/"+strings.ReplaceAll(e.Workload, " ", "/"), e.Workload+" has the Secret "+e.Secret+" in the environment of "+e.Container)
	}
	return m{"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": []m{{
		"tool":    m{"driver": m{"name": "leakgate-admission", "version": version, "informationUri": "https://github.com/leakgate/leakgate", "rules": rules}},
		"results": results, "columnKind": "utf16CodeUnits",
	}}}
}

// policyReports are one PolicyReport for each namespace.
// https://github.com/kubernetes-sigs/wg-policy-prototypes/tree/master/policy-report
func (a Audit) policyReports() any {
	type m = map[string]any
	results, counts := map[string][]m{}, map[string]map[string]int{}
	var order []string
	add := func(namespace, kind, name, rule, result, text string) {
		if counts[namespace] == nil {
			counts[namespace] = map[string]int{"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
			order = append(order, namespace)
		}
		counts[namespace][result]++
		results[namespace] = append(results[namespace], m{"source": "leakgate", "policy": "kubernetes", "rule": rule, "result": result, "message": text,
			"resources": []m{{"apiVersion": "v1", "kind": kind, "namespace": namespace, "name": name}}})
	}
	for _, s := range a.Secrets {
		add(s.Namespace, "Secret", s.Name, ruleUnproven, map[string]string{"proven": "pass", "claimed": "warn", "unknown": "fail"}[s.Grade], "writer "+s.Grade+": "+dash(s.Writer)+" "+s.Why)
		for _, p := range s.Problems {
			add(s.Namespace, "Secret", s.Name, ruleStanding, "warn", p)
		}
	}
	items := []m{}
	for _, namespace := range order {
		items = append(items, m{"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": m{"name": "leakgate-audit", "namespace": namespace},
			"summary": counts[namespace], "results": results[namespace]})
	}
	return m{"apiVersion": "v1", "kind": "List", "items": items}
}
