package manifest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/manifest/sopstest"
)

const external = `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: a}
spec:
  refreshInterval: 24h
  secretStoreRef: {kind: ClusterSecretStore, name: main}
  target: {manifest: {kind: ConfigMap}}
  dataFrom:
  - sourceRef: {storeRef: {name: other}}
`

const webhookStore = `apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: a}
spec: {provider: {webhook: {url: "https://example.com/{{ .remoteRef.key }}"}}}
`

const sealedSettings = `apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: a, annotations: {sealedsecrets.bitnami.com/cluster-wide: "true", sealedsecrets.bitnami.com/managed: "true"}}
spec: {encryptedData: {password: %(seal 20)}}
`

// Each setting of a policy changes what is reported of the same object.
func TestPolicySettings(t *testing.T) {
	connection := "apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultConnection\nspec: {skipTLSVerify: true}\n"
	pki := "apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultPKISecret\nspec: {ttl: 48h}\n"
	inTemplate := "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {target: {template: {metadata: {labels: {team: shop}}, data: {type: git, password: '{{ .password }}', note: '{{ if false }}{{ .x }}{{ end }}rabbit'}}}}\n"
	fromConfigMap := "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {target: {template: {templateFrom: [{configMap: {name: a}}, {literal: 'user: app'}]}}}\n"
	sealedText := "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {password: %(seal 12)}, template: {data: {type: git}}}\n"
	strict := func(allowed ...string) Formats {
		return Formats{Templates: TemplateFormat{Strict: true, Allowed: allowed}}
	}
	store := "apiVersion: external-secrets.io/v1\nkind: SecretStore\nspec: {provider: {vault: {server: 'https://h.example:8200', auth: {tokenSecretRef: {name: a, key: token}}}}}\n"
	short := "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {password: %(seal 12)}}\n"
	for _, c := range []struct {
		name, text string
		formats    Formats
		want       string // rules, "!" before those that are refused
	}{
		{"default", external, Formats{}, "!external-manifest-target"},
		{"manifest targets", external, Formats{ExternalSecret: ExternalFormat{ManifestTarget: true}}, ""},
		{"stores", external, Formats{ExternalSecret: ExternalFormat{ManifestTarget: true, Stores: []string{"cluster:ma*"}}}, "!external-store"},
		{"all stores", external, Formats{ExternalSecret: ExternalFormat{ManifestTarget: true, Stores: []string{"cluster:main", "other"}}}, ""},
		{"refresh", external, Formats{ExternalSecret: ExternalFormat{ManifestTarget: true, MaxRefresh: time.Hour}}, "external-refresh"},
		{"webhook", webhookStore, Formats{}, "store-provider"},
		{"a password in an address", strings.Replace(store, "h.example", "app:hunter2Zq8v@h.example", 1), Formats{}, "!inline-credential"},
		{"an address", store, Formats{}, ""},
		{"a password for Vault", "apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultDynamicSecret\nspec: {mount: db, path: creds/a, params: {ttl: 1h, password: hunter2Zq8v}}\n", Formats{}, "!inline-credential"},
		{"webhook denied", webhookStore, Formats{ExternalSecret: ExternalFormat{DeniedProviders: []string{"webhook"}}}, "!store-provider"},
		{"webhook allowed", webhookStore, Formats{ExternalSecret: ExternalFormat{AllowedProviders: []string{"webhook"}}}, ""},
		{"sealed", sealedSettings, Formats{}, "sealed-scope sealed-takeover"},
		{"scopes", sealedSettings, Formats{SealedSecret: SealedFormat{Scopes: []string{"strict"}, TakeOver: true}}, "!sealed-scope"},
		{"all scopes", sealedSettings, Formats{SealedSecret: SealedFormat{Scopes: []string{"cluster-wide"}, TakeOver: true}}, ""},
		{"key bits", short, Formats{SealedSecret: SealedFormat{KeyBits: []int{4096}}}, "!sealed-key-size"},
		{"known certificate", short, Formats{SealedSecret: SealedFormat{Certificates: []string{certificate(t, sealingKey())}}}, ""},
		{"another certificate", short, Formats{SealedSecret: SealedFormat{Certificates: []string{certificate(t, otherKey(t))}}}, "!sealed-certificate"},
		{"no certificate", short, Formats{SealedSecret: SealedFormat{Certificates: []string{"nonsense"}}}, "!sealed-certificate"},
		{"length", short, Formats{MinLength: 16}, "sealed-short-value"},
		{"no length", strings.Replace(short, "12", "2", 1), Formats{MinLength: -1}, ""},
		{"TLS", connection, Formats{}, "!vault-skip-tls"},
		{"TLS allowed", connection, Formats{Vault: VaultFormat{SkipTLSVerify: true}}, ""},
		{"templates", inTemplate, Formats{}, ""},
		{"strict templates", inTemplate, strict(), "!external-template-literal !external-template-literal"},
		{"listed literals", inTemplate, strict("type=git", "note=*rabbit"), ""},
		{"another literal than listed", inTemplate, strict("type=helm", "note=*"), "!external-template-literal"},
		{"templates elsewhere", fromConfigMap, Formats{}, ""},
		{"strict templates elsewhere", fromConfigMap, strict("user=*"), "!external-template-elsewhere"},
		{"strict lines", fromConfigMap, strict(), "!external-template-elsewhere !external-template-literal"},
		{"strict sealed", sealedText, strict(), "!sealed-template-literal"},
		{"listed sealed", sealedText, strict("type=*"), ""},
		{"TTL", pki, Formats{}, "vault-long-ttl"},
		{"TTL allowed", pki, Formats{Vault: VaultFormat{MaxTTL: 72 * time.Hour}}, ""},
	} {
		var got []string
		for _, f := range judged(t, Checker{Formats: c.formats}, expand(t, c.text)) {
			got = append(got, map[bool]string{true: "!"}[f.Deny]+f.Rule)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, strings.Join(got, " "), c.want)
		}
	}
}

