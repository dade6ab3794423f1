package survey

// policyReports are one PolicyReport for each namespace, and a ClusterPolicyReport
// for what holds in all of them.
// https://github.com/kubernetes-sigs/wg-policy-prototypes/tree/master/policy-report
func (a Audit) policyReports() any {
	type m = map[string]any
	results, counts := map[string][]m{}, map[string]map[string]int{}
	var order []string
	for _, r := range a.remarks() {
		n := r.namespace
		if counts[n] == nil {
			counts[n] = map[string]int{"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
			order = append(order, n)
		}
		counts[n][r.result]++
		about := m{"apiVersion": r.apiVersion, "kind": r.kind, "name": r.name}
		if n != "" {
			about["namespace"] = n
		}
		results[n] = append(results[n], m{"source": "leakgate", "policy": "kubernetes", "rule": r.rule, "result": r.result, "message": r.text, "resources": []m{about}})
	}
	items := []m{}
	for _, n := range order {
		kind, meta := "PolicyReport", m{"name": "leakgate-audit", "namespace": n}
		if n == "" {
			kind, meta = "ClusterPolicyReport", m{"name": "leakgate-audit"}
		}
		items = append(items, m{"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": kind, "metadata": meta, "summary": counts[n], "results": results[n]})
	}
	return m{"apiVersion": "v1", "kind": "List", "items": items}
}
