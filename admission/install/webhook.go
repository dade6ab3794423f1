package install

// policed are the kinds that trusted writers obey.
var policed = []struct {
	group     string
	resources []string
}{
	{"bitnami.com", []string{"sealedsecrets"}},
	{"cert-manager.io", []string{"certificates", "clusterissuers", "issuers"}},
	{"external-secrets.io", []string{"*"}},
	{"generators.external-secrets.io", []string{"*"}},
	{"isindir.github.com", []string{"sopssecrets"}},
	{"secrets-store.csi.x-k8s.io", []string{"secretproviderclasses"}},
	{"secrets.hashicorp.com", []string{"*"}},
}

// Polices reports whether kinds of a group are judged because trusted writers
// obey them.
func Polices(group string) bool {
	for _, p := range policed {
		if p.group == group {
			return true
		}
	}
	return false
}

func (o Options) webhook() object {
	meta := clusterMeta(Name)
	if o.Certificates == CertManager {
		meta["annotations"] = object{"cert-manager.io/inject-ca-from": o.Namespace + "/" + Name}
	}
	var entries []object
	for _, e := range o.entries() {
		if e.wanted {
			entries = append(entries, e.object)
		}
	}
	return object{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": meta, "webhooks": entries}
}

// entry is one registration. value is what asks for it in the values of the
// chart, "" for one that is always wanted.
type entry struct {
	object object
	wanted bool
	value  string
}

// entries keep our outage from stopping what must not stop: only untrusted
// writers in namespaces that enforce are refused while nobody answers.
func (o Options) entries() []entry {
	r := o.Registration
	return []entry{
		{o.entry(EntryUntrusted, "Fail", 5, r.Enforcing, o.untrusted(), secretRules(r.EnforcingScope)), r.Enforces, "registration.enforces"},
		{o.entry(EntryAudited, "Ignore", 5, r.Audited, o.untrusted(), secretRules(r.AuditedScope)), r.Audits, "registration.audits"},
		{o.entry(EntryTrusted, "Ignore", 3, object{}, o.trusted(), secretRules("*")), true, ""},
		{o.entry(EntryOthers, "Ignore", 1, object{}, notElsewhere(), o.OtherRules), o.OtherKinds, "otherKinds"},
		{o.entry(EntrySeen, "Ignore", 1, byName("In", []string{o.Namespace}), onlySeen(), seenRules()), true, ""},
	}
}

func (o Options) entry(name, failure string, seconds int, namespaces object, conditions []object, rules any) object {
	client := object{"service": object{"namespace": o.Namespace, "name": Name, "path": "/v1/review", "port": 443}}
	if o.Certificates == Mounted {
		client["caBundle"] = o.CABundle
	}
	return object{
		"name": name, "failurePolicy": failure, "timeoutSeconds": seconds, "sideEffects": "None", "matchPolicy": "Equivalent",
		"admissionReviewVersions": []string{"v1"}, "clientConfig": client, "namespaceSelector": namespaces,
		"matchConditions": append([]object{{"name": "not-our-own-authority", "expression": o.notOurOwn()}}, conditions...), "rules": rules,
	}
}

func (o Options) untrusted() []object {
	return []object{{"name": "untrusted", "expression": "!(" + o.Registration.Trusted + ")"}}
}

func (o Options) trusted() []object {
	return []object{{"name": "trusted", "expression": o.Registration.Trusted}}
}

// secretRules are Secrets and what trusted writers obey. Objects without a
// namespace pass every selector, so one entry of two asks about them.
func secretRules(scope string) []object {
	rules := []object{hookRule("", "v1", []string{"secrets"}, "Namespaced")}
	for _, p := range policed {
		rules = append(rules, hookRule(p.group, "*", p.resources, scope))
	}
	return rules
}

// onlySeen is the ConfigMap that replicas write every ten minutes, so that an API
// server shows that it asks them.
func onlySeen() []object {
	return []object{{"name": "seen", "expression": "request.name == '" + SeenMap + "'"}}
}

func seenRules() []object {
	return []object{hookRule("", "v1", []string{"configmaps"}, "Namespaced")}
}

func hookRule(group, version string, resources []string, scope string) object {
	return object{"apiGroups": []string{group}, "apiVersions": []string{version}, "resources": resources, "operations": []string{"CREATE", "UPDATE"}, "scope": scope}
}