func certificate(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// otherKey is of another size, so that no value fits by chance.
func otherKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestValuesThatTheCallerKnowsAreRefusedAnywhere(t *testing.T) {
	known := Checker{Known: func(value string) string {
		if strings.HasPrefix(value, "tok-") {
			return "some-token"
		}
		return ""
	}}
	for name, text := range map[string]string{
		"ConfigMap":  "kind: ConfigMap\ndata: {note: tok-abcdefgh}\n",
		"base64":     "kind: ConfigMap\nbinaryData: {note: " + base64Of("tok-abcdefgh") + "}\n",
		"variable":   "kind: Pod\nspec: {containers: [{env: [{name: API_TOKEN, value: tok-abcdefgh}]}]}\n",
		"annotation": "kind: Ingress\nmetadata: {annotations: {a: tok-abcdefgh}}\n",
	} {
		want(t, name, known, text+"x: {apiVersion: v1, key: a}\n", RulePlainValue, true)
	}
}

func TestValuesSealedForAnExpiredCertificateWarn(t *testing.T) {
	text := expand(t, "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {password: %(seal 12)}}\n")
	formats := Formats{SealedSecret: SealedFormat{Certificates: []string{certificate(t, sealingKey())}}}
	want(t, "expired", Checker{Formats: formats, Now: time.Now().Add(48 * time.Hour)}, text, RuleSealedCertificate, false)
	for _, f := range judged(t, Checker{Formats: formats, Now: time.Now()}, text) {
		t.Error(f.Reason)
	}
}

// What the API server and controllers write into an object is not encrypted.
func TestStatusOfASopsSecretInAClusterIsNoPlainLeaf(t *testing.T) {
	file := sopstest.File{Rule: "unencrypted_regex: ^(apiVersion|kind|metadata|type)$"}
	text := strings.Replace(file.Encrypt(t, expand(t, plainSopsSecret)), "sops:\n", "status: {message: Healthy}\nsops:\n", 1)
	for _, f := range judged(t, Checker{InCluster: true}, text) {
		t.Errorf("%s %s", f.Rule, f.Path)
	}
	want(t, "in a file", Checker{}, text, RuleSOPSLeaf, true)
}

// Hostile documents are judged with memory that follows their size, or not at all, and
// never clean. What is allocated in all is below 0.4 GiB, five times as much under the
// race detector; the aliases alone name 10^10 leaves.
func TestHostileDocumentsAreJudgedWithinBounds(t *testing.T) {
	const most = 4 << 30
	bomb := "kind: A\nspec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		n := string(rune('0' + i))
		m := string(rune('1' + i))
		bomb += "  a" + m + ": &a" + m + " [" + strings.TrimSuffix(strings.Repeat("*a"+n+", ", 10), ", ") + "]\n"
	}
	for name, text := range map[string]string{
		"aliases":        bomb,
		"itself":         "kind: Secret\ndata: &a {b: *a}\n",
		"deep":           `{"kind":"Secret","data":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001),
		"documents":      strings.Repeat("---\nkind: ConfigMap\ndata: {a: b}\n", 10000),
		"a Secret after": strings.Repeat("---\nkind: ConfigMap\ndata: {a: b}\n", 10000) + "---\nkind: Secret\nstringData: {password: somebody-knows}\n",
		"keys":           "kind: Secret\ndata:\n" + strings.Repeat("  a: b\n", 50000),
		"not UTF-8":      "kind: Secret\ndata: {a: \"\xff\xfe\"}\n",
		"NUL":            "kind: Secret\x00\ndata: {a: b}\n",
		"truncated":      `{"apiVersion":"v1","kind":"Secret","data":{"a":"`,
		"three mebibyte": `{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"` + strings.Repeat("x", 3<<20) + `"}}`,
		"many leaves":    `{"kind":"ConfigMap","data":{` + strings.TrimSuffix(strings.Repeat(`"password":"somebody",`, 100000), ",") + "}}",
		"sops list":      "kind: List\nitems:\n" + strings.Repeat("- {kind: Secret, stringData: {a: b}}\n", 20000) + "sops: {}\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		docs, err := Parse("in", []byte(text))
		faults := Faults(docs, Formats{})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d MiB were allocated for %d KiB", name, took>>20, len(text)>>10)
		}
		if harmless := name == "documents" || name == "three mebibyte"; err == nil && len(faults) == 0 && !harmless {
			t.Errorf("%s: neither an error nor a fault", name)
		}
	}
}
