package survey

import "slices"

var auditRules = []struct{ id, text, help string }{
	{ruleUnproven, "A Secret whose writer cannot be proven", "Let a trusted writer make it: an ExternalSecret, a SealedSecret, or a deployer that decrypts."},
	{ruleStanding, "A Secret with a problem of its own", "See the message."},
	{ruleEnvironment, "A Secret in the environment of a workload", "Mount it as a file: processes and crash dumps inherit the environment."},
	{ruleReader, "Who may read Secrets", "Take the right from whoever does not need it: an account that lists Secrets reads all of them."},
	{ruleAtRest, "Encryption of Secrets at rest", "Give every API server --encryption-provider-config: https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"},
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
	for _, r := range a.remarks() {
		if r.level == "" {
			continue
		}
		i := slices.IndexFunc(rules, func(rule m) bool { return rule["id"] == r.rule })
		place := r.place()
		results = append(results, m{"ruleId": r.rule, "ruleIndex": i, "level": r.level, "message": m{"text": place + ": " + r.text},
			"locations":           []m{{"physicalLocation": m{"artifactLocation": m{"uri": "kubernetes/" + place}}, "logicalLocations": []m{{"fullyQualifiedName": place, "kind": "object"}}}},
			"partialFingerprints": m{"leakgate/object": r.rule + ":" + place + ":" + r.of}})
	}
	return m{"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": []m{{
		"tool":    m{"driver": m{"name": "leakgate-admission", "version": version, "informationUri": "https://github.com/leakgate/leakgate", "rules": rules}},
		"results": results, "columnKind": "utf16CodeUnits",
	}}}
}
