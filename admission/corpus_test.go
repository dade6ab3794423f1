package admission

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	lists "github.com/leakgate/leakgate/test/attacks"
)

var update = flag.Bool("update", false, "rewrite testdata/attacks")

// corpusPolicy enforces everywhere, so that every refusal is a denial.
const corpusPolicy = `version: 1
kubernetes:
  presets:
    argocd: {}
    cert-manager: {}
    cloudnative-pg: {}
    crossplane: {}
    external-secrets: {}
    flux: {impersonated: [team-*/reconciler, team-*/default], default_service_account: default}
    helm: {}
    kubernetes: {}
    reflectors: {}
    sealed-secrets: {}
    secrets-store-csi-driver: {}
    secrets-store-sync-controller: {}
    sops-secrets-operator: {}
    strimzi: {}
    vault-secrets-operator: {}
  formats: {placeholders: [bank-vaults]}
  modes: {default: enforce}
  break_glass: {groups: [sre-oncall], users: [root@example.com], max_hours: 8}
  exceptions:
    - {rule: untrusted-writer, namespaces: [infra], names: [old-*], subjects: ["group:ops", "serviceaccount:shop/app"], reason: a migration, owner: "@platform", expires: 2026-12-31}
    - {rule: untrusted-writer, namespaces: [past], reason: over, owner: "@platform", expires: 2026-11-25}
`

