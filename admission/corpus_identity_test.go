package admission

// impersonated is a call under the name of its account by who may impersonate it: the
// API server gives neither the uid nor the pod of the account.
func impersonated(c *call) { c.uid, c.token = "", "none" }

// remade is a call with a token from before the account was deleted and made again.
func remade(c *call) { c.uid = "a-former-uid" }

// unbound is a call with a token that whoever may mint tokens gets: of no pod.
func unbound(c *call) { c.token = "unbound" }

var impersonationAttacks = []attack{
	{"impersonation", "of sealed-secrets", bySealed, impersonated, ruleIdentity},
	{"impersonation", "of external-secrets", byESO, impersonated, ruleIdentity},
	{"impersonation", "of cert-manager", byCert, impersonated, ruleIdentity},
	{"impersonation", "of the Vault operator", byVault, impersonated, ruleIdentity},
	{"impersonation", "of Argo CD", byArgo, impersonated, ruleIdentity},
	{"impersonation", "of Flux itself", byFlux, impersonated, ruleIdentity},
	{"impersonation", "of the controller of Helm", byHelm, impersonated, ruleIdentity},
	{"impersonation", "with the uid of the account", bySealed, func(c *call) { c.token = "none" }, ruleIdentity},
	{"impersonation", "with groups of another", byESO, func(c *call) { impersonated(c); c.groups = []string{"system:masters"} }, ruleIdentity},
	{"impersonation", "of an account called as Flux's tenants", byTenant, func(c *call) { c.user = "shop/reconciler" }, ruleUntrusted},
	{"impersonation", "of a tenant, for another's Kustomization", byTenant, flux("flux-system", "apps"), ruleClaim},
	{"impersonation", "of an excepted account", byExcepted, impersonated, ruleUntrusted},
}

var remadeAttacks = []attack{
	{"re-created account", "of sealed-secrets", bySealed, remade, ruleIdentity},
	{"re-created account", "of external-secrets", byESO, remade, ruleIdentity},
	{"re-created account", "of cert-manager", byCert, remade, ruleIdentity},
	{"re-created account", "of the Vault operator", byVault, remade, ruleIdentity},
	{"re-created account", "of Argo CD", byArgo, remade, ruleIdentity},
	{"re-created account", "of Flux", byFlux, remade, ruleIdentity},
	{"re-created account", "of the CSI driver", byCSI, remade, ruleIdentity},
	{"re-created account", "with a token of no pod", bySealed, func(c *call) { remade(c); unbound(c) }, ruleIdentity},
	{"re-created account", "with the uid of another account", bySealed, func(c *call) { c.uid = uidOf("ServiceAccount", "shop", "app") }, ruleIdentity},
}

// tokenAttacks are by the ways of an account to show itself that a pod does not have.
var tokenAttacks = []attack{
	{"token", "of no pod, for sealed-secrets", bySealed, unbound, ruleIdentity},
	{"token", "of no pod, for external-secrets", byESO, unbound, ruleIdentity},
	{"token", "of no pod, for cert-manager", byCert, unbound, ruleIdentity},
	{"token", "of no pod, for Flux", byFlux, unbound, ruleIdentity},
	{"token", "that does not expire", bySealed, func(c *call) { c.token = "legacy" }, ruleIdentity},
	{"token", "a certificate in its name", bySealed, func(c *call) { c.uid, c.token = "", "x509" }, ruleIdentity},
	{"token", "a certificate in the name of external-secrets", byESO, func(c *call) { c.uid, c.token = "", "x509" }, ruleIdentity},
	{"token", "a certificate with the uid", bySealed, func(c *call) { c.token = "x509" }, ruleIdentity},
	{"token", "a certificate with a pod", bySealed, func(c *call) { c.token = "x509pod" }, ruleIdentity},
	{"token", "of two pods", bySealed, func(c *call) { c.token = "twopods" }, ruleIdentity},
	{"token", "a tenant's own", byTenant, func(c *call) { c.uid, c.token = "live", "pod" }, ruleIdentity},
}
