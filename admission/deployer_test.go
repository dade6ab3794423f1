package admission

import "testing"

// Helm's controller impersonates tenants as that of Kustomizations does. Whoever
// may do the same may borrow nobody else's release.
func TestAnImpersonatedTenantHasReleasesOfItsOwn(t *testing.T) {
	const policy = `version: 1
kubernetes:
  writers: [{name: tenants, impersonated: [team-*/reconciler], claims: [{by: flux-helm}]}]
  modes: {default: enforce}
`
	c := corpusCluster()
	from := []any{map[string]any{"kind": "Secret", "name": "redis-values"}}
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "team-a", "redis", map[string]any{"serviceAccountName": "reconciler", "valuesFrom": from})
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "team-a", "own", map[string]any{"valuesFrom": from})
	d := newDoor(t, policy, c)
	tenant := account("team-a/reconciler", "redis").with(func(c *call) { c.uid, c.token = "", "none" })
	if response, a := d.ask(t, tenant.with(helm("team-a", "redis"))); !response.Allowed || a.Rule != ruleTrusted {
		t.Errorf("%s: %s", a.Rule, a.Message)
	}
	for _, release := range [][2]string{{"shop", "redis"}, {"team-a", "own"}} {
		if response, a := d.ask(t, tenant.with(helm(release[0], release[1]))); response.Allowed || a.Rule != ruleClaim {
			t.Errorf("%v: allowed by %s", release, a.Rule)
		}
	}
}
