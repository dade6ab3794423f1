package admission

import "maps"

// everyday is what clusters do all day long to Secrets that are there, and what the
// writers that are trusted do beside their first write.
var everyday = map[string]call{
	// of people and platforms, to values that stay
	"kubectl label":                 kept(func(c *call) { c.labels = map[string]string{"team": "b"}; c.manager = "kubectl-label" }),
	"kubectl annotate":              kept(func(c *call) { set(&c.annotations, "example.com/owner", "team-a"); c.manager = "kubectl-annotate" }),
	"kubectl edit of a label":       kept(func(c *call) { set(&c.labels, "tier", "db"); c.manager = "kubectl-edit" }),
	"labels removed":                kept(func(c *call) { set(&c.old.labels, "tier", "db") }),
	"server-side apply of the same": kept(func(c *call) { c.manager = "kubectl" }),
	"replace by nothing new":        kept(func(c *call) { c.manager = "kubectl-replace" }),
	"one of two keys emptied":       kept(func(c *call) { c.old.data["user"], c.data["user"] = "not-a-real-user", "" }),
	"one key of three removed": kept(func(c *call) {
		c.old.data["a"], c.old.data["b"], c.data["a"] = "not-a-real-a", "not-a-real-b", "not-a-real-a"
	}),
	"an empty key added":                kept(func(c *call) { c.data["later"] = "" }),
	"a copy annotation removed":         kept(func(c *call) { set(&c.old.annotations, "reflector.v1.k8s.emberstack.com/reflection-allowed", "true") }),
	"last-applied removed":              kept(func(c *call) { lastApplied(c.old) }),
	"last-applied without the values":   kept(annotate(managedAnnotation, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db"}}`)),
	"a release of nobody labelled":      kept(func(c *call) { c.secretType = "helm.sh/release.v1"; set(&c.labels, "status", "superseded") }),
	"a certificate labelled":            kept(func(c *call) { c.secretType = "kubernetes.io/tls" }),
	"a token of an account labelled":    kept(func(c *call) { c.secretType = tokenType; set(&c.labels, "a", "b") }),
	"an owner removed by the namespace": kept(func(c *call) { c.user = "kube-system/namespace-controller" }),
	"orphaned by the garbage collector": kept(func(c *call) { c.user, c.uid, c.token = "kube-system/generic-garbage-collector", "", "none" }),
	"migrated to another storage":       kept(func(c *call) { c.user, c.labels = "kube-system/storage-version-migrator", nil }),
	"by an account of the namespace":    kept(func(c *call) { c.user, c.uid, c.token = "shop/app", "live", "pod" }),
	"by an impersonated account":        kept(func(c *call) { c.user, c.uid, c.token = "shop/app", "", "none" }),
	"by a trusted name without its pod": kept(func(c *call) { c.user, c.uid, c.token = "kube-system/sealed-secrets-controller", "live", "unbound" }),
	"by a trusted name, impersonated":   kept(func(c *call) { c.user, c.uid, c.token = "external-secrets/external-secrets", "", "none" }),
	"a pull secret labelled": kept(func(c *call) {
		c.secretType = "kubernetes.io/dockercfg"
		c.data[".dockercfg"], c.old.data[".dockercfg"] = "{}", "{}"
	}),
	"an undecrypted value that stays":    kept(func(c *call) { c.data["password"], c.old.data["password"] = sopsText(), sopsText() }),
	"a placeholder in place of a value":  kept(func(c *call) { c.data["password"] = "vault:secret/data/db#password" }),
	"an empty one for somebody to fill":  byCreator.with(func(c *call) { c.name = "to-fill"; set(&c.labels, "filled-by", "operator") }),
	"an empty one with an owner":         byCreator.with(func(c *call) { c.owners = []map[string]any{owner("apps/ReplicaSet", "shop", "x")} }),
	"an empty one, server-side":          byCreator.with(func(c *call) { c.manager = "kubectl" }),
	"an empty one of a generated name":   byCreator.with(generated),
	"an empty login":                     byCreator.with(func(c *call) { c.secretType = "kubernetes.io/basic-auth"; c.data = map[string]string{"username": ""} }),
	"placeholders of Vault with a field": byCreator.with(func(c *call) { c.data = map[string]string{"a": "vault:secret/data/app1#user", "b": ""} }),

	// of trusted writers
	"sealed-secrets, a new value":              rotated(bySealed),
	"sealed-secrets, unchanged with a label":   renewed(bySealed).with(func(c *call) { set(&c.labels, "app", "shop") }),
	"sealed-secrets, a key less":               bySealed.with(func(c *call) { c.old = &call{data: map[string]string{"password": "not-old", "gone": "not-kept"}} }),
	"external-secrets, a new value":            rotated(byESO),
	"external-secrets, unchanged":              renewed(byESO),
	"external-secrets, orphan":                 byMerge.with(func(c *call) { c.manager = "externalsecrets.external-secrets.io/merge" }),
	"external-secrets, adoption":               byESO.with(func(c *call) { c.old = &call{data: maps.Clone(c.data), labels: map[string]string{"app": "x"}} }),
	"external-secrets, its certificate anew":   rotated(account("external-secrets/external-secrets-cert-controller", "external-secrets-webhook").with(in("external-secrets"))),
	"Vault operator, a new value":              rotated(byVault),
	"Vault operator, into a foreign Secret":    byVault.with(func(c *call) { c.owners = nil }),
	"CSI driver, a new value":                  rotated(byCSI),
	"sync controller, a new value":             rotated(legitimate["sync controller"]),
	"cert-manager, a renewal":                  rotated(byCert),
	"cert-manager, its webhook's authority":    rotated(legitimate["cert-manager, webhook"]),
	"Flux, a new value":                        rotated(byFlux),
	"Flux, a dry run before each apply":        renewed(byFlux),
	"Flux, a tenant's new value":               rotated(byTenant),
	"Flux, a tenant by default, a new value":   rotated(byDefault),
	"Flux, the next release":                   rotated(legitimate["Flux, release"]),
	"Flux, a chart's new value":                rotated(byHelm),
	"Argo CD, a new value":                     rotated(byArgo),
	"Argo CD, self-heal":                       renewed(byArgo),
	"CloudNativePG, a new password":            rotated(legitimate["CloudNativePG"]),
	"CloudNativePG, its webhook's certificate": rotated(legitimate["CloudNativePG, webhook"]),
	"Strimzi, a new password":                  rotated(legitimate["Strimzi"]),
	"Crossplane, new details":                  rotated(legitimate["Crossplane provider"]),
	"SopsSecret, a new value":                  rotated(legitimate["SopsSecret"]),
	"reflector, the source changed":            rotated(legitimate["reflector"]),
	"replicator, the source changed":           rotated(legitimate["replicator"]),
	"a token of an account filled in again":    rotated(byControllerManager),
	"a bootstrap token prolonged":              rotated(byKubeadm),
	"an emergency's second write":              rotated(byOncall),
	"an excepted account":                      byExcepted,
	"an excepted account, a new value":         rotated(byExcepted),
}

// kept is an update by a person that leaves the value as it is.
func kept(change func(*call)) call { return byLabeller.with(change) }

func in(namespace string) func(*call) { return func(c *call) { c.namespace = namespace } }

// rotated is a write of another value than the Secret had.
func rotated(c call) call {
	return c.with(func(c *call) {
		c.old = &call{data: map[string]string{}, annotations: maps.Clone(c.annotations), labels: maps.Clone(c.labels)}
		for key := range c.data {
			c.old.data[key] = "not-the-former-one"
		}
	})
}

// renewed is a write of the value that the Secret has.
func renewed(c call) call {
	return c.with(func(c *call) { c.old = &call{data: maps.Clone(c.data), annotations: maps.Clone(c.annotations)} })
}

func init() { maps.Copy(legitimate, everyday) }