// corpusCluster holds what the legitimate writers write for.
func corpusCluster() *fakeCluster {
	c := &fakeCluster{}
	for _, account := range []string{
		"kube-system/sealed-secrets-controller", "external-secrets/external-secrets", "external-secrets/external-secrets-cert-controller",
		"flux-system/kustomize-controller", "flux-system/helm-controller", "argocd/argocd-application-controller", "cert-manager/cert-manager",
		"cert-manager/cert-manager-webhook", "kube-system/secrets-store-csi-driver", "secrets-store-sync-controller-system/secrets-store-sync-controller-manager",
		"sops/sops-sops-secrets-operator", "vault-secrets-operator-system/vault-secrets-operator-controller-manager", "cnpg-system/cnpg-manager",
		"kafka/strimzi-cluster-operator", "crossplane-system/crossplane", "crossplane-system/provider-aws-3f2a1b", "reflector/reflector",
		"kube-system/replicator-kubernetes-replicator", "shop/app", "team-a/reconciler", "team-b/reconciler", "team-c/default", "team-c/reconciler",
	} {
		namespace, name, _ := strings.Cut(account, "/")
		c.add("ServiceAccount", namespace, name, nil)
	}
	c.add("bitnami.com/SealedSecret", "shop", "db", map[string]any{"encryptedData": map[string]any{"password": sealed()}, "template": map[string]any{}})
	c.add("bitnami.com/SealedSecret", "shop", "unowned", map[string]any{"encryptedData": map[string]any{"password": sealed()}})
	c.add("bitnami.com/SealedSecret", "other", "far", map[string]any{"encryptedData": map[string]any{"password": sealed()}})
	store := map[string]any{"name": "vault", "kind": "SecretStore"}
	remote := []any{map[string]any{"secretKey": "password", "remoteRef": map[string]any{"key": "a/b"}}}
	c.add("external-secrets.io/ExternalSecret", "shop", "api", map[string]any{"secretStoreRef": store, "data": remote, "refreshInterval": "1h"})
	c.add("external-secrets.io/ExternalSecret", "shop", "merge", map[string]any{
		"secretStoreRef": store, "data": remote, "refreshInterval": "1h", "target": map[string]any{"name": "merged", "creationPolicy": "Merge"}})
	c.add("external-secrets.io/ExternalSecret", "shop", "open", map[string]any{
		"secretStoreRef": store, "refreshInterval": "1h", "dataFrom": []any{map[string]any{"extract": map[string]any{"key": "a/b"}}}})
	c.add("secrets.hashicorp.com/VaultStaticSecret", "shop", "kv", map[string]any{"mount": "kv", "path": "a", "type": "kv-v2", "destination": map[string]any{"name": "vaulted", "create": true}})
	c.add("secrets-store.csi.x-k8s.io/SecretProviderClass", "shop", "spc", map[string]any{"provider": "vault",
		"secretObjects": []any{map[string]any{"secretName": "mounted", "type": "Opaque", "data": []any{map[string]any{"key": "password", "objectName": "o"}}}}})
	c.add("secret-sync.x-k8s.io/SecretSync", "shop", "synced", map[string]any{"secretProviderClassName": "spc",
		"secretObject": map[string]any{"type": "Opaque", "data": []any{map[string]any{"targetKey": "password", "sourcePath": "o"}}}})
	c.add("isindir.github.com/SopsSecret", "shop", "sops", map[string]any{"secretTemplates": []any{
		map[string]any{"name": sopsText(), "stringData": map[string]any{"password": sopsText()}}}})
	c.objects[parseKind("isindir.github.com/SopsSecret")]["shop"][0]["sops"] = sopsMetadata()
	c.add("cert-manager.io/Certificate", "shop", "web", map[string]any{"secretName": "web-tls", "issuerRef": map[string]any{"name": "ca"}, "dnsNames": []any{"a.example"}})
	c.add("postgresql.cnpg.io/Cluster", "shop", "pg", map[string]any{"instances": 1})
	c.add("kafka.strimzi.io/KafkaUser", "kafka", "bob", map[string]any{"authentication": map[string]any{"type": "scram-sha-512"}})
	kustomize := func(namespace, name string, more map[string]any) {
		spec := map[string]any{"path": "./", "prune": true, "sourceRef": map[string]any{"kind": "GitRepository", "name": "fleet"}}
		maps.Copy(spec, more)
		c.add("kustomize.toolkit.fluxcd.io/Kustomization", namespace, name, spec)
	}
	decrypts := map[string]any{"provider": "sops", "secretRef": map[string]any{"name": "age"}}
	kustomize("flux-system", "apps", map[string]any{"decryption": decrypts})
	kustomize("flux-system", "plain", nil)
	kustomize("flux-system", "odd", map[string]any{"decryption": map[string]any{"provider": "none"}})
	kustomize("team-a", "team", map[string]any{"decryption": decrypts, "serviceAccountName": "reconciler"})
	kustomize("team-a", "own", map[string]any{"decryption": decrypts})
	kustomize("team-c", "lockdown", map[string]any{"decryption": decrypts})
	kustomize("team-c", "plain", nil)
	kustomize("team-b", "plain", map[string]any{"serviceAccountName": "reconciler"})
	chart := map[string]any{"spec": map[string]any{"chart": "redis"}}
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "shop", "redis", map[string]any{"chart": chart, "valuesFrom": []any{map[string]any{"kind": "Secret", "name": "redis-values"}}})
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "shop", "inline", map[string]any{"chart": chart, "valuesFrom": []any{map[string]any{"kind": "ConfigMap", "name": "v"}}})
	c.add("argoproj.io/Application", "argocd", "shop", map[string]any{"source": map[string]any{"repoURL": "https://git.example/shop", "plugin": map[string]any{"name": "avp"}}})
	fromSecret := []any{map[string]any{"kind": "Secret", "name": "redis-values"}}
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "team-a", "chart", map[string]any{"chart": chart, "serviceAccountName": "reconciler", "valuesFrom": fromSecret})
	c.add("helm.toolkit.fluxcd.io/HelmRelease", "team-a", "own", map[string]any{"chart": chart, "valuesFrom": fromSecret})
	c.add("argoproj.io/Application", "argocd", "discovered", map[string]any{"source": map[string]any{"repoURL": "https://git.example/shop", "plugin": map[string]any{}}})
	c.add("argoproj.io/Application", "argocd", "null", map[string]any{"source": map[string]any{"repoURL": "https://git.example/shop", "plugin": nil}})
	c.add("argoproj.io/Application", "argocd", "plain", map[string]any{"source": map[string]any{"repoURL": "https://git.example/plain"}})
	c.add("argoproj.io/Application", "team-a", "own", map[string]any{"sources": []any{map[string]any{"repoURL": "https://git.example/own", "plugin": map[string]any{"name": "avp"}}}})
	return c
}

// sealed has the form of a value that sealed-secrets made with a key of 4096
// bits: the length of the session key, the session key, ciphertext and tag.
func sealed() string {
	raw := make([]byte, 2+512+20+16)
	raw[0] = 2
	for i := range raw[2:] {
		raw[2+i] = byte(i*7 + i/251)
	}
	raw[2] = 0x11
	return base64.StdEncoding.EncodeToString(raw)
}

// sopsMetadata are those of a document that sops encrypted with a key of Vault.
func sopsMetadata() map[string]any {
	return map[string]any{"version": "3.13.3", "lastmodified": "2026-11-01T00:00:00Z", "mac": sopsText(), "encrypted_suffix": "Templates",
		"hc_vault": []any{map[string]any{"vault_address": "https://vault.example", "engine_path": "transit", "key_name": "sops", "enc": "vault:v1:bm90aGluZw=="}}}
}

func owner(kind, namespace, name string) map[string]any {
	k := parseKind(kind)
	return map[string]any{"apiVersion": k.Group + "/v1", "kind": k.Kind, "name": name, "uid": uidOf(kind, namespace, name), "controller": true}
}

