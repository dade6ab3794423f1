package install

import (
	"fmt"
	"strings"
)

// object is one manifest; maps keep the code as flat as the YAML it becomes.
type object = map[string]any

// Objects are all objects of an installation, in the order in which they are
// applied: the webhook configuration last, so that it never calls nobody.
func Objects(o Options) []object {
	all := []object{
		o.namespace(), o.serviceAccount(), o.policyMap(), o.seenMap(),
		o.clusterRole(), o.clusterRoleBinding(), o.role(), o.roleBinding(),
		o.service(), o.deployment(), o.disruptionBudget(),
	}
	if o.Certificates == SelfManaged {
		all = append(all, o.authoritySecret())
	}
	if o.Certificates == CertManager {
		all = append(all, o.issuer(), o.certificate())
	}
	if o.Network {
		all = append(all, o.networkPolicy())
	}
	if o.Monitor {
		all = append(all, o.serviceMonitor())
	}
	if o.Registration.Enforces {
		all = append(all, o.floorPolicy(), o.floorBinding())
	}
	return append(all, o.webhook())
}

func labels() object {
	return object{"app.kubernetes.io/name": "leakgate", "app.kubernetes.io/component": "admission"}
}

func (o Options) meta(name string) object {
	return object{"name": name, "namespace": o.Namespace, "labels": labels()}
}

func clusterMeta(name string) object { return object{"name": name, "labels": labels()} }

func (o Options) namespace() object {
	return object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": o.Namespace, "labels": object{
		"app.kubernetes.io/name": "leakgate", "pod-security.kubernetes.io/enforce": "restricted",
	}}}
}

func (o Options) serviceAccount() object {
	return object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": o.meta(Name)}
}

func (o Options) policyMap() object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": o.meta(PolicyMap), "data": object{".leakgate.yaml": o.Policy}}
}

// seenMap is empty: replicas write into it when they were asked.
func (o Options) seenMap() object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": o.meta(SeenMap)}
}

// authoritySecret is empty: the first replica fills it. It exists beforehand so
// that nobody needs the right to create Secrets.
func (o Options) authoritySecret() object {
	return object{"apiVersion": "v1", "kind": "Secret", "metadata": o.meta(AuthoritySecret), "type": "Opaque"}
}

func rule(groups, resources []string, verbs ...string) object {
	return object{"apiGroups": groups, "resources": resources, "verbs": verbs}
}

type claimRule struct {
	group     string
	resources []string
}

// claimRules are what is read to confirm the claims of presets. None is a Secret.
var claimRules = []claimRule{
	{"argoproj.io", []string{"applications"}},
	{"bitnami.com", []string{"sealedsecrets"}},
	{"cert-manager.io", []string{"certificates", "issuers"}},
	{"external-secrets.io", []string{"externalsecrets"}},
	{"helm.toolkit.fluxcd.io", []string{"helmreleases"}},
	{"isindir.github.com", []string{"sopssecrets"}},
	{"kafka.strimzi.io", []string{"kafkas", "kafkausers", "kafkaconnects", "kafkamirrormaker2s", "kafkabridges"}},
	{"kustomize.toolkit.fluxcd.io", []string{"kustomizations"}},
	{"postgresql.cnpg.io", []string{"clusters", "poolers"}},
	{"secret-sync.x-k8s.io", []string{"secretsyncs"}},
	{"secrets-store.csi.x-k8s.io", []string{"secretproviderclasses"}},
	{"secrets.hashicorp.com", []string{"hcpvaultsecretsapps", "vaultdynamicsecrets", "vaultpkisecrets", "vaultstaticsecrets"}},
}

func (o Options) clusterRole() object {
	rules := []object{rule([]string{""}, []string{"serviceaccounts"}, "get")}
	for _, c := range claimRules {
		rules = append(rules, rule([]string{c.group}, c.resources, "get", "list"))
	}
	verbs := []string{"get"}
	if o.Certificates == SelfManaged {
		verbs = append(verbs, "patch") // the bundle that API servers trust
	}
	own := rule([]string{"admissionregistration.k8s.io"}, []string{"validatingwebhookconfigurations"}, verbs...)
	own["resourceNames"] = []string{Name}
	rules = append(rules, own)
	for _, group := range o.Registration.Groups {
		rules = append(rules, rule([]string{group}, []string{"*"}, "get", "list"))
	}
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": clusterMeta(Name), "rules": rules}
}

func (o Options) subject() []object {
	return []object{{"kind": "ServiceAccount", "name": Name, "namespace": o.Namespace}}
}

