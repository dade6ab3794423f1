package admission

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	lists "github.com/leakgate/leakgate/test/attacks"
)

// legitimate are writes that nothing may refuse, beside the twins of attacks.
var legitimate = map[string]call{
	"garbage collector adds an owner": byLabeller.with(func(c *call) {
		c.user = "kube-system/generic-garbage-collector"
		c.owners = []map[string]any{owner("apps/ReplicaSet", "shop", "x")}
	}),
	"key removed by a person": byLabeller.with(func(c *call) { c.old.data["second"] = "not-a-second" }),
	"every key removed":       byLabeller.with(func(c *call) { c.data = nil }),
	"value emptied":           byLabeller.with(func(c *call) { c.data["password"] = "" }),
	"annotation removed":      byLabeller.with(func(c *call) { set(&c.old.annotations, "replicator.v1.mittwald.de/replicate-to", "a") }),
	"copy annotation kept": byLabeller.with(func(c *call) {
		set(&c.annotations, "sopssecret/managed", "true")
		set(&c.old.annotations, "sopssecret/managed", "true")
	}),
	"restored by velero":               byLabeller.with(func(c *call) { c.user = "velero/velero"; set(&c.labels, "velero.io/restore-name", "r") }),
	"re-encrypted by replace":          byLabeller.with(func(c *call) { c.labels = nil }),
	"label by apply with the old text": byLabeller.with(func(c *call) { lastApplied(c); lastApplied(c.old); set(&c.labels, "b", "c") }),
	"apply of other labels": byLabeller.with(func(c *call) {
		lastApplied(c)
		lastApplied(c.old)
		c.annotations[managedAnnotation] = strings.Replace(c.annotations[managedAnnotation], `"name"`, `"labels":{"x":"y"},"name"`, 1)
	}),
	"legacy token's last use": byLabeller.with(func(c *call) {
		c.user, c.secretType = "system:apiserver", tokenType
		set(&c.labels, "kubernetes.io/legacy-token-last-used", "2026-11-26")
	}),
	"token filled in":            byControllerManager,
	"token filled in later":      byControllerManager.with(func(c *call) { c.old = &call{annotations: c.annotations} }),
	"bootstrap token by kubeadm": byKubeadm,
	"empty Secret by a person":   byCreator,
	"empty keys by a person":     byCreator.with(func(c *call) { c.data = map[string]string{"a": "", "b": ""} }),
	"placeholder by a person": byCreator.with(func(c *call) {
		c.data = map[string]string{"a": "vault:secret/data/db#password", "b": ">>vault:pki/issue/web#certificate"}
	}),
	"undecrypted sops by a person":  byCreator.with(func(c *call) { c.data = map[string]string{"a": sopsText(), "b": sopsText()} }),
	"value kept, placeholder added": byLabeller.with(func(c *call) { c.data["b"] = "vault:secret/data/db#b" }),
	"emergency":                     byOncall,
	"emergency by a user":           byOncall.with(func(c *call) { c.user, c.groups = "root@example.com", nil }),
	"exception":                     byOps,
	"sealed, named only":            account("kube-system/sealed-secrets-controller", "unowned"),
	"sealed, update":                bySealed.with(func(c *call) { c.old = &call{data: map[string]string{"password": "not-the-old-one"}} }),
	"sealed, resync":                bySealed.with(func(c *call) { c.old = &call{data: c.data} }),
	"sealing key":                   generateAttacks[0].twin,
	"external, owner":               byESO,
	"external, first touch": byLabeller.with(func(c *call) {
		c.user, c.uid, c.token = "external-secrets/external-secrets", "live", "pod"
		c.manager = "externalsecrets.external-secrets.io/api"
	}),
	"external, merge": byMerge.with(func(c *call) {
		c.old = &call{data: map[string]string{"other": "not-touched"}}
		c.data["other"] = "not-touched"
	}),
	"external, keys of the provider":     account("external-secrets/external-secrets", "open").with(func(c *call) { c.data = map[string]string{"anything": "not-a-real-password"} }),
	"external, webhook's certificate":    account("external-secrets/external-secrets-cert-controller", "external-secrets-webhook").with(func(c *call) { c.namespace = "external-secrets" }),
	"vault operator, no controller flag": byVault,
	"vault operator, client cache":       account("vault-secrets-operator-system/vault-secrets-operator-controller-manager", "vso-cc-kubernetes-1").with(func(c *call) { c.namespace = "vault-secrets-operator-system" }),
	"CSI driver, without owner":          byCSI,
	"CSI driver, owner of the pod": byCSI.with(func(c *call) {
		c.old = &call{data: c.data}
		c.owners = []map[string]any{owner("apps/ReplicaSet", "shop", "web-1")}
	}),
	"sync controller":                     account("secrets-store-sync-controller-system/secrets-store-sync-controller-manager", "synced").with(func(c *call) { c.owners = []map[string]any{owner("secret-sync.x-k8s.io/SecretSync", "shop", "synced")} }),
	"cert-manager, certificate":           byCert,
	"cert-manager, next key":              generateAttacks[3].twin,
	"cert-manager, account":               account("cert-manager/cert-manager", "letsencrypt").with(func(c *call) { c.namespace = "cert-manager" }),
	"cert-manager, webhook":               account("cert-manager/cert-manager-webhook", "cert-manager-webhook-ca").with(func(c *call) { c.namespace = "cert-manager" }),
	"Flux":                                byFlux,
	"Flux, impersonating a tenant":        byTenant,
	"Flux, impersonating by default":      byDefault,
	"Flux, a tenant's chart":              byTenantHelm,
	"Flux, a tenant's release":            byTenantRelease,
	"Argo CD, a plugin that is found":     byArgo.with(func(c *call) { c.annotations[trackingID] = "discovered:/Secret:shop/app" }),
	"Flux, release":                       account("flux-system/helm-controller", "sh.helm.release.v1.redis.v3").with(ofType("helm.sh/release.v1")).with(func(c *call) { set(&c.labels, "owner", "helm") }),
	"Flux, chart with values of a Secret": byHelm,
	"Helm by a pipeline":                  {user: "ci", groups: []string{"helm-deployers"}, namespace: "shop", name: "sh.helm.release.v1.redis.v1", secretType: "helm.sh/release.v1", data: map[string]string{"release": "H4sIAAAA"}},
	"Argo CD":                             byArgo,
	"Argo CD, app of a namespace":         byArgo.with(func(c *call) { c.annotations[trackingID] = "team-a_own:/Secret:shop/app" }),
	"CloudNativePG":                       account("cnpg-system/cnpg-manager", "pg-app").with(ofType("kubernetes.io/basic-auth")).with(func(c *call) { c.owners = []map[string]any{owner("postgresql.cnpg.io/Cluster", "shop", "pg")} }),
	"Strimzi": account("kafka/strimzi-cluster-operator", "bob").with(func(c *call) {
		c.namespace = "kafka"
		c.owners = []map[string]any{owner("kafka.strimzi.io/KafkaUser", "kafka", "bob")}
	}),
	"CloudNativePG, pull secret": account("cnpg-system/cnpg-manager", "pg-pull").with(ofType("kubernetes.io/dockerconfigjson")).with(func(c *call) {
		c.owners = []map[string]any{owner("postgresql.cnpg.io/Cluster", "shop", "pg")}
	}),
	"CloudNativePG, webhook":   account("cnpg-system/cnpg-manager", "cnpg-webhook-cert").with(ofType("kubernetes.io/tls")).with(func(c *call) { c.namespace = "cnpg-system" }),
	"Crossplane, certificates": account("crossplane-system/crossplane", "function-auto-ready-59868730b9a9-tls-server").with(func(c *call) { c.namespace = "crossplane-system" }),
	"SopsSecret":               account("sops/sops-sops-secrets-operator", "one-of-several").with(func(c *call) { c.owners = []map[string]any{owner("isindir.github.com/SopsSecret", "shop", "sops")} }),
	"Crossplane provider":      account("crossplane-system/provider-aws-3f2a1b", "conn").with(ofType("connection.crossplane.io/v1alpha1")),
	"reflector":                account("reflector/reflector", "copy").with(annotate("reflector.v1.k8s.emberstack.com/reflects", "other/db")),
	"replicator":               account("kube-system/replicator-kubernetes-replicator", "copy").with(annotate("replicator.v1.mittwald.de/replicated-from-version", "12")),
}