func account(user, name string) call {
	return call{user: user, uid: "live", token: "pod", namespace: "shop", name: name, data: map[string]string{"password": "not-a-real-password"}}
}

// The legitimate writes that attacks are made of.
var (
	bySealed = account("kube-system/sealed-secrets-controller", "db").with(func(c *call) {
		c.owners = []map[string]any{owner("bitnami.com/SealedSecret", "shop", "db")}
	})
	byESO = account("external-secrets/external-secrets", "api").with(func(c *call) {
		c.labels = map[string]string{"reconcile.external-secrets.io/managed": "true"}
		c.owners = []map[string]any{owner("external-secrets.io/ExternalSecret", "shop", "api")}
		c.manager = "externalsecrets.external-secrets.io/api"
	})
	byMerge         = account("external-secrets/external-secrets", "merged")
	byFlux          = account("flux-system/kustomize-controller", "app").with(flux("flux-system", "apps"))
	byTenant        = account("team-a/reconciler", "app").with(flux("team-a", "team")).with(func(c *call) { c.uid, c.token = "", "none" })
	byDefault       = account("team-c/default", "app").with(flux("team-c", "lockdown")).with(func(c *call) { c.uid, c.token = "", "none" })
	byTenantHelm    = account("team-a/reconciler", "redis").with(helm("team-a", "chart")).with(func(c *call) { c.uid, c.token = "", "none" })
	byTenantRelease = account("team-a/reconciler", "sh.helm.release.v1.chart.v1").with(ofType("helm.sh/release.v1")).with(func(c *call) { c.uid, c.token = "", "none" })
	byArgo          = account("argocd/argocd-application-controller", "app").with(func(c *call) {
		c.annotations = map[string]string{trackingID: "shop:/Secret:shop/app"}
	})
	byCert  = account("cert-manager/cert-manager", "web-tls").with(func(c *call) { c.secretType = "kubernetes.io/tls" })
	byCSI   = account("kube-system/secrets-store-csi-driver", "mounted").with(func(c *call) { c.labels = map[string]string{"secrets-store.csi.k8s.io/managed": "true"} })
	byVault = account("vault-secrets-operator-system/vault-secrets-operator-controller-manager", "vaulted").with(func(c *call) {
		o := owner("secrets.hashicorp.com/VaultStaticSecret", "shop", "kv")
		delete(o, "controller")
		c.owners = []map[string]any{o}
	})
	byHelm     = account("flux-system/helm-controller", "redis").with(helm("shop", "redis"))
	byLabeller = call{user: "alice", namespace: "shop", name: "db", data: map[string]string{"password": "not-a-real-password"},
		old: &call{data: map[string]string{"password": "not-a-real-password"}}}.with(func(c *call) { set(&c.labels, "team", "a") })
	byCreator = call{user: "alice", namespace: "shop", name: "empty"}
	byOncall  = call{user: "alice", groups: []string{"sre-oncall"}, namespace: "shop", name: "fix", data: map[string]string{"password": "not-a-real-password"},
		annotations: map[string]string{AnnotationReason: "INC-1 vault is down", AnnotationExpires: "2026-11-26T16:00:00Z"}}
	byExcepted = account("shop/app", "old-app").with(func(c *call) { c.namespace = "infra" })
	byOps      = call{user: "bob", groups: []string{"ops"}, namespace: "infra", name: "old-db", data: map[string]string{"password": "not-a-real-password"}}
)

func flux(namespace, name string) func(*call) {
	return func(c *call) {
		set(&c.labels, "kustomize.toolkit.fluxcd.io/namespace", namespace)
		set(&c.labels, "kustomize.toolkit.fluxcd.io/name", name)
		c.manager = "kustomize-controller"
	}
}

func helm(namespace, name string) func(*call) {
	return func(c *call) {
		set(&c.labels, "helm.toolkit.fluxcd.io/namespace", namespace)
		set(&c.labels, "helm.toolkit.fluxcd.io/name", name)
		set(&c.labels, "app.kubernetes.io/managed-by", "Helm")
	}
}

// human makes any write one of a person with the rights of an administrator.
func human(c *call) {
	c.user, c.uid, c.token, c.groups = "mallory", "", "none", []string{"system:masters"}
}

// lastApplied is the annotation of a client-side apply with the data of c.
func lastApplied(c *call) {
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": c.name}, "stringData": c.data})
	if err != nil {
		panic(err)
	}
	set(&c.annotations, "kubectl.kubernetes.io/last-applied-configuration", string(text)+"\n")
}

// attack is a forged write and the legitimate one that it is made of.
type attack struct {
	class, name string
	twin        call
	forge       func(*call)
	rule        string
}