func (o Options) clusterRoleBinding() object {
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": clusterMeta(Name),
		"roleRef": object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": Name}, "subjects": o.subject()}
}

// role is over what we write: when we were asked, and our own Secret where it is
// ours.
func (o Options) role() object {
	record := rule([]string{""}, []string{"configmaps"}, "get", "update")
	record["resourceNames"] = []string{SeenMap}
	rules := []object{record}
	if o.Certificates == SelfManaged {
		own := rule([]string{""}, []string{"secrets"}, "get", "update")
		own["resourceNames"] = []string{AuthoritySecret}
		rules = append(rules, own)
	}
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": o.meta(Name), "rules": rules}
}

func (o Options) roleBinding() object {
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": o.meta(Name),
		"roleRef": object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": Name}, "subjects": o.subject()}
}

func (o Options) service() object {
	return object{"apiVersion": "v1", "kind": "Service", "metadata": o.meta(Name), "spec": object{
		"selector": labels(), "ports": []object{{"name": "webhook", "port": 443, "targetPort": "webhook"}, {"name": "metrics", "port": 8081, "targetPort": "health"}},
	}}
}

func (o Options) disruptionBudget() object {
	return object{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": o.meta(Name),
		"spec": object{"minAvailable": 1, "selector": object{"matchLabels": labels()}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}}
}

// networkPolicy lets API servers, which have no labels, reach the webhook, and
// us reach them and the names of the cluster.
func (o Options) networkPolicy() object {
	port := func(protocol string, number any) object { return object{"protocol": protocol, "port": number} }
	return object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": o.meta(Name), "spec": object{
		"podSelector": object{"matchLabels": labels()}, "policyTypes": []string{"Ingress", "Egress"},
		"ingress": []object{{"ports": []object{port("TCP", "webhook"), port("TCP", "health")}}},
		"egress":  []object{{"ports": []object{port("TCP", 443), port("TCP", 6443), port("UDP", 53), port("TCP", 53)}}},
	}}
}

func (o Options) serviceMonitor() object {
	return object{"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": o.meta(Name), "spec": object{
		"selector": object{"matchLabels": labels()}, "endpoints": []object{{"port": "metrics", "path": "/metrics", "interval": "30s"}},
	}}
}

func (o Options) issuer() object {
	return object{"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": o.meta(Name), "spec": object{"selfSigned": object{}}}
}

func (o Options) certificate() object {
	return object{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": o.meta(Name), "spec": object{
		"secretName": ServingSecret, "dnsNames": o.ServiceNames(), "issuerRef": object{"name": Name, "kind": "Issuer"},
		"privateKey": object{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}, "duration": "2160h", "renewBefore": "720h",
	}}
}

// ServiceNames are the names under which an API server calls the webhook.
func (o Options) ServiceNames() []string {
	return []string{fmt.Sprintf("%s.%s.svc", Name, o.Namespace), fmt.Sprintf("%s.%s.svc.cluster.local", Name, o.Namespace)}
}

func (o Options) floorPolicy() object {
	message := "leakgate untrusted-writer: plain values of Secrets come from trusted writers only"
	return object{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": clusterMeta(FloorName), "spec": object{
		"failurePolicy": "Ignore",
		"matchConstraints": object{"resourceRules": []object{{
			"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "resources": []string{"secrets"}, "operations": []string{"CREATE", "UPDATE"}, "scope": "Namespaced",
		}}},
		"matchConditions": []object{{"name": "not-our-own-authority", "expression": o.notOurOwn()}},
		"validations": []object{
			{"expression": o.Registration.Floor.Values, "message": message, "messageExpression": o.Registration.Floor.Message, "reason": "Forbidden"},
			{"expression": o.Registration.Floor.Guarded, "message": "leakgate type-guard: this type gives access to the cluster and is for named identities only", "reason": "Forbidden"},
		},
	}}
}

func (o Options) floorBinding() object {
	return object{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": clusterMeta(FloorName), "spec": object{
		"policyName": FloorName, "validationActions": []string{"Deny"}, "matchResources": object{"namespaceSelector": o.Registration.Enforcing},
	}}
}

// notOurOwn exempts our own account on our own Secret, nothing else.
func (o Options) notOurOwn() string {
	return strings.Join([]string{
		"!(" + user + " == 'system:serviceaccount:" + o.Namespace + ":" + Name + "'",
		"request.namespace == '" + o.Namespace + "'", "request.resource.resource == 'secrets'", "request.name == '" + AuthoritySecret + "')",
	}, " && ")
}
