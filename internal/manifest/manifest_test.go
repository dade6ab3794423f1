package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// brief is what the tests compare of a field.
type brief struct {
	Kind, Path, Value string
	Kept              Kept
	Text              string // what stands at Start..End
	Line, Column      int
}

func briefs(t *testing.T, text string, fields []Field) []brief {
	t.Helper()
	var out []brief
	for _, f := range fields {
		if f.Start < 0 || f.Start > f.End || f.End > len(text) {
			t.Fatalf("%s has the span %d:%d of %d", f.Path, f.Start, f.End, len(text))
		}
		out = append(out, brief{f.Kind, f.Path, f.Value.Reveal(), f.Kept, text[f.Start:f.End], f.Line, f.Column})
	}
	return out
}

func secretsOf(t *testing.T, text string) []brief {
	t.Helper()
	docs, err := Parse("in.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	fields := PlainSecrets(docs)
	if len(fields) > 0 && !Looks([]byte(text)) {
		t.Error("the gate would have passed over this text")
	}
	return briefs(t, text, fields)
}

func TestSecretValuesAreFoundInEverySpelling(t *testing.T) {
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: ns}\n"
	b64 := base64.StdEncoding.EncodeToString([]byte("first value"))
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 60)))
	wrapped := long[:40] + "\n    " + long[40:]
	for _, c := range []struct {
		name, text string
		want       []brief
	}{
		{"data", head + "data:\n  k: " + b64 + "\n", []brief{{"Secret", "data.k", "first value", Plain, b64, 5, 6}}},
		{"data before kind", "data:\n  k: " + b64 + "\nkind: Secret\n", []brief{{"Secret", "data.k", "first value", Plain, b64, 2, 6}}},
		{"wrapped base64", head + "data:\n  k: |\n    " + wrapped + "\n", []brief{{"Secret", "data.k", strings.Repeat("x", 60), Plain, wrapped, 6, 5}}},
		{"no base64", head + "data:\n  k: not~base64!\n", []brief{{"Secret", "data.k", "not~base64!", Plain, "not~base64!", 5, 6}}},
		{"stringData", head + "stringData:\n  k: v # c\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 5, 6}}},
		{"double quotes", head + "stringData:\n  \"k\": \"a\\tb\\u00e9 \\\n    c\"\n", []brief{{"Secret", "stringData.k", "a\tbé c", Plain, "a\\tb\\u00e9 \\\n    c", 5, 9}}},
		{"single quotes", head + "stringData:\n  k: ' it''s '\n", []brief{{"Secret", "stringData.k", " it's ", Plain, " it''s ", 5, 7}}},
		{"literal", head + "stringData:\n  k: |-\n    a\n    b\n", []brief{{"Secret", "stringData.k", "a\nb", Plain, "a\n    b", 6, 5}}},
		{"folded", head + "stringData:\n  k: >\n    a\n    b\n\n", []brief{{"Secret", "stringData.k", "a b\n", Plain, "a\n    b", 6, 5}}},
		{"plain over lines", head + "stringData:\n  k: a\n   b\n", []brief{{"Secret", "stringData.k", "a b", Plain, "a\n   b", 5, 6}}},
		{"flow", head + "stringData: {k: v, é: \"w\"}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 4, 17}, {"Secret", "stringData[é]", "w", Plain, "w", 4, 24}}},
		{"CRLF and BOM", "\xef\xbb\xbf" + strings.ReplaceAll(head+"stringData:\n  k: v\n", "\n", "\r\n"), []brief{{"Secret", "stringData.k", "v", Plain, "v", 5, 6}}},
		{"multibyte before", head + "stringData: {é: '', k: v}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 4, 24}}},
		{"number and bool", head + "stringData:\n  a: 12\n  b: true\n  c:\n  d: ~\n", []brief{{"Secret", "stringData.a", "12", Plain, "12", 5, 6}, {"Secret", "stringData.b", "true", Plain, "true", 6, 6}}},
		{"duplicate key", head + "stringData:\n  k: v\n  k: w\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 5, 6}, {"Secret", "stringData.k", "w", Plain, "w", 6, 6}}},
		{"duplicate kind", "kind: Secret\nkind: ConfigMap\nstringData: {k: v}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 3, 17}}},
		{"anchor and tag", head + "stringData:\n  a: &x !!str v\n  b: *x\n", []brief{{"Secret", "stringData.a", "v", Plain, "v", 5, 15}, {"Secret", "stringData.b", "v", Plain, "v", 5, 15}}},
		{"merge key", "x-base: &b {k: v, l: w}\nkind: Secret\nstringData:\n  <<: *b\n  l: own\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 1, 16}, {"Secret", "stringData.l", "own", Plain, "own", 5, 6}}},
		{"aliased kind", "x: &k Secret\nkind: *k\nstringData: {k: v}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 3, 17}}},
		{"tabs", "kind: Secret\nstringData:\n\tk:\tv\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 3, 5}}},
		{"JSON", `{"stringData":{"k":"a\"\ud83d\ude00"},"kind":"Secret"}`, []brief{{"Secret", "stringData.k", "a\"😀", Plain, `a\"\ud83d\ude00`, 1, 21}}},
		{"JSON word by escapes", `{"stringData":{"k":"v"},"kind":"\u0053ecret","apiVersion":"v1"}`, []brief{{"Secret", "stringData.k", "v", Plain, "v", 1, 21}}},
		{"JSON after JSON", `{"kind":"Secret","stringData":{"k":"v"}} {"kind":"Secret","stringData":{"k":"w"}}`, []brief{{"Secret", "stringData.k", "v", Plain, "v", 1, 37}, {"Secret", "stringData.k", "w", Plain, "w", 1, 78}}},
		{"List", "kind: List\nitems:\n- kind: Secret\n  stringData: {k: v}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 4, 19}}},
		{"SecretList", "kind: SecretList\nitems:\n- stringData: {k: v}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 3, 19}}},
		{"nested object", "apiVersion: x/v1\nkind: Object\nspec:\n  manifest:\n    kind: Secret\n    stringData: {k: v}\n", []brief{{"Secret", "spec.manifest.stringData.k", "v", Plain, "v", 6, 21}}},
		{"secretGenerator", "secretGenerator:\n- name: g\n  literals:\n  - k=v=w\n  - 'l=\"q\"'\n", []brief{{"Kustomization", "secretGenerator[0].literals[0]", "v=w", Plain, "v=w", 4, 7}, {"Kustomization", "secretGenerator[0].literals[1]", "q", Plain, "q", 5, 9}}},
		{"SopsSecret template", "kind: SopsSecret\nspec:\n  secretTemplates:\n  - stringData: {k: v}\n", []brief{{"SopsSecret", "spec.secretTemplates[0].stringData.k", "v", Plain, "v", 4, 21}}},
		{"plain text in SealedSecret", "kind: SealedSecret\nspec:\n  encryptedData: {k: v}\n", []brief{{"SealedSecret", "spec.encryptedData.k", "v", Plain, "v", 3, 22}}},
		{"patch in a string", "kind: Kustomization\npatches:\n- patch: |-\n    kind: Secret\n    stringData:\n      k: v\n", []brief{{"Secret", "patches[0].patch.stringData.k", "v", Plain, "v", 6, 10}}},
		{"string in a later document", "a: b\n---\nkind: X\nspec: |\n  kind: Secret\n  data:\n    k: dg==\n", []brief{{"Secret", "spec.data.k", "v", Plain, "dg==", 7, 8}}},
		{"empty documents and directives", "# c\n---\n\n---\n---\nkind: Secret\nstringData: {k: v}\n...\n%YAML 1.1\n---\nkind: Secret\nstringData: {k: w}\n", []brief{{"Secret", "stringData.k", "v", Plain, "v", 7, 17}, {"Secret", "stringData.k", "w", Plain, "w", 12, 17}}},
		{"simple templates", "kind: Secret\nmetadata: {name: %ENV%-a}\nstringData:\n  a: @PASS@\n  b: %PASS%v\n", []brief{{"Secret", "stringData.b", "%PASS%v", Plain, "%PASS%v", 5, 6}}},
		{"last-applied", "kind: ConfigMap\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"kind\":\"Secret\",\"stringData\":{\"k\":\"é\\n\"}}\n", []brief{{"Secret", "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration].stringData.k", "é\n", Plain, `é\n`, 5, 43}}},
		{"last-applied in JSON", `{"kind":"X","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"k\":\"dg==\"}}\n"}}}`, []brief{{"Secret", "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration].data.k", "v", Plain, "dg==", 1, 131}}},
		{"template", "{{- if .x }}\napiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include \"n\" . }}\nstringData:\n  {{- range .y }}\n  a: {{ .z | quote }}\n  {{- end }}\n  b: p{{ .q }}w\n  c: \"é{{ .q }}\"\n  d: v\n{{- end }}\n", []brief{
			{"Secret", "stringData.b", "p{{ .q }}w", Plain, "p{{ .q }}w", 10, 6}, {"Secret", "stringData.c", "é{{ .q }}", Plain, "é{{ .q }}", 11, 7}, {"Secret", "stringData.d", "v", Plain, "v", 12, 6}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, secretsOf(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDirectivesHideNoSecret(t *testing.T) {
	const body = "kind: Secret\nstringData:\n  k: v\n"
	for name, text := range map[string]string{
		"YAML 1.2":               "%YAML 1.2\n---\n" + body,
		"YAML 1.1 twice":         "%YAML 1.1\n%YAML 1.1\n---\n" + body,
		"BOM, CRLF and comments": "\xef\xbb\xbf# é\r\n\r\n%YAML 1.3 # c\r\n--- # d\r\n" + strings.ReplaceAll(body, "\n", "\r\n"),
		"CR":                     "%YAML 1.2\r---\r" + strings.ReplaceAll(body, "\n", "\r"),
		"unknown":                "%FOO bar\n---\n" + body,
		"no marker":              "%YAML 1.2\n" + body,
		"no blank":               "%YAML1.2\n---\n" + body,
		"later document":         "a: b\n...\n%YAML 1.2\n---\n" + body,
		"behind the document":    body + "%YAML 1.2\n---\na: b\n",
		"TAG":                    "%YAML 1.2\n%TAG !e! tag:yaml.org,2002:\n---\n" + strings.ReplaceAll(body, "v", "!e!str v"),
		"TAG twice":              "%TAG !e! tag:a,2000:\n%TAG !e! tag:b,2000:\n---\n" + strings.ReplaceAll(body, "v", "!e!str v"),
		"malformed TAG":          "%TAG\n---\n" + body,
		"with a template":        "%YAML 1.2\n---\n{{ if .x }}\n" + body + "{{ end }}\n",
		"in a string":            "kind: X\nspec: |\n  %YAML 1.2\n  ---\n  kind: Secret\n  stringData:\n    k: v\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := secretsOf(t, text)
			if len(got) != 1 || got[0].Value != "v" || got[0].Text != "v" {
				t.Errorf("%v", got)
			}
		})
	}
}

// ciphertext builds values that have the structure and hold nothing.
func ciphertext(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*89 + i/7)
	}
	return b
}

func sealedValue(rsa, rest int) string {
	raw := append([]byte{byte(rsa >> 8), byte(rsa)}, ciphertext(rsa+rest)...)
	return base64.StdEncoding.EncodeToString(raw)
}

func sopsText(data string, iv, tag int) string {
	enc := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:str]", enc([]byte(data)), enc(ciphertext(iv)), enc(ciphertext(tag)))
}

func TestKeptIsJudgedLeafByLeaf(t *testing.T) {
	good := sopsText("\x01\x02", 32, 16)
	readable := append([]byte{2, 0}, []byte(strings.Repeat("readable text ", 60))...)
	for _, c := range []struct {
		name, kind, path, value string
		want                    Kept
	}{
		{"sealed 4096", "SealedSecret", "spec: {encryptedData", sealedValue(512, 30), Sealed},
		{"sealed 2048", "SealedSecret", "spec: {encryptedData", sealedValue(256, 16), Sealed},
		{"sealed without a tag", "SealedSecret", "spec: {encryptedData", sealedValue(512, 15), Plain},
		{"sealed with an odd key", "SealedSecret", "spec: {encryptedData", sealedValue(300, 90), Plain},
		{"sealed shell, readable", "SealedSecret", "spec: {encryptedData", base64.StdEncoding.EncodeToString(readable), Plain},
		{"sealed in a Secret", "Secret", "x: {stringData", sealedValue(512, 30), Plain},
		{"template of a SealedSecret", "SealedSecret", "spec: {template", sealedValue(512, 30), Plain},
		{"sops", "Secret", "x: {stringData", good, SOPS},
		{"sops and more", "Secret", "x: {stringData", good + "x", Plain},
		{"sops twice", "Secret", "x: {stringData", good + good, Plain},
		{"sops, short iv", "Secret", "x: {stringData", sopsText("\x01", 31, 16), Plain},
		{"sops, short tag", "Secret", "x: {stringData", sopsText("\x01", 32, 15), Plain},
		{"sops, no data", "Secret", "x: {stringData", sopsText("", 32, 16), Plain},
		{"sops, readable data", "Secret", "x: {stringData", sopsText(strings.Repeat("readable ", 8), 32, 16), Plain},
		{"placeholder", "Secret", "x: {stringData", "${DB_PASSWORD}", Reference},
		{"plain beside sops", "Secret", "x: {stringData", "plain", Plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf("kind: %s\nsops: {mac: x}\n%s: {k: %q}}\n", c.kind, c.path, c.value)
			docs, err := Parse("in.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			fields := docs[0].Fields
			last := fields[len(fields)-1]
			if last.Kept != c.want || last.Value.Reveal() != c.value {
				t.Errorf("%s is %v, want %v", last.Path, last.Kept, c.want)
			}
		})
	}
}

func TestReferencesAreKnownByTheirPlace(t *testing.T) {
	text := `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
spec:
  data: [{secretKey: a, remoteRef: {key: prod/db, property: password, literal: v}}]
  target: {template: {data: {k: v}}}
---
apiVersion: v1
kind: Pod
spec:
  containers:
  - env:
    - {name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}
    - {name: B, value: v}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultStaticSecret
spec: {mount: kv, path: a/b}
`
	docs, err := Parse("in.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Kept{}
	for _, d := range docs {
		for _, f := range d.Fields {
			got[f.Path] = f.Kept
		}
	}
	for path, want := range map[string]Kept{
		"spec.data[0].remoteRef.key": Reference, "spec.data[0].remoteRef.property": Reference, "spec.data[0].remoteRef.literal": Plain,
		"spec.target.template.data.k": Plain, "spec.containers[0].env[0].valueFrom.secretKeyRef.key": Reference,
		"spec.containers[0].env[1].value": Plain, "spec.path": Reference, "kind": Plain,
	} {
		if kept, ok := got[path]; !ok || kept != want {
			t.Errorf("%s is %v (found: %v), want %v", path, kept, ok, want)
		}
	}
}

func TestPlaceholdersAreWholeValues(t *testing.T) {
	for _, v := range []string{
		"${VAR}", "%VAR%", "@VAR@", "${VAR:-}", "$(VAR)", "{{ .Values.a }}", "{{ .a }}:{{ .b }}", "${{ secrets.X }}", "<path:kv/data/a#key>", "<password>", "op://vault/item/field",
		"ref+vault://a/b#/c", "vault:secret/data/a#key", "**SOPS**", "postgres://${U}:${P}@db.svc:5432/app", "https://${HOST}/api",
	} {
		if !Placeholder(v) {
			t.Errorf("%q is a placeholder", v)
		}
	}
	for _, v := range []string{
		"", "value", "%VAR%value", "${VAR}value", "${VAR:-value}", "${VAR:=value}", "{{ .a }}value", `{{ default "value" .a }}`, `{{ "value" }}`, "ref+echo://value", "vault:v1:abc",
		"postgres://${U}:value@db/app", "https://a.example/${A}?token=value", "op://", "a ${B} c", "ENC[value]", "\x00", "p${X}w",
	} {
		if Placeholder(v) {
			t.Errorf("%q is no placeholder", v)
		}
	}
}

func TestABrokenDocumentLeavesTheOthers(t *testing.T) {
	text := "kind: Secret\nstringData: {k: v}\n---\nkind: Secret\nstringData: {k: *nowhere}\n---\nkind: Secret\nstringData: {k: w}\n"
	docs, err := Parse("in.yaml", []byte(text))
	var fault *SyntaxError
	if !errors.As(err, &fault) || fault.Limit || !fault.Looks || fault.Line < 3 || fault.Line > 5 {
		t.Fatalf("the error is %v", err)
	}
	if strings.Contains(err.Error(), "nowhere") {
		t.Errorf("the error quotes the text: %v", err)
	}
	if got := PlainSecrets(docs); len(got) != 2 {
		t.Errorf("%d values were found, want 2", len(got))
	}
}

func TestTextBehindADocumentIsAnError(t *testing.T) {
	if _, err := Parse("in.yaml", []byte("{}\nkind: Secret\nstringData: {k: v}\n")); err == nil {
		t.Error("unread text gave no error")
	}
}

// laughs multiplies nine values by nine eleven times over.
func laughs() string {
	text := "kind: Secret\na0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return text
}

func TestAliasesDoNotMultiplyMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	docs, err := Parse("in.yaml", []byte(laughs()))
	runtime.ReadMemStats(&after)
	var fault *SyntaxError
	if !errors.As(err, &fault) || !fault.Limit {
		t.Errorf("the error is %v", err)
	}
	for _, d := range docs {
		if len(d.Fields) > 0 {
			t.Errorf("%d fields were kept", len(d.Fields))
		}
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}
	some := "kind: Secret\nstringData: &d {k: v, l: w}\nother: [" + strings.Repeat("*d, ", 2000) + "*d]\n"
	if docs, err := Parse("in.yaml", []byte(some)); err != nil || len(docs) != 1 || len(docs[0].Fields) < 4000 {
		t.Errorf("a document that repeats itself a little: %v", err)
	}
}

func TestBombsMeetALimit(t *testing.T) {
	merges := "kind: Secret\na0: &a0 {x: y}\n"
	for i := 1; i < 30; i++ {
		merges += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d]}\n", i, i, i-1, i-1)
	}
	wide := strings.Repeat("k", 4000)
	for name, text := range map[string]string{
		"billion laughs": laughs(),
		"merges":         merges,
		"cycle":          "kind: Secret\ndata: &a {b: *a}\n",
		"deep flow":      strings.Repeat("[", 5000),
		"deep JSON":      strings.Repeat(`{"a":`, 5000),
		"deep blocks":    strings.Repeat("- ", 5000) + "x",
		"many nodes":     "[" + strings.Repeat("a,", maxNodes+1) + "a]",
		"large":          "a: " + strings.Repeat("x", maxDocument),
		"long keys":      `{"kind":"Secret","` + wide + `":{"` + wide + `":[` + strings.Repeat("1,", 100_000) + `1]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("in.yaml", []byte(text))
			var fault *SyntaxError
			if !errors.As(err, &fault) || !fault.Limit {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestABrokenDocumentWithoutSecretsSaysSo(t *testing.T) {
	var fault *SyntaxError
	if _, err := Parse("in.yaml", []byte("a: *nowhere\n")); !errors.As(err, &fault) || fault.Looks {
		t.Errorf("the error is %v", err)
	}
}

func TestManyTemplatedDocumentsTakeLinearTime(t *testing.T) {
	text := strings.Repeat("---\nkind: Secret\ndata: {{ a }}\nstringData: {k: v}\n", 20_000)
	start := time.Now()
	docs, err := Parse("in.yaml", []byte(text))
	if took := time.Since(start); err != nil || len(PlainSecrets(docs)) != 20_000 || took > time.Minute {
		t.Errorf("%d documents in %v, %v", len(docs), took, err)
	}
}

func TestUTF16IsRefused(t *testing.T) {
	if _, err := Parse("in.yaml", []byte("\xff\xfek\x00:\x00")); err == nil {
		t.Error("text with unknown positions was read")
	}
}

func TestOrdinaryDocumentsHoldNoPlainSecrets(t *testing.T) {
	text := "apiVersion: v1\nkind: ConfigMap\ndata: {k: v}\n---\nhost: a\npassword: b\n---\napiVersion: v1\nkind: Secret\ndata: {}\n"
	docs, err := Parse("in.yaml", []byte(text))
	if err != nil || len(PlainSecrets(docs)) != 0 || len(docs) != 2 {
		t.Errorf("%d documents, %d values, %v", len(docs), len(PlainSecrets(docs)), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"kind: Secret\nstringData:\n  k: a\n   b\n  l: \"x\\u00e9\"\n  m: 'y'\n  n: |\n    z\n", `{"kind":"Secret","data":{"k":"dg=="}}`,
		"kind: Secret\nx: &a {k: v}\ndata: {<<: *a, b: {{ .x }}y}\n", "\xef\xbb\xbf---\r\nkind: List\r\nitems: [{kind: Secret, data: {é: é}}]\r\n...\r\n",
		"kind: X\nmetadata: {annotations: {a: '{\"kind\":\"Secret\",\"data\":{\"k\":\"v v\"}}'}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, _ := Parse("in.yaml", text)
		for _, d := range docs {
			for _, fl := range d.Fields {
				if fl.Start < 0 || fl.Start > fl.End || fl.End > len(text) {
					t.Fatalf("%s has the span %d:%d of %d", fl.Path, fl.Start, fl.End, len(text))
				}
				if fl.Line < 1 || fl.Column < 1 || fl.EndLine < fl.Line {
					t.Fatalf("%s is at %d:%d to %d:%d", fl.Path, fl.Line, fl.Column, fl.EndLine, fl.EndColumn)
				}
			}
		}
	})
}

// FuzzAlign checks the positions of the YAML parser against the text: each
// scalar has to stand where it is said to, whatever stands before it.
func FuzzAlign(f *testing.F) {
	for _, s := range []string{"é: [a, 'b''c', \"d\\x41\"]\n", "- |\n  a\n\n  b\n- >-\n c\n  d\n", "a: b\n  c\nd: &x !!str e\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, part []byte) {
		if !utf8.Valid(part) || bytes.ContainsAny(part, "\r\u0085\u2028\u2029\ufeff") {
			t.Skip("exotic line breaks are only placed roughly")
		}
		root, _, fault := parseYAML(part)
		if fault != nil {
			t.Skip()
		}
		seen := map[*node]bool{}
		var check func(*node)
		check = func(n *node) {
			if seen[n] {
				return
			}
			seen[n] = true
			for _, k := range n.kids {
				check(k)
			}
			if _, _, _, ok := align(part, n.token, n.style, n.text); n.kind == scalar && !ok {
				t.Errorf("%q is not at %d of %q", n.text, n.token, part)
			}
		}
		check(root)
	})
}