var attacks = slices.Concat(identityAttacks, impersonationAttacks, remadeAttacks, tokenAttacks, ownerAttacks, labelAttacks, managerAttacks, typeAttacks, referenceAttacks,
	deployerAttacks, updateAttacks, copyAttacks, lastAppliedAttacks, emergencyAttacks, generateAttacks, placeholderAttacks)

func TestEveryAttackIsRefusedAndItsTwinIsNot(t *testing.T) {
	classes, denied, list := map[string]int{}, map[string]bool{}, lists.List{}
	for _, a := range attacks {
		t.Run(a.class+"/"+a.name, func(t *testing.T) {
			d := newDoor(t, corpusPolicy, corpusCluster())
			if response, answer := d.ask(t, a.twin); !response.Allowed {
				t.Errorf("the legitimate twin is refused by %s: %s", answer.Rule, response.Result.Message)
			}
			response, answer := d.ask(t, a.twin.with(a.forge))
			if response.Allowed || answer.Rule != a.rule {
				t.Fatalf("allowed %v by the rule %s, want a refusal by %s: %s", response.Allowed, answer.Rule, a.rule, answer.Message)
			}
			if response.Result.Code != 403 || !strings.Contains(response.Result.Message, a.rule) || response.AuditAnnotations["rule"] != a.rule {
				t.Errorf("the answer does not name its rule: %+v", response)
			}
		})
		classes[a.class]++
		denied[a.rule] = true
		list.Attacks = append(list.Attacks, lists.Case{Class: a.class, Name: a.name, Rule: a.rule})
	}
	for class, n := range classes {
		if n < 6 {
			t.Errorf("the class %s has %d cases", class, n)
		}
	}
	for _, rule := range Rules {
		apart := []string{ruleBadReview, ruleUndecided, ruleSource} // see the tests of their own
		if rule.Refuses && !denied[rule.ID] && !slices.Contains(apart, rule.ID) {
			t.Errorf("no attack is refused by %s", rule.ID)
		}
	}
	list.Hold(t, "../testdata/attacks/writes.txt", *update)
	t.Logf("%d attacks in %d classes, each with its twin", len(attacks), len(classes))
}

var identityAttacks = []attack{
	{"identity", "longer name", bySealed, func(c *call) { c.user += "-2" }, ruleUntrusted},
	{"identity", "other namespace", bySealed, func(c *call) { c.user = "shop/sealed-secrets-controller" }, ruleUntrusted},
	{"identity", "other case", bySealed, func(c *call) { c.user = "kube-system/Sealed-Secrets-Controller" }, ruleUntrusted},
	{"identity", "account's groups alone", bySealed, func(c *call) {
		c.user, c.uid, c.token, c.groups = "mallory", "", "none", []string{"system:serviceaccounts:kube-system"}
	}, ruleUntrusted},
	{"identity", "account that does not exist", byESO, func(c *call) { c.user, c.uid = "external-secrets/external-secrets", "1" }, ruleIdentity},
	{"identity", "provider's pattern", account("crossplane-system/provider-aws-3f2a1b", "conn").with(func(c *call) { c.secretType = "connection.crossplane.io/v1alpha1" }),
		func(c *call) { c.user = "shop/provider-aws-3f2a1b" }, ruleUntrusted},
}

var ownerAttacks = []attack{
	{"owner", "none", bySealed, func(c *call) { c.owners, c.name = nil, "x" }, ruleClaim},
	{"owner", "forged by a person", bySealed, human, ruleUntrusted},
	{"owner", "other uid", bySealed.with(unnamed), func(c *call) { c.owners[0]["uid"] = "1111" }, ruleClaim},
	{"owner", "no uid", bySealed.with(unnamed), func(c *call) { c.owners[0]["uid"] = "" }, ruleClaim},
	{"owner", "does not exist", bySealed.with(unnamed), func(c *call) { c.owners[0]["name"] = "gone" }, ruleClaim},
	{"owner", "in another namespace", bySealed.with(unnamed), func(c *call) {
		c.owners = []map[string]any{owner("bitnami.com/SealedSecret", "other", "far")}
	}, ruleClaim},
	{"owner", "of another group", bySealed.with(unnamed), func(c *call) { c.owners[0]["apiVersion"] = "evil.example/v1" }, ruleClaim},
	{"owner", "of another kind", bySealed.with(unnamed), func(c *call) { c.owners[0]["kind"] = "Deployment" }, ruleClaim},
	{"owner", "key that it does not have", bySealed, func(c *call) { c.data["extra"] = "not-a-real-password" }, ruleClaim},
	{"owner", "of another writer", bySealed.with(unnamed), func(c *call) {
		c.owners = []map[string]any{owner("external-secrets.io/ExternalSecret", "shop", "api")}
	}, ruleClaim},
}