func TestNoLegitimateWriteIsRefused(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	seen := map[string]string{}
	for name, c := range legitimate {
		if response, answer := d.ask(t, c); !response.Allowed || answer.Refused {
			t.Errorf("%s: refused by %s: %s", name, answer.Rule, answer.Message)
		}
		if review := string(c.review(t)); seen[review] != "" {
			t.Errorf("%s is %s once more", name, seen[review])
		} else {
			seen[review] = name
		}
	}
	lists.List{Legitimate: slices.Sorted(maps.Keys(legitimate))}.Hold(t, "../testdata/attacks/legitimate-writes.txt", *update)
	t.Logf("%d legitimate writes beside %d twins", len(legitimate), len(attacks))
}

// Every preset is driven with the shape that its writer really sends, and with
// three forged ones.
func TestWritersMatrix(t *testing.T) {
	seen := map[string]bool{}
	for name, c := range legitimate {
		d := newDoor(t, corpusPolicy, corpusCluster())
		_, answer := d.ask(t, c)
		if answer.Rule != ruleTrusted {
			continue
		}
		seen[answer.Writer] = true
		forged := map[string]func(*call){"by a person": human}
		if !isImpersonated(c) && strings.Contains(c.user, "/") {
			forged["impersonated"] = func(c *call) { c.uid, c.token = "", "none" }
			forged["with a token of no pod"] = func(c *call) { c.token = "unbound" }
			forged["after the account was made anew"] = func(c *call) { c.uid = "an-older-uid" }
		}
		for how, forge := range forged {
			if response, a := d.ask(t, c.with(forge)); response.Allowed {
				t.Errorf("%s (%s) is admitted %s by %s", name, answer.Writer, how, a.Rule)
			}
		}
	}
	p, err := gate.ParsePolicy("p", []byte(corpusPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Kubernetes.Writers {
		if !seen[w.Name] {
			t.Errorf("no write of %s in the matrix", w.Name)
		}
	}
}

func isImpersonated(c call) bool { return c.token == "none" }

func TestDecisionSaysWhatItIsMadeOf(t *testing.T) {
	d := newDoor(t, corpusPolicy, corpusCluster())
	for _, c := range []struct {
		call                call
		rule, writer, claim string
	}{
		{bySealed, ruleTrusted, "sealed-secrets", "owner:bitnami.com/SealedSecret"},
		{byMerge, ruleTrusted, "external-secrets", "reference:external-secrets.io/ExternalSecret"},
		{byFlux, ruleTrusted, "flux", "deployer:flux"},
		{legitimate["reflector"], ruleTrusted, "reflector", "none"},
		{byLabeller, ruleUnchanged, "", ""},
		{byOncall, ruleBreakGlass, "", ""},
		{byOps, ruleException, "", ""},
		{legitimate["undecrypted sops by a person"], ruleSOPSUndecrypted, "", ""},
	} {
		response, a := d.ask(t, c.call)
		if !response.Allowed || a.Rule != c.rule || a.Writer != c.writer || a.Claim != c.claim {
			t.Errorf("%s: %s %s %s", c.call.name, a.Rule, a.Writer, a.Claim)
		}
		if response.AuditAnnotations["rule"] != c.rule || response.AuditAnnotations["claim"] != c.claim || response.AuditAnnotations["decision"] == "" {
			t.Errorf("%s: %v", c.call.name, response.AuditAnnotations)
		}
	}
	response, _ := d.ask(t, byOncall)
	if len(response.Warnings) != 1 || response.AuditAnnotations["break-glass-reason"] != "INC-1 vault is down" || response.AuditAnnotations["broken-rule"] != ruleUntrusted {
		t.Errorf("the emergency is not on the record: %+v", response)
	}
}

func TestModesSoftenRefusals(t *testing.T) {
	plain := call{user: "alice", namespace: "shop", name: "db", data: map[string]string{"password": "not-a-real-password"}}.with(lastApplied)
	for modes, want := range map[string]struct {
		allowed  bool
		decision string
		warnings int
	}{
		"{default: audit}":   {true, "audit", 0},
		"{default: warn}":    {true, "warn", 1},
		"{default: enforce}": {false, "block", 0},
		"{default: audit, namespaces: {shop: {mode: enforce}}}":                                       {false, "block", 0},
		"{default: enforce, namespaces: {shop: {mode: audit}}}":                                       {true, "audit", 0},
		"{default: enforce, rules: {untrusted-writer: warn, last-applied: audit}}":                    {true, "warn", 1},
		"{default: enforce, rules: {untrusted-writer: audit}}":                                        {false, "block", 0}, // by last-applied
		"{namespaces: {shop: {mode: enforce, rules: {untrusted-writer: audit, last-applied: warn}}}}": {true, "warn", 1},
	} {
		d := newDoor(t, "version: 1\nkubernetes: {modes: "+modes+"}\n", corpusCluster())
		response, _ := d.ask(t, plain)
		if response.Allowed != want.allowed || response.AuditAnnotations["decision"] != want.decision || len(response.Warnings) != want.warnings {
			t.Errorf("%s: %+v", modes, response)
		}
		for _, w := range response.Warnings {
			if len([]rune(w)) > 120 {
				t.Errorf("a warning of %d characters", len([]rune(w)))
			}
		}
	}
}

func TestAClusterThatDoesNotAnswerIsNoYes(t *testing.T) {
	c := corpusCluster()
	c.broken = true
	d := newDoor(t, corpusPolicy, c)
	for name, write := range map[string]call{"sealed": bySealed, "flux": byFlux, "reference": byMerge} {
		response, answer := d.ask(t, write)
		if response.Allowed || answer.Rule != ruleUndecided || response.Result.Code != 500 {
			t.Errorf("%s: %+v", name, response)
		}
	}
	for name, write := range map[string]call{"unchanged": byLabeller, "empty": byCreator, "token": byControllerManager} {
		if response, answer := d.ask(t, write); !response.Allowed {
			t.Errorf("%s needs the cluster: %s", name, answer.Message)
		}
	}
	if c.asked == 0 {
		t.Error("the cluster was not asked")
	}
}

func TestAWriterIsOnlyAsGoodAsWhatItObeys(t *testing.T) {
	c := corpusCluster()
	c.add("bitnami.com/SealedSecret", "shop", "laundry", map[string]any{
		"encryptedData": map[string]any{"password": base64.StdEncoding.EncodeToString([]byte("not-sealed-at-all"))}, "template": map[string]any{}})
	d := newDoor(t, corpusPolicy, c)
	write := account("kube-system/sealed-secrets-controller", "laundry").with(func(c *call) {
		c.owners = []map[string]any{owner("bitnami.com/SealedSecret", "shop", "laundry")}
	})
	response, answer := d.ask(t, write)
	if response.Allowed || answer.Rule != ruleSource {
		t.Errorf("allowed %v by %s: %s", response.Allowed, answer.Rule, answer.Message)
	}
}
