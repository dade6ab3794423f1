package webhook_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/test/kube"
)

// source is an object on whose behalf somebody writes, and its kind.
type source struct {
	api, kind, plural string // api is "group/version"
	namespace, name   string
	more              kube.Object // beside metadata
}

func (s source) collection() string {
	return "/apis/" + s.api + "/namespaces/" + s.namespace + "/" + s.plural
}

// definition accepts anything: what counts is what the webhook reads.
func (s source) definition() kube.Object {
	group, version, _ := strings.Cut(s.api, "/")
	return kube.Object{"metadata": kube.Object{"name": s.plural + "." + group}, "spec": kube.Object{
		"group": group, "scope": "Namespaced", "names": kube.Object{"kind": s.kind, "listKind": s.kind + "List", "plural": s.plural, "singular": strings.ToLower(s.kind)},
		"versions": []kube.Object{{"name": version, "served": true, "storage": true,
			"schema": kube.Object{"openAPIV3Schema": kube.Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
	}}
}

func spec(fields kube.Object) kube.Object { return kube.Object{"spec": fields} }

var (
	store  = kube.Object{"kind": "SecretStore", "name": "vault"}
	remote = []kube.Object{{"secretKey": "password", "remoteRef": kube.Object{"key": "a/b"}}}

	sealedSource = source{"bitnami.com/v1alpha1", "SealedSecret", "sealedsecrets", "shop", "db", spec(kube.Object{"encryptedData": kube.Object{"password": sealedValue()}})}
	external     = source{"external-secrets.io/v1", "ExternalSecret", "externalsecrets", "shop", "api", spec(kube.Object{"secretStoreRef": store, "refreshInterval": "1h", "data": remote})}
	merging      = source{"external-secrets.io/v1", "ExternalSecret", "externalsecrets", "shop", "merging",
		spec(kube.Object{"secretStoreRef": store, "refreshInterval": "1h", "data": remote, "target": kube.Object{"name": "merged", "creationPolicy": "Merge"}})}
	vaultStatic   = source{"secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "vaultstaticsecrets", "shop", "kv", spec(kube.Object{"type": "kv-v2", "mount": "kv", "path": "a", "destination": kube.Object{"name": "vaulted", "create": true}})}
	providerClass = source{"secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "secretproviderclasses", "shop", "mount",
		spec(kube.Object{"provider": "vault", "secretObjects": []kube.Object{{"secretName": "mounted", "type": "Opaque", "data": []kube.Object{{"key": "password", "objectName": "o"}}}}})}
	secretSync = source{"secret-sync.x-k8s.io/v1alpha1", "SecretSync", "secretsyncs", "shop", "synced",
		spec(kube.Object{"secretProviderClassName": "mount", "secretObject": kube.Object{"type": "Opaque", "data": []kube.Object{{"targetKey": "password", "sourcePath": "o"}}}})}
	sopsSecret = source{"isindir.github.com/v1alpha3", "SopsSecret", "sopssecrets", "shop", "sops", kube.Object{
		"spec": kube.Object{"secretTemplates": []kube.Object{{"name": ciphertext(), "stringData": kube.Object{"password": ciphertext()}}}},
		"sops": kube.Object{"version": "3.13.3", "lastmodified": "2026-11-01T00:00:00Z", "mac": ciphertext(), "encrypted_suffix": "Templates",
			"hc_vault": []kube.Object{{"vault_address": "https://vault.example", "engine_path": "transit", "key_name": "sops", "enc": "vault:v1:bm90aGluZw=="}}}}}
	certificate = source{"cert-manager.io/v1", "Certificate", "certificates", "shop", "web", spec(kube.Object{"secretName": "web-tls", "issuerRef": kube.Object{"name": "ca"}, "dnsNames": []string{"a.example"}})}
	issuer      = source{"cert-manager.io/v1", "Issuer", "issuers", "shop", "acme", spec(kube.Object{"acme": kube.Object{"server": "https://acme.example", "privateKeySecretRef": kube.Object{"name": "acme-account"}}})}
	cluster     = source{"postgresql.cnpg.io/v1", "Cluster", "clusters", "shop", "pg", spec(kube.Object{"instances": 1})}
	kafka       = source{"kafka.strimzi.io/v1", "Kafka", "kafkas", "kafka", "orders", spec(kube.Object{"kafka": kube.Object{}})}
	bridge      = source{"kafka.strimzi.io/v1", "KafkaBridge", "kafkabridges", "kafka", "bridge", spec(kube.Object{"replicas": 1})}
	kafkaUser   = source{"kafka.strimzi.io/v1", "KafkaUser", "kafkausers", "kafka", "bob", spec(kube.Object{"authentication": kube.Object{"type": "scram-sha-512"}})}
	decrypting  = source{"kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations", "flux-system", "apps", spec(kube.Object{"path": "./", "decryption": kube.Object{"provider": "sops"}})}
	readable    = source{"kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations", "flux-system", "plain", spec(kube.Object{"path": "./"})}
	tenant      = source{"kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations", "team-a", "team", spec(kube.Object{"path": "./", "serviceAccountName": "reconciler", "decryption": kube.Object{"provider": "sops"}})}
	release     = source{"helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases", "shop", "redis", spec(kube.Object{"valuesFrom": []kube.Object{{"kind": "Secret", "name": "redis-values"}}})}
	application = source{"argoproj.io/v1alpha1", "Application", "applications", "argocd", "shop", spec(kube.Object{"source": kube.Object{"repoURL": "https://git.example/shop", "plugin": kube.Object{"name": "avp"}}})}
	readableApp = source{"argoproj.io/v1alpha1", "Application", "applications", "argocd", "plain", spec(kube.Object{"source": kube.Object{"repoURL": "https://git.example/plain"}})}
)

var sources = []source{sealedSource, external, merging, vaultStatic, providerClass, secretSync, sopsSecret, certificate, issuer, cluster, kafka, bridge, kafkaUser,
	decrypting, readable, tenant, release, application, readableApp}

// ciphertext has the form of one value that sops encrypted.
func ciphertext() string {
	part := func(n int) string { return encode([]byte(strings.Repeat("\x5a", n))) }
	return "ENC[AES256_GCM,data:" + part(12) + ",iv:" + part(32) + ",tag:" + part(16) + ",type:str]"
}

// write is what one writer of a preset sends, in the form of the line of its
// source that is cited.
type write struct {
	writer  string
	cites   string // where that shape is made
	account string // "namespace/name"; or a user with groups
	groups  []string
	tenant  bool // by Flux, which impersonates the account

	namespace, name, kind string // kind is the type of the Secret
	labels, annotations   kube.Object
	owner                 *source
	controller            any // of the ownerReference: true, false, or nil for no such field
	keys                  []string
	apply                 string // server-side, by this field manager
	generate              bool

	forged []forgery
}

// forgery is what the same writer may not write, and by which rule.
type forgery struct {
	name   string
	change func(*write)
	rule   string
}

const (
	github = "https://github.com/"
	flux   = "kustomize.toolkit.fluxcd.io/"
	helmed = "helm.toolkit.fluxcd.io/"
)

func unowned(w *write)   { w.owner, w.name = nil, "of-nobody" }
func renamed(w *write)   { w.name = "another" }
func moreKeys(w *write)  { w.keys = append(slices.Clone(w.keys), "extra") }
func elsewhere(w *write) { w.namespace = "other" }
func opaque(w *write)    { w.kind = "Opaque" }
func guarded(w *write) {
	w.kind, w.annotations = "kubernetes.io/service-account-token", kube.Object{"kubernetes.io/service-account.name": "default"}
}
func led(group, name string) func(*write) {
	return func(w *write) {
		w.labels = maps.Clone(w.labels)
		w.labels[group+"name"] = name
	}
}

var writes = []write{
	{writer: "sealed-secrets", cites: github + "bitnami-labs/sealed-secrets/blob/v0.27.1/pkg/apis/sealedsecrets/v1alpha1/sealedsecret_expansion.go#L332",
		account: "kube-system/sealed-secrets-controller", namespace: "shop", name: "db", kind: "Opaque", owner: &sealedSource, controller: true, keys: []string{"password"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"another key", moreKeys, "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "sealed-secrets-keys", cites: github + "bitnami-labs/sealed-secrets/blob/v0.27.1/pkg/controller/keys.go#L94",
		account: "kube-system/sealed-secrets-controller", namespace: "kube-system", name: "sealed-secrets-key", generate: true, kind: "kubernetes.io/tls", keys: []string{"tls.crt", "tls.key"},
		labels: kube.Object{"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}, forged: []forgery{{"another name", renamed, "writer-claim"}, {"another namespace", elsewhere, "writer-claim"}}},
	{writer: "external-secrets", cites: github + "external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/externalsecret/externalsecret_controller.go#L418",
		account: "external-secrets/external-secrets", namespace: "shop", name: "api", kind: "Opaque", owner: &external, controller: true, keys: []string{"password"},
		labels: kube.Object{"reconcile.external-secrets.io/managed": "true"}, annotations: kube.Object{"reconcile.external-secrets.io/data-hash": "0"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"another key", moreKeys, "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "external-secrets", cites: github + "external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/externalsecret/externalsecret_controller.go#L426",
		account: "external-secrets/external-secrets", namespace: "shop", name: "merged", kind: "Opaque", keys: []string{"password"},
		labels: kube.Object{"reconcile.external-secrets.io/managed": "true"}, forged: []forgery{{"named by nobody", renamed, "writer-claim"}}},
	{writer: "external-secrets-certificates", cites: github + "external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/crds/crds_controller.go#L545",
		account: "external-secrets/external-secrets-cert-controller", namespace: "external-secrets", name: "external-secrets-webhook", kind: "Opaque", keys: []string{"ca.crt", "ca.key", "tls.crt", "tls.key"},
		forged: []forgery{{"another name", renamed, "writer-scope"}, {"another namespace", elsewhere, "writer-scope"}}},
	{writer: "vault-secrets-operator", cites: github + "hashicorp/vault-secrets-operator/blob/9b840a5a0c34/helpers/secrets.go#L151",
		account: "vault-secrets-operator-system/vault-secrets-operator-controller-manager", namespace: "shop", name: "vaulted", kind: "Opaque", owner: &vaultStatic, keys: []string{"password", "_raw"},
		labels: kube.Object{"app.kubernetes.io/managed-by": "hashicorp-vso", "app.kubernetes.io/component": "secret-sync"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "vault-secrets-operator-cache", cites: github + "hashicorp/vault-secrets-operator/blob/9b840a5a0c34/vault/cache_storage.go#L233",
		account: "vault-secrets-operator-system/vault-secrets-operator-controller-manager", namespace: "vault-secrets-operator-system", name: "vso-cc-kubernetes-0a1b", kind: "Opaque", keys: []string{"secret", "messageMAC"},
		forged: []forgery{{"another name", renamed, "writer-claim"}, {"another namespace", elsewhere, "writer-claim"}}},
	{writer: "secrets-store-csi-driver", cites: github + "kubernetes-sigs/secrets-store-csi-driver/blob/0aad886f70e9/controllers/secretproviderclasspodstatus_controller.go#L402",
		account: "kube-system/secrets-store-csi-driver", namespace: "shop", name: "mounted", kind: "Opaque", keys: []string{"password"}, labels: kube.Object{"secrets-store.csi.k8s.io/managed": "true"},
		forged: []forgery{{"mounted by nobody", renamed, "writer-claim"}, {"another key", moreKeys, "writer-claim"}}},
	{writer: "secrets-store-sync-controller", cites: github + "kubernetes-sigs/secrets-store-sync-controller/blob/3186f13515a4/internal/controller/secretsync_controller.go#L329",
		account: "secrets-store-sync-controller-system/secrets-store-sync-controller-manager", namespace: "shop", name: "synced", kind: "Opaque", owner: &secretSync, keys: []string{"password"},
		labels: kube.Object{"secrets-store.sync.x-k8s.io": ""}, apply: "secrets-store-sync-controller",
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"another key", moreKeys, "writer-claim"}}},
	{writer: "sops-secrets-operator", cites: github + "isindir/sops-secrets-operator/blob/2cfc1e0a6630/internal/controllers/sopssecret_controller.go#L312",
		account: "sops/sops-sops-secrets-operator", namespace: "shop", name: "from-template", kind: "Opaque", owner: &sopsSecret, controller: true, keys: []string{"password"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"another key", moreKeys, "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "cert-manager", cites: github + "cert-manager/cert-manager/blob/2d0d7f7f7424/pkg/controller/certificates/issuing/internal/secret.go#L213",
		account: "cert-manager/cert-manager", namespace: "shop", name: "web-tls", kind: "kubernetes.io/tls", keys: []string{"tls.crt", "tls.key", "ca.crt"}, apply: "cert-manager-certificates-issuing",
		labels: kube.Object{"controller.cert-manager.io/fao": "true"}, annotations: kube.Object{"cert-manager.io/certificate-name": "web", "cert-manager.io/issuer-name": "ca"},
		forged: []forgery{{"named by no Certificate", renamed, "writer-claim"}, {"another namespace", elsewhere, "writer-claim"}}},
	{writer: "cert-manager", cites: github + "cert-manager/cert-manager/blob/2d0d7f7f7424/pkg/controller/certificates/keymanager/keymanager_controller.go#L377",
		account: "cert-manager/cert-manager", namespace: "shop", name: "web-", generate: true, kind: "Opaque", owner: &certificate, controller: true, keys: []string{"tls.key"},
		labels: kube.Object{"cert-manager.io/next-private-key": "true", "controller.cert-manager.io/fao": "true"}, forged: []forgery{{"owned by nobody", unowned, "writer-claim"}}},
	{writer: "cert-manager", cites: github + "cert-manager/cert-manager/blob/2d0d7f7f7424/pkg/issuer/acme/setup.go#L544",
		account: "cert-manager/cert-manager", namespace: "shop", name: "acme-account", kind: "Opaque", keys: []string{"tls.key"}, labels: kube.Object{"app.kubernetes.io/managed-by": "cert-manager"},
		forged: []forgery{{"named by no Issuer", renamed, "writer-claim"}}},
	{writer: "cert-manager-accounts", cites: github + "cert-manager/cert-manager/blob/2d0d7f7f7424/pkg/issuer/acme/setup.go#L544",
		account: "cert-manager/cert-manager", namespace: "cert-manager", name: "letsencrypt", kind: "Opaque", keys: []string{"tls.key"},
		forged: []forgery{{"another namespace", elsewhere, "writer-claim"}, {"a login", func(w *write) { w.kind = "kubernetes.io/basic-auth"; w.keys = []string{"username"} }, "writer-scope"}}},
	{writer: "cert-manager-webhook", cites: github + "cert-manager/cert-manager/blob/2d0d7f7f7424/pkg/server/tls/authority/authority.go#L384",
		account: "cert-manager/cert-manager-webhook", namespace: "cert-manager", name: "cert-manager-webhook-ca", kind: "Opaque", keys: []string{"tls.crt", "tls.key", "ca.crt"},
		annotations: kube.Object{"cert-manager.io/allow-direct-injection": "true"}, forged: []forgery{{"another name", renamed, "writer-scope"}, {"another namespace", elsewhere, "writer-scope"}}},
	{writer: "flux", cites: github + "fluxcd/kustomize-controller/blob/v1.9.6/internal/controller/kustomization_controller.go#L478",
		account: "flux-system/kustomize-controller", namespace: "shop", name: "app", kind: "Opaque", keys: []string{"password"}, apply: "kustomize-controller",
		labels: kube.Object{flux + "namespace": "flux-system", flux + "name": "apps"},
		forged: []forgery{{"readable in git", led(flux, "plain"), "writer-claim"}, {"no such Kustomization", led(flux, "gone"), "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "flux", cites: github + "fluxcd/kustomize-controller/blob/v1.9.6/internal/controller/kustomization_controller.go#L403",
		account: "team-a/reconciler", tenant: true, namespace: "shop", name: "tenant", kind: "Opaque", keys: []string{"password"}, apply: "kustomize-controller",
		labels: kube.Object{flux + "namespace": "team-a", flux + "name": "team"},
		forged: []forgery{{"by another Kustomization", func(w *write) { w.labels = kube.Object{flux + "namespace": "flux-system", flux + "name": "apps"} }, "writer-claim"}}},
	{writer: "flux-helm", cites: github + "fluxcd/helm-controller/blob/0b02c82ad7e8/internal/postrender/origin_labels.go#L70",
		account: "flux-system/helm-controller", namespace: "shop", name: "redis", kind: "Opaque", keys: []string{"password"},
		labels: kube.Object{helmed + "namespace": "shop", helmed + "name": "redis", "app.kubernetes.io/managed-by": "Helm"}, forged: []forgery{{"no such release", led(helmed, "gone"), "writer-claim"}}},
	{writer: "flux-helm-releases", cites: github + "helm/helm/blob/v3.22.0/pkg/storage/driver/secrets.go#L254",
		account: "flux-system/helm-controller", namespace: "shop", name: "sh.helm.release.v1.redis.v1", kind: "helm.sh/release.v1", keys: []string{"release"}, labels: kube.Object{"owner": "helm"},
		forged: []forgery{{"another name", renamed, "writer-claim"}, {"another type", opaque, "writer-claim"}}},
	{writer: "helm", cites: github + "helm/helm/blob/v3.22.0/pkg/storage/driver/secrets.go#L254",
		account: "pipeline", groups: []string{"helm-deployers"}, namespace: "shop", name: "sh.helm.release.v1.web.v1", kind: "helm.sh/release.v1", keys: []string{"release"}, labels: kube.Object{"owner": "helm"},
		forged: []forgery{{"another name", renamed, "writer-scope"}, {"another type", opaque, "writer-scope"}, {"of no group", func(w *write) { w.groups = nil }, "untrusted-writer"}}},
	{writer: "argocd", cites: github + "argoproj/argo-cd/blob/v3.4.5/docs/user-guide/resource_tracking.md",
		account: "argocd/argocd-application-controller", namespace: "shop", name: "web", kind: "Opaque", keys: []string{"password"}, apply: "argocd-controller",
		annotations: kube.Object{"argocd.argoproj.io/tracking-id": "shop:/Secret:shop/web"},
		forged: []forgery{{"readable in git", func(w *write) {
			w.annotations = kube.Object{"argocd.argoproj.io/tracking-id": "plain:/Secret:shop/web"}
		}, "writer-claim"},
			{"of another Secret", renamed, "writer-claim"}}},
	{writer: "cloudnative-pg", cites: github + "cloudnative-pg/cloudnative-pg/blob/a95a534dbe08/pkg/specs/secrets.go#L67",
		account: "cnpg-system/cnpg-manager", namespace: "shop", name: "pg-app", kind: "kubernetes.io/basic-auth", owner: &cluster, controller: true, keys: []string{"username", "user", "password", "dbname", "host", "port", "pgpass", "uri"},
		labels: kube.Object{"cnpg.io/userType": "app", "cnpg.io/reload": "true"}, forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"a token", guarded, "type-guard"}}},
	{writer: "cloudnative-pg", cites: github + "cloudnative-pg/cloudnative-pg/blob/a95a534dbe08/internal/controller/cluster_create.go#L732",
		account: "cnpg-system/cnpg-cloudnative-pg", namespace: "shop", name: "pg-pull", kind: "kubernetes.io/dockerconfigjson", owner: &cluster, controller: true, keys: []string{".dockerconfigjson"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}}},
	{writer: "cloudnative-pg-webhook", cites: github + "cloudnative-pg/cloudnative-pg/blob/a95a534dbe08/pkg/certs/k8s.go#L192",
		account: "cnpg-system/cnpg-manager", namespace: "cnpg-system", name: "cnpg-ca-secret", kind: "Opaque", keys: []string{"ca.key", "ca.crt"}, labels: kube.Object{"app.kubernetes.io/managed-by": "cloudnative-pg"},
		forged: []forgery{{"another name", renamed, "writer-claim"}, {"another namespace", elsewhere, "writer-claim"}}},
	{writer: "cloudnative-pg-webhook", cites: github + "cloudnative-pg/cloudnative-pg/blob/a95a534dbe08/pkg/certs/k8s.go#L376",
		account: "cnpg-system/cnpg-manager", namespace: "cnpg-system", name: "cnpg-webhook-cert", kind: "kubernetes.io/tls", keys: []string{"tls.key", "tls.crt"},
		forged: []forgery{{"a login", func(w *write) { w.kind = "kubernetes.io/basic-auth"; w.keys = []string{"username"} }, "writer-claim"}}},
	{writer: "strimzi", cites: github + "strimzi/strimzi-kafka-operator/blob/8541da1e336b/cluster-operator/src/main/java/io/strimzi/operator/cluster/model/ModelUtils.java#L71",
		account: "kafka/strimzi-cluster-operator", namespace: "kafka", name: "orders-cluster-ca", kind: "Opaque", owner: &kafka, controller: false, keys: []string{"ca.key"},
		labels: kube.Object{"strimzi.io/cluster": "orders"}, forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"another namespace", elsewhere, "writer-claim"}}},
	{writer: "strimzi", cites: github + "strimzi/strimzi-kafka-operator/blob/8541da1e336b/cluster-operator/src/main/java/io/strimzi/operator/cluster/model/KafkaBridgeCluster.java#L636",
		account: "kafka/strimzi-cluster-operator", namespace: "kafka", name: "bridge-config", kind: "Opaque", owner: &bridge, controller: false, keys: []string{"password"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}}},
	{writer: "strimzi", cites: github + "strimzi/strimzi-kafka-operator/blob/8541da1e336b/user-operator/src/main/java/io/strimzi/operator/user/model/KafkaUserModel.java#L385",
		account: "kafka/orders-entity-operator", namespace: "kafka", name: "bob", kind: "Opaque", owner: &kafkaUser, controller: false, keys: []string{"password", "sasl.jaas.config"},
		forged: []forgery{{"owned by nobody", unowned, "writer-claim"}, {"a login", func(w *write) { w.kind = "kubernetes.io/basic-auth"; w.keys = []string{"username"} }, "writer-scope"}}},
	{writer: "crossplane", cites: github + "crossplane/crossplane/blob/2d040d2daf4e/internal/controller/apiextensions/claim/connection.go#L107",
		account: "crossplane-system/provider-aws-rds-0a1b2c3d4e5f", namespace: "shop", name: "connection", kind: "connection.crossplane.io/v1alpha1", keys: []string{"username", "password"},
		forged: []forgery{{"another type", opaque, "writer-scope"}, {"a token", guarded, "type-guard"}}},
	{writer: "crossplane-certificates", cites: github + "crossplane/crossplane/blob/2d040d2daf4e/internal/initializer/tls.go#L170",
		account: "crossplane-system/crossplane", namespace: "crossplane-system", name: "crossplane-root-ca", kind: "Opaque", keys: []string{"tls.key", "tls.crt"},
		forged: []forgery{{"another name", renamed, "writer-scope"}, {"another namespace", elsewhere, "writer-scope"}}},
	{writer: "crossplane-certificates", cites: github + "crossplane/crossplane/blob/2d040d2daf4e/internal/controller/pkg/runtime/runtime_function.go#L113",
		account: "crossplane-system/crossplane", namespace: "crossplane-system", name: "function-auto-ready-59868730b9a9-tls-server", kind: "Opaque", keys: []string{"tls.key", "tls.crt", "ca.crt"},
		forged: []forgery{{"another name", renamed, "writer-scope"}}},
	{writer: "reflector", cites: github + "emberstack/kubernetes-reflector/blob/d1106013138c/src/ES.Kubernetes.Reflector/Mirroring/Core/ResourceMirror.cs#L576",
		account: "reflector/reflector", namespace: "shop", name: "reflection", kind: "Opaque", keys: []string{"password"},
		annotations: kube.Object{"reflector.v1.k8s.emberstack.com/reflects": "other/source", "reflector.v1.k8s.emberstack.com/auto-reflects": "True", "reflector.v1.k8s.emberstack.com/reflected-version": "12"},
		forged:      []forgery{{"a token", guarded, "type-guard"}}},
	{writer: "kubernetes-replicator", cites: github + "mittwald/kubernetes-replicator/blob/f535dd9d8b49/replicate/secret/secrets.go#L199",
		account: "kube-system/replicator-kubernetes-replicator", namespace: "shop", name: "replica", kind: "Opaque", keys: []string{"password"},
		annotations: kube.Object{"replicator.v1.mittwald.de/replicated-at": "2026-11-26T12:00:00Z", "replicator.v1.mittwald.de/replicated-from-version": "12", "replicator.v1.mittwald.de/replicated-keys": "password"},
		forged:      []forgery{{"a token", guarded, "type-guard"}}},
	{writer: "kube-controller-manager", cites: github + "kubernetes/kubernetes/blob/v1.37.2/pkg/controller/serviceaccount/tokens_controller.go#L431",
		account: "system:kube-controller-manager", namespace: "shop", name: "default-token", kind: "kubernetes.io/service-account-token", keys: []string{"token"},
		annotations: kube.Object{"kubernetes.io/service-account.name": "default"}, forged: []forgery{{"another type", opaque, "writer-scope"}}},
	{writer: "kubeadm", cites: github + "kubernetes/kubernetes/blob/v1.37.2/cmd/kubeadm/app/apis/bootstraptoken/v1/utils.go#L105",
		account: "kubernetes-admin", groups: []string{"kubeadm:cluster-admins"}, namespace: "kube-system", name: "bootstrap-token-abcdef", kind: "bootstrap.kubernetes.io/token", keys: []string{"token-id", "token-secret"},
		forged: []forgery{{"another name", renamed, "type-guard"}, {"another namespace", elsewhere, "type-guard"}}},
}