// unnamed is a Secret that its owner does not name otherwise.
func unnamed(c *call) { c.name = "by-owner-only" }

var labelAttacks = []attack{
	{"label", "of external-secrets", byESO, human, ruleUntrusted},
	{"label", "of the CSI driver", byCSI, human, ruleUntrusted},
	{"label", "of Flux", byFlux, human, ruleUntrusted},
	{"label", "of Flux from another account", byFlux, func(c *call) { c.user = "shop/app" }, ruleUntrusted},
	{"label", "of Helm", byHelm, human, ruleUntrusted},
	{"label", "tracking id of Argo CD", byArgo, human, ruleUntrusted},
	{"label", "of cert-manager", byCert.with(func(c *call) { set(&c.annotations, "cert-manager.io/certificate-name", "web") }), human, ruleUntrusted},
	{"label", "of the Vault operator", byVault.with(func(c *call) { set(&c.labels, "app.kubernetes.io/managed-by", "hashicorp-vso") }), human, ruleUntrusted},
	{"label", "that exempts", bySealed.with(func(c *call) { set(&c.labels, "leakgate.github.io/ignore", "true") }), human, ruleUntrusted},
}

func managed(name string) func(*call) {
	return func(c *call) { human(c); c.manager = name }
}

var managerAttacks = []attack{
	{"field manager", "of external-secrets", byESO, managed("externalsecrets.external-secrets.io/api"), ruleUntrusted},
	{"field manager", "of sealed-secrets", bySealed, managed("sealed-controller"), ruleUntrusted},
	{"field manager", "of Flux", byFlux, managed("kustomize-controller"), ruleUntrusted},
	{"field manager", "of Argo CD", byArgo, managed("argocd-controller"), ruleUntrusted},
	{"field manager", "of Helm", byHelm, managed("helm"), ruleUntrusted},
	{"field manager", "of the controller manager", byVault, managed("kube-controller-manager"), ruleUntrusted},
}

func ofType(name string) func(*call) { return func(c *call) { c.secretType = name } }

const (
	tokenType     = "kubernetes.io/service-account-token"
	bootstrapType = "bootstrap.kubernetes.io/token"
)

var byControllerManager = call{user: "system:kube-controller-manager", namespace: "shop", name: "app-token", secretType: tokenType,
	annotations: map[string]string{"kubernetes.io/service-account.name": "app"}, data: map[string]string{"token": "not-a-real-token"}}

var byKubeadm = call{user: "kubernetes-admin", groups: []string{"kubeadm:cluster-admins"}, namespace: "kube-system", name: "bootstrap-token-abcdef",
	secretType: bootstrapType, data: map[string]string{"token-id": "abcdef"}}

var typeAttacks = []attack{
	{"type", "account token by a person", byControllerManager, func(c *call) { human(c) }, ruleTypeGuard},
	{"type", "account token without data", byControllerManager, func(c *call) { human(c); c.data = nil }, ruleTypeGuard},
	{"type", "account token by external-secrets", byESO, ofType(tokenType), ruleTypeGuard},
	{"type", "account token by Flux", byFlux, ofType(tokenType), ruleTypeGuard},
	{"type", "account token in an emergency", byOncall, ofType(tokenType), ruleTypeGuard},
	{"type", "bootstrap token by a person", byKubeadm, func(c *call) { human(c) }, ruleTypeGuard},
	{"type", "bootstrap token by sealed-secrets", bySealed, ofType(bootstrapType), ruleTypeGuard},
	{"type", "bootstrap token in another namespace", byKubeadm, func(c *call) { c.namespace = "shop" }, ruleTypeGuard},
	{"type", "bootstrap token under another name", byKubeadm, func(c *call) { c.name = "other" }, ruleTypeGuard},
	{"type", "release by a person", account("flux-system/helm-controller", "sh.helm.release.v1.redis.v1").with(ofType("helm.sh/release.v1")), human, ruleUntrusted},
	{"type", "certificate's writer writes a login", byCert, ofType("kubernetes.io/basic-auth"), ruleScope},
	{"type", "connection's writer writes anything", account("crossplane-system/crossplane", "conn").with(ofType("connection.crossplane.io/v1alpha1")), ofType("Opaque"), ruleScope},
}

