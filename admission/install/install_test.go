package install

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/leakgate/leakgate/internal/gate"
)

var update = flag.Bool("update", false, "rewrite deploy/")

// version of the files in deploy/, which a release replaces.
const version = "0.0.0"

const deploy = "../../deploy"

func TestDeployIsWhatTheTableSays(t *testing.T) {
	o, err := Defaults(version)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	if files["admission.yaml"], err = Manifests(o); err != nil {
		t.Fatal(err)
	}
	chart, err := Chart(version)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range chart {
		files[filepath.Join("helm/leakgate", name)] = text
	}
	if *update {
		if err := os.RemoveAll(filepath.Join(deploy, "helm/leakgate/templates")); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range files {
		path := filepath.Join(deploy, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: go test ./admission/install -update rewrites it\n%s", path, diff)
		}
	}
	found, err := filepath.Glob(filepath.Join(deploy, "helm/leakgate/templates/*"))
	if err != nil || len(found) != len(chart)-2 {
		t.Errorf("%d templates on disk, %d in the table, %v", len(found), len(chart)-2, err)
	}
}

const enforcing = `version: 1
kubernetes:
  presets: {sealed-secrets: {}, crossplane: {}, flux: {impersonated: [team-*/reconciler]}, helm: {}}
  writers:
    - {name: vendor, users: ["O'Hara \"x\""], service_accounts: [vendor/op], claims: [{by: owner, kind: vendor.example/Account}]}
  modes:
    default: audit
    namespaces: {shop: {mode: enforce}, web: {mode: enforce}, dev: {mode: warn}}
  break_glass: {groups: [sre]}
`

func TestChartRendersToThePlainManifests(t *testing.T) {
	chart, err := Chart(version)
	if err != nil {
		t.Fatal(err)
	}
	always := strings.Replace(enforcing, "default: audit", "default: enforce", 1)
	strict := "version: 1\nkubernetes: {modes: {default: enforce}}\n"
	for _, policy := range []string{DefaultPolicy, enforcing, always, strict} {
		for _, way := range []string{SelfManaged, CertManager, Mounted} {
			for _, more := range []bool{false, true} {
				o, err := Defaults(version)
				if err != nil {
					t.Fatal(err)
				}
				if o, err = o.WithPolicy(policy); err != nil {
					t.Fatal(err)
				}
				o.Certificates, o.OtherKinds, o.Monitor, o.Network, o.Replicas = way, more, more, !more, 3
				if way == Mounted {
					o.CABundle = "LS0t"
				}
				o.Namespace = "security"
				want := map[string]any{}
				text, err := Manifests(o)
				if err != nil {
					t.Fatal(err)
				}
				documents(t, text, want)
				delete(want, "Namespace/security")
				if diff := cmp.Diff(want, render(t, chart, o)); diff != "" {
					t.Errorf("%s, %v: plain manifests against the chart\n%s", way, more, diff)
				}
			}
		}
	}
}

// render runs the templates as Helm does, with the one function they use.
func render(t *testing.T, chart map[string][]byte, o Options) map[string]any {
	t.Helper()
	text, err := Values(o)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for name, text := range chart {
		if !strings.HasPrefix(name, "templates/") {
			continue
		}
		parsed, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"toJson": func(v any) (string, error) {
			raw, err := json.Marshal(v)
			return string(raw), err
		}}).Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b bytes.Buffer
		if err := parsed.Execute(&b, map[string]any{"Values": v, "Release": map[string]any{"Namespace": o.Namespace}}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		documents(t, b.Bytes(), out)
	}
	return out
}

// documents reads a stream into objects by kind and name.
func documents(t *testing.T, text []byte, into map[string]any) {
	t.Helper()
	reader := kyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var o map[string]any
		err := reader.Decode(&o)
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if o != nil {
			meta, _ := o["metadata"].(map[string]any)
			into[fmt.Sprintf("%v/%v", o["kind"], meta["name"])] = o
		}
	}
}

func TestAFreshInstallationRefusesNothing(t *testing.T) {
	o, err := Defaults(version)
	if err != nil {
		t.Fatal(err)
	}
	for _, obj := range Objects(o) {
		if strings.HasPrefix(fmt.Sprint(obj["kind"]), "ValidatingAdmissionPolicy") {
			t.Error("there is a floor that denies")
		}
		entries, _ := obj["webhooks"].([]object)
		for _, e := range entries {
			if e["failurePolicy"] != "Ignore" {
				t.Errorf("%v has the failure policy %v", e["name"], e["failurePolicy"])
			}
		}
	}
}

