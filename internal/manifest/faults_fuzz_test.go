package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/manifest/sealed"
	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/secret"
)

// FuzzFaults: whatever the text, judging it ends, and every fault has a place in
// the text and says what is wrong.
func FuzzFaults(f *testing.F) {
	seed := sopstest.File{Rule: sopstest.DataRule}.Encrypt(f, "apiVersion: v1\nkind: Secret\nstringData: {password: somebody}\n")
	for _, text := range []string{
		seed,
		"apiVersion: external-secrets.io/v1\nkind: SecretStore\nspec: {provider: {fake: {data: [{key: a, value: b}]}}}\n",
		"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {a: AgB}, template: {data: {password: somebody}}}\n",
		"kind: List\nitems: [{kind: Secret, data: {a: YQ==}}]\nsops: {mac: x}\n",
		"kind: Kustomization\npatches:\n- target: {kind: \"S.*\"}\n  patch: |\n    - {op: add, path: /data/a~1b, value: c29tZWJvZHk=}\n", `[{"op":"add","path":"/stringData","value":{"a":"somebody"}}]`,
		"apiVersion: external-secrets.io/v1\nkind: SecretStoreList\nitems: [{spec: {provider: {fake: {}}}}]\n", "apiVersion: v1\nkind: ConfigMap\nbinaryData: {a: a2luZDogU2VjcmV0CmRhdGE6IHthOiBiQT09fQ==}\n",
		"A=ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\nsops_mac=x\n", "generators: [\"kind: SecretGenerator\\nliterals: [a=somebody]\"]\n",
		"a: &a [*a]\nkind: Secret\n<<: *a\n", "kind: A\nspec: &x {<<: *x, env: [{name: TOKEN, value: somebody}]}\n",
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{"a":"{\"kind\":\"Secret\",\"data\":{\"a\":\"b\"}}"}}}`,
	} {
		f.Add([]byte(text))
	}
	check := Checker{Keys: secret.New("# none"), Now: time.Unix(1, 0), Prescribed: &Recipients{Age: []string{"age1*"}}, Formats: Formats{SOPS: SOPSFormat{MinThreshold: 2, VerifyMAC: true}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, role := range []Role{Documents, Values, SecretFile, SecretEnv, SecretPatch, Kustomize} {
			docs, _ := ParseAs("in", text, role)
			for _, fault := range check.Faults(docs) {
				if fault.Start < 0 || fault.Start > fault.End || fault.End > len(text) || fault.Line < 1 || fault.Column < 1 {
					t.Fatalf("%s has no place in the text: %d-%d of %d, line %d", fault.Rule, fault.Start, fault.End, len(text), fault.Line)
				}
				if fault.Reason == "" || fault.Fix == "" || ruleOf(fault.Rule).Title == "" {
					t.Fatalf("%s says nothing", fault.Rule)
				}
			}
		}
	})
}

// FuzzStrippedENC: a document of sops in which plain text stands in the place of
// one encrypted value, or behind it, has a fault that refuses it.
func FuzzStrippedENC(f *testing.F) {
	text := sopstest.File{Rule: sopstest.DataRule}.Encrypt(f, "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  one: first-value\n  two: second-value\ndata:\n  three: dGhyZWU=\n")
	for _, plain := range []string{"x", "password", "ENC[AES256_GCM,data:", "**SOPS*", "${VAR:-x}", "0", "ENC[PKCS7,x]"} {
		f.Add(plain, uint8(0), false)
		f.Add(plain, uint8(2), true)
	}
	f.Fuzz(func(t *testing.T, plain string, which uint8, behind bool) {
		if strings.ContainsFunc(plain, func(r rune) bool { return r < 0x20 || r > 0x7e }) || strings.ContainsAny(plain, `"\`) || plain == "" {
			t.Skip("needs no quoting in YAML")
		}
		values := anyENC.FindAllStringIndex(text, -1)
		at := values[int(which)%3] // the last is the MAC
		with := plain
		if behind {
			with = text[at[0]:at[1]] + plain
		}
		edited := text[:at[0]] + `"` + with + `"` + text[at[1]:]
		if masked(plain) && !behind {
			return
		}
		if _, ok := sops.ParseValue(with); ok {
			return
		}
		docs, err := Parse("in.yaml", []byte(edited))
		for _, fault := range (Checker{}).Faults(docs) {
			if fault.Deny && (fault.Rule == RuleSOPSLeaf || fault.Rule == RuleSOPSValue) {
				return
			}
		}
		t.Fatalf("%q passes (%v)", with, err)
	})
}

// FuzzSealedValue: reading a sealed value never panics, and what is shorter than
// its parts or readable is none.
func FuzzSealedValue(f *testing.F) {
	f.Add("AgB")
	f.Add(sealValue(f, 12, 256))
	f.Fuzz(func(t *testing.T, text string) {
		v, err := sealed.Parse(text)
		if err == nil && (v.Size < 0 || len(text) < 4*(2+v.KeyBits/8+16)/3 || v.KeyBits < 2048) {
			t.Fatalf("%d bits, %d bytes of %d", v.KeyBits, v.Size, len(text))
		}
		v.MayFit([]byte(text))
	})
}