var referenceAttacks = []attack{
	{"reference", "nothing names it", byMerge, func(c *call) { c.name = "unnamed" }, ruleClaim},
	{"reference", "named in another namespace", byMerge, func(c *call) { c.namespace = "other" }, ruleClaim},
	{"reference", "key that it does not have", byMerge, func(c *call) { c.data["extra"] = "not-a-real-password" }, ruleClaim},
	{"reference", "certificate that nobody asked for", byCert, func(c *call) { c.name = "db" }, ruleClaim},
	{"reference", "mount that nobody asked for", byCSI, func(c *call) { c.name = "db" }, ruleClaim},
	{"reference", "key beyond the mount", byCSI, func(c *call) { c.data["extra"] = "not-a-real-password" }, ruleClaim},
	{"reference", "name of the object, where it names another", byMerge, func(c *call) { c.name = "merge" }, ruleClaim},
	{"reference", "by another writer", byMerge, func(c *call) { c.user = "cert-manager/cert-manager" }, ruleClaim},
}

var deployerAttacks = []attack{
	{"deployer", "Kustomization without decryption", byFlux, flux("flux-system", "plain"), ruleClaim},
	{"deployer", "Kustomization with another provider", byFlux, flux("flux-system", "odd"), ruleClaim},
	{"deployer", "Kustomization that does not exist", byFlux, flux("flux-system", "gone"), ruleClaim},
	{"deployer", "no label", byFlux, func(c *call) { c.labels = nil }, ruleClaim},
	{"deployer", "tenant whose Kustomization impersonates nobody", byTenant, flux("team-a", "own"), ruleClaim},
	{"deployer", "tenant without decryption", byTenant, func(c *call) { c.user = "team-b/reconciler"; flux("team-b", "plain")(c) }, ruleClaim},
	{"deployer", "Application without plugin", byArgo, func(c *call) { c.annotations[trackingID] = "plain:/Secret:shop/app" }, ruleClaim},
	{"deployer", "Application that does not exist", byArgo, func(c *call) { c.annotations[trackingID] = "gone:/Secret:shop/app" }, ruleClaim},
	{"deployer", "tracking id of another Secret", byArgo, func(c *call) { c.annotations[trackingID] = "shop:/Secret:shop/other" }, ruleClaim},
	{"deployer", "tracking id of another kind", byArgo, func(c *call) { c.annotations[trackingID] = "shop:/ConfigMap:shop/app" }, ruleClaim},
	{"deployer", "chart with inline values", byHelm, helm("shop", "inline"), ruleClaim},
	{"deployer", "tenant by default, in another namespace", byDefault, func(c *call) { flux("team-a", "team")(c) }, ruleClaim},
	{"deployer", "tenant by default with a token of its own", byDefault, func(c *call) { c.uid, c.token = "live", "pod" }, ruleIdentity},
	{"deployer", "tenant by default without decryption", byDefault, flux("team-c", "plain"), ruleClaim},
	{"deployer", "account that is no default", byDefault, func(c *call) { c.user = "team-c/reconciler" }, ruleClaim},
	{"deployer", "tenant's chart of another namespace", byTenantHelm, helm("shop", "redis"), ruleClaim},
	{"deployer", "tenant's chart without impersonation", byTenantHelm, helm("team-a", "own"), ruleClaim},
	{"deployer", "tenant's release under another name", byTenantRelease, func(c *call) { c.name = "app" }, ruleClaim},
	{"deployer", "Application whose plugin is null", byArgo.with(func(c *call) { c.annotations[trackingID] = "discovered:/Secret:shop/app" }),
		func(c *call) { c.annotations[trackingID] = "null:/Secret:shop/app" }, ruleClaim},
	{"deployer", "chart without release", byHelm, func(c *call) { c.labels = nil }, ruleClaim},
}

var updateAttacks = []attack{
	{"update", "another value", byLabeller, func(c *call) { c.data["password"] = "not-another-password" }, ruleUntrusted},
	{"update", "one more key", byLabeller, func(c *call) { c.data["extra"] = "not-a-real-password" }, ruleUntrusted},
	{"update", "the value under another key", byLabeller, func(c *call) { c.data = map[string]string{"other": c.data["password"]} }, ruleUntrusted},
	{"update", "one byte more", byLabeller, func(c *call) { c.data["password"] += "\n" }, ruleUntrusted},
	{"update", "into an empty key", byLabeller.with(func(c *call) { c.data["note"] = ""; c.old.data["note"] = "" }), func(c *call) { c.data["note"] = "not-a-real-password" }, ruleUntrusted},
	{"update", "with keys removed", byLabeller.with(func(c *call) { c.old.data["second"] = "not-a-second" }), func(c *call) { c.data["password"] = "swapped-by-hand" }, ruleUntrusted},
	{"update", "of a placeholder", byLabeller.with(func(c *call) { c.data["password"] = "vault:secret/data/db#password" }), func(c *call) { c.data["password"] = "vault:not-a-real-password" }, ruleUntrusted},
	{"update", "half sops", byLabeller.with(func(c *call) { c.data["password"] = sopsText() }), func(c *call) { c.data["other"] = "not-a-real-password" }, ruleUntrusted},
	{"update", "after sops", byLabeller.with(func(c *call) { c.data["password"] = sopsText() }), func(c *call) { c.data["password"] += "not-a-real-password" }, ruleUntrusted},
}