func TestOnlyEnforcingNamespacesFailWithoutUs(t *testing.T) {
	names := func(o object) string { return fmt.Sprint(o["matchExpressions"]) }
	for _, c := range []struct{ mode, enforcing, audited string }{
		{"default: audit", "[map[key:kubernetes.io/metadata.name operator:In values:[shop web]]]", "[map[key:kubernetes.io/metadata.name operator:NotIn values:[shop web]]]"},
		{"default: enforce", "[map[key:kubernetes.io/metadata.name operator:NotIn values:[dev]]]", "[map[key:kubernetes.io/metadata.name operator:In values:[dev]]]"},
	} {
		o, err := (Options{Namespace: "leakgate"}).WithPolicy(strings.Replace(enforcing, "default: audit", c.mode, 1))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]object{}
		for _, e := range o.webhook()["webhooks"].([]object) {
			got[e["name"].(string)] = e
			if e["failurePolicy"] == "Fail" && e["name"] != EntryUntrusted {
				t.Errorf("%v fails without us", e["name"])
			}
		}
		untrusted, audited, trusted := got[EntryUntrusted], got[EntryAudited], got[EntryTrusted]
		if names(untrusted["namespaceSelector"].(object)) != c.enforcing || names(audited["namespaceSelector"].(object)) != c.audited {
			t.Errorf("%s: %v and %v", c.mode, untrusted["namespaceSelector"], audited["namespaceSelector"])
		}
		if untrusted["failurePolicy"] != "Fail" || untrusted["timeoutSeconds"] != 5 || trusted["failurePolicy"] != "Ignore" || trusted["timeoutSeconds"] != 3 || got[EntryOthers] != nil {
			t.Errorf("%s: %v, %v, %v", c.mode, untrusted, trusted, got[EntryOthers])
		}
	}
}

func TestOurRightsHoldNoSecretOfOthers(t *testing.T) {
	o, err := (Options{Namespace: "leakgate", Certificates: SelfManaged}).WithPolicy(enforcing)
	if err != nil {
		t.Fatal(err)
	}
	for _, obj := range Objects(o) {
		rules, _ := obj["rules"].([]object)
		for _, r := range rules {
			core := slices.Contains(r["apiGroups"].([]string), "") || slices.Contains(r["apiGroups"].([]string), "*")
			if named := r["resourceNames"]; core && named == nil && !cmp.Equal(r["resources"], []string{"serviceaccounts"}) {
				t.Errorf("%v: %v", obj["kind"], r)
			}
			if verbs := r["verbs"].([]string); slices.Contains(verbs, "create") || slices.Contains(verbs, "delete") || slices.Contains(verbs, "*") {
				t.Errorf("%v: %v", obj["kind"], r)
			}
		}
	}
}

func TestStartsAreTheSameInBase64(t *testing.T) {
	for start, want := range map[string]string{"${": "JH[stuv]", "<": "P[ABCDEFGHIJKLMNOP]", "vault:": "dmF1bHQ6", "%": "J[QRSTUVWXYZabcdef]"} {
		if got := encodedStart(start); got != want {
			t.Errorf("%s: %s, want %s", start, got, want)
		}
	}
}

// A claim that may not be read leaves every write undecided.
func TestEveryClaimOfAPresetMayBeRead(t *testing.T) {
	readable := map[string]bool{}
	for _, c := range claimRules {
		for _, resource := range c.resources {
			readable[c.group+"/"+resource] = true
		}
	}
	for _, name := range gate.PresetNames() {
		for _, w := range gate.Preset(name) {
			for _, c := range w.Claims {
				if group, kind, is := strings.Cut(c.Kind, "/"); is && !readable[group+"/"+plural(kind)] {
					t.Errorf("%s: the webhook may not read %s", w.Name, c.Kind)
				}
			}
		}
	}
}

// plural is how the kinds of presets are spelled as resources.
func plural(kind string) string {
	if strings.HasSuffix(kind, "ss") {
		return strings.ToLower(kind) + "es"
	}
	return strings.ToLower(kind) + "s"
}