// sopsText has the form of what sops makes of a value.
func sopsText() string {
	b := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x5a", n))) }
	return "ENC[AES256_GCM,data:" + b(12) + ",iv:" + b(32) + ",tag:" + b(16) + ",type:str]"
}

func annotate(name, text string) func(*call) {
	return func(c *call) { set(&c.annotations, name, text) }
}

var copyAttacks = []attack{
	{"copy", "managed by a SealedSecret", byLabeller, annotate("sealedsecrets.bitnami.com/managed", "true"), ruleCopy},
	{"copy", "patched by a SealedSecret", byLabeller, annotate("sealedsecrets.bitnami.com/patch", "true"), ruleCopy},
	{"copy", "managed by a SopsSecret", byLabeller, annotate("sopssecret/managed", "true"), ruleCopy},
	{"copy", "reflected", byLabeller, annotate("reflector.v1.k8s.emberstack.com/reflection-allowed", "true"), ruleCopy},
	{"copy", "reflects, empty", byCreator, annotate("reflector.v1.k8s.emberstack.com/reflects", "prod/db"), ruleCopy},
	{"copy", "replicated", byLabeller, annotate("replicator.v1.mittwald.de/replicate-to", "*"), ruleCopy},
	{"copy", "replicates, empty", byCreator, annotate("replicator.v1.mittwald.de/replicate-from", "prod/db"), ruleCopy},
	{"copy", "an account's token", byLabeller, annotate("kubernetes.io/service-account.name", "admin"), ruleCopy},
	{"copy", "changed", byLabeller.with(func(c *call) {
		set(&c.annotations, "replicator.v1.mittwald.de/replicate-to", "a")
		set(&c.old.annotations, "replicator.v1.mittwald.de/replicate-to", "a")
	}), annotate("replicator.v1.mittwald.de/replicate-to", ".*"), ruleCopy},
}

var lastAppliedAttacks = []attack{
	{"last-applied", "an apply of what was there", byLabeller, lastApplied, ruleLastApplied},
	{"last-applied", "another value than before", byLabeller.with(func(c *call) { lastApplied(c); lastApplied(c.old) }), func(c *call) {
		c.annotations[managedAnnotation] = strings.ReplaceAll(c.annotations[managedAnnotation], "not-a-real-password", "not-a-new-password")
	}, ruleLastApplied},
	{"last-applied", "in base64", byLabeller, func(c *call) {
		set(&c.annotations, managedAnnotation, `{"data":{"password":"`+base64.StdEncoding.EncodeToString([]byte(c.data["password"]))+`"}}`)
	}, ruleLastApplied},
	{"last-applied", "that cannot be read", byLabeller, annotate(managedAnnotation, "{"), ruleLastApplied},
	{"last-applied", "a note", byLabeller, annotate("note", "the password is not-a-real-password, do not tell"), ruleLastApplied},
	{"last-applied", "a note in base64", byLabeller, annotate("note", base64.StdEncoding.EncodeToString([]byte("not-a-real-password"))), ruleLastApplied},
	{"last-applied", "a note within a document", byLabeller, annotate("note", `{"was":{"password":"not-a-real-password"}}`), ruleLastApplied},
	{"last-applied", "with escapes", byLabeller, annotate(managedAnnotation, `{"stringData":{"password":"not-a-real-p\u0061ssword"}}`), ruleLastApplied},
}

const managedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

var emergencyAttacks = []attack{
	{"emergency", "by anyone", byOncall, func(c *call) { c.groups = nil }, ruleUntrusted},
	{"emergency", "by a group of a like name", byOncall, func(c *call) { c.groups = []string{"sre-oncall-2"} }, ruleUntrusted},
	{"emergency", "without reason", byOncall, func(c *call) { delete(c.annotations, AnnotationReason) }, ruleUntrusted},
	{"emergency", "blank reason", byOncall, func(c *call) { c.annotations[AnnotationReason] = "  " }, ruleUntrusted},
	{"emergency", "without end", byOncall, func(c *call) { delete(c.annotations, AnnotationExpires) }, ruleUntrusted},
	{"emergency", "over", byOncall, func(c *call) { c.annotations[AnnotationExpires] = "2026-11-26T11:59:59Z" }, ruleUntrusted},
	{"emergency", "too long", byOncall, func(c *call) { c.annotations[AnnotationExpires] = "2026-11-26T20:00:01Z" }, ruleUntrusted},
	{"emergency", "end in words", byOncall, func(c *call) { c.annotations[AnnotationExpires] = "tomorrow" }, ruleUntrusted},
	{"emergency", "exception that is over", byOps, func(c *call) { c.namespace = "past" }, ruleUntrusted},
	{"emergency", "exception of another name", byOps, func(c *call) { c.name = "new-db" }, ruleUntrusted},
	{"emergency", "exception of another namespace", byOps, func(c *call) { c.namespace = "shop" }, ruleUntrusted},
	{"emergency", "exception of others", byOps, func(c *call) { c.groups = nil }, ruleUntrusted},
	{"emergency", "exception of an account, by its name in a certificate", byExcepted, func(c *call) { c.uid, c.token = "", "x509" }, ruleUntrusted},
}

// byVaulter writes what a tool that the policy names fills in.
var byVaulter = call{user: "alice", namespace: "shop", name: "later", data: map[string]string{"password": "vault:secret/data/app2#password"}}

func holding(value string) func(*call) { return func(c *call) { c.data["password"] = value } }

// Nothing in the cluster fills these in, so they are what an application would get.
var placeholderAttacks = []attack{
	{"placeholder", "angle brackets", byVaulter, holding("<hunter2>"), ruleUntrusted},
	{"placeholder", "a template", byVaulter, holding("{{ .Values.password }}"), ruleUntrusted},
	{"placeholder", "words in a template", byVaulter, holding("{{ correct horse battery }}"), ruleUntrusted},
	{"placeholder", "a variable", byVaulter, holding("${PASSWORD}"), ruleUntrusted},
	{"placeholder", "an item of 1Password", byVaulter, holding("op://vault/hunter2/x"), ruleUntrusted},
	{"placeholder", "a reference of vals", byVaulter, holding("ref+vault://kv/hunter2#/x"), ruleUntrusted},
	{"placeholder", "per cent", byVaulter, holding("%HUNTER2%"), ruleUntrusted},
	{"placeholder", "the mask of a build", byVaulter, holding("**SOPS**"), ruleUntrusted},
	{"placeholder", "no path in Vault", byVaulter, holding("vault:rabbit#hole"), ruleUntrusted},
	{"placeholder", "a password as a path in Vault", byVaulter, holding("vault:secret/data/Sup3rS3cret#x"), ruleUntrusted},
	{"placeholder", "text behind it", byVaulter, holding("vault:secret/data/app2#password rabbit!"), ruleUntrusted},
	{"placeholder", "beside it", byVaulter, func(c *call) { c.data["other"] = "rabbit" }, ruleUntrusted},
	{"placeholder", "repeated by kubectl", byVaulter.with(lastApplied), func(c *call) {
		c.annotations[managedAnnotation] = strings.Replace(c.annotations[managedAnnotation], "vault:secret/data/app2#password", "<hunter2>", 1)
	}, ruleLastApplied},
}

func generated(c *call) { c.name += "-x7k2p"; c.generate = true }

var generateAttacks = []attack{
	{"generateName", "by a person", account("kube-system/sealed-secrets-controller", "sealed-secrets-key").with(ofType("kubernetes.io/tls")).with(func(c *call) { c.namespace = "kube-system"; generated(c) }), human, ruleUntrusted},
	{"generateName", "sealing key elsewhere", account("kube-system/sealed-secrets-controller", "sealed-secrets-key").with(ofType("kubernetes.io/tls")).with(func(c *call) { c.namespace = "kube-system"; generated(c) }), func(c *call) { c.namespace = "shop" }, ruleClaim},
	{"generateName", "sealing key of another type", account("kube-system/sealed-secrets-controller", "sealed-secrets-key").with(ofType("kubernetes.io/tls")).with(func(c *call) { c.namespace = "kube-system"; generated(c) }), ofType("Opaque"), ruleClaim},
	{"generateName", "next private key without owner", account("cert-manager/cert-manager", "web").with(generated).with(func(c *call) {
		c.owners = []map[string]any{owner("cert-manager.io/Certificate", "shop", "web")}
	}), func(c *call) { c.owners = nil }, ruleClaim},
	{"generateName", "next private key of nobody", account("cert-manager/cert-manager", "web").with(generated).with(func(c *call) {
		c.owners = []map[string]any{owner("cert-manager.io/Certificate", "shop", "web")}
	}), func(c *call) { c.owners[0]["uid"] = "1" }, ruleClaim},
	{"generateName", "with a value, where none was", byCreator.with(generated), func(c *call) { c.data = map[string]string{"password": "not-a-real-password"} }, ruleUntrusted},
}
