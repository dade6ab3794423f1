package mend

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/manifest"
)

// leaked is a value, and how a rewrite leaves it in base64.
const leaked = "leaked-value-of-a-test"

func coded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// rewritten is what a rewrite makes of a text.
func rewritten(text string) string {
	return strings.NewReplacer(leaked, gone, coded(leaked), coded(strings.Repeat("*", len(leaked)))).Replace(text)
}

func becomes(t *testing.T, file, text string) (string, []string) {
	t.Helper()
	out, set := External(file, []byte(text), []byte(rewritten(text)), gone)
	if len(set) == 0 && string(out) != rewritten(text) {
		t.Errorf("%s changes, and nothing is to be set", file)
	}
	return string(out), set
}

// A Secret becomes an ExternalSecret that names what the operator has to fill, and what checks
// manifests finds nothing in it.
func TestASecretIsReferredTo(t *testing.T) {
	in := `# our database
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: prod
  labels: {app: web}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"` + leaked + `"}}'
type: kubernetes.io/basic-auth
immutable: true
stringData:
  password: ` + leaked + `
data:
  username: ` + coded("admin") + `
---
apiVersion: v1
kind: Service
metadata: {name: db}
---
kind: Secret
apiVersion: v1
metadata:
  name: api
data:
  token: "` + coded(leaked) + `"
`
	want := `# our database
# To be set: the store, and in it a new value for each property.
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: db
  namespace: prod
  labels:
    app: web
spec:
  refreshInterval: 1h
  secretStoreRef:
    kind: SecretStore
    name: to-be-set
  target:
    immutable: true
    template:
      type: kubernetes.io/basic-auth
      metadata:
        labels:
          app: web
  data:
    - secretKey: password
      remoteRef:
        key: db
        property: password
    - secretKey: username
      remoteRef:
        key: db
        property: username
---
apiVersion: v1
kind: Service
metadata: {name: db}
---
# To be set: the store, and in it a new value for each property.
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: api
spec:
  refreshInterval: 1h
  secretStoreRef:
    kind: SecretStore
    name: to-be-set
  data:
    - secretKey: token
      remoteRef:
        key: api
        property: token
`
	for _, end := range []string{"\n", "\r\n"} {
		out, set := becomes(t, "a.yaml", strings.ReplaceAll(in, "\n", end))
		if out != strings.ReplaceAll(want, "\n", end) {
			t.Errorf("it becomes\n%s", out)
		}
		if got := strings.Join(set, "; "); got != "a.yaml: secretStoreRef of db; a.yaml: password of db, in that store; a.yaml: username of db, in that store; a.yaml: secretStoreRef of api; a.yaml: token of api, in that store" {
			t.Error(got)
		}
		docs, err := manifest.Parse("a.yaml", []byte(out))
		if err != nil || len(manifest.PlainSecrets(docs)) > 0 {
			t.Errorf("%v, %d plain values", err, len(manifest.PlainSecrets(docs)))
		}
		for _, fault := range manifest.Faults(docs, manifest.Formats{Templates: manifest.TemplateFormat{Strict: true}}) {
			t.Errorf("%+v", fault)
		}
	}
}

// What an ExternalSecret cannot say, or what lost no value, stays.
func TestASecretThatCannotBeSaidOtherwiseStays(t *testing.T) {
	plain := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: VALUE\n"
	if _, set := becomes(t, "a.yaml", strings.ReplaceAll(plain, "VALUE", leaked)); len(set) != 2 {
		t.Fatalf("the plain one: %v", set)
	}
	for name, text := range map[string]string{
		"a chart":        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}\nstringData:\n  password: VALUE\n",
		"a name":         strings.Replace(plain, "name: db", "generateName: db-", 1),
		"an anchor":      strings.Replace(plain, "password: VALUE", "password: &p VALUE", 1),
		"a tag":          strings.Replace(plain, "password: VALUE", "password: !x VALUE", 1),
		"another field":  plain + "other: x\n",
		"a hook":         strings.Replace(plain, "name: db", "name: db\n  annotations: {helm.sh/hook: pre-install}", 1),
		"a token":        plain + "type: kubernetes.io/service-account-token\n",
		"a label":        strings.Replace(plain, "name: db", "name: db\n  labels: {x: VALUE}", 1),
		"a list":         "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(plain), "\n", "\n  ") + "\n",
		"a ConfigMap":    strings.NewReplacer("kind: Secret", "kind: ConfigMap", "stringData", "data").Replace(plain),
		"no value of it": "# VALUE\n" + strings.Replace(plain, "password: VALUE", "password: other", 1),
		"broken":         plain + " ]\n",
		"sops":           plain + "sops:\n  mac: x\n",
	} {
		if out, set := becomes(t, "a.yaml", strings.ReplaceAll(text, "VALUE", leaked)); len(set) > 0 {
			t.Errorf("%s becomes %v\n%s", name, set, out)
		}
	}
	if _, set := becomes(t, "a.txt", strings.ReplaceAll(plain, "VALUE", leaked)); len(set) > 0 {
		t.Error("a text is a manifest")
	}
}

// A kustomization that names the file as a resource goes on working; one that patches Secrets or
// gives them other names would not.
func TestKustomizationsGoOnWorking(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		want  bool
	}{
		"none":              {"", true},
		"resource":          {"base/kustomization.yaml: {resources: [db.yaml]}", true},
		"a folder above":    {"base/kustomization.yaml: {resources: [db.yaml]}\nprod/kustomization.yaml: {resources: [../base], namespace: prod, labels: [{pairs: {a: b}}]}", true},
		"a prefix":          {"base/kustomization.yaml: {resources: [db.yaml], namePrefix: x-}", false},
		"a prefix above":    {"base/kustomization.yaml: {resources: [db.yaml]}\nprod/kustomization.yaml: {resources: [../base], nameSuffix: -prod}", false},
		"a prefix far off":  {"base/kustomization.yaml: {resources: [db.yaml]}\nmid/kustomization.yml: {bases: [../base]}\nprod/Kustomization: {resources: [../mid/], namePrefix: p-}", false},
		"another's prefix":  {"base/kustomization.yaml: {resources: [db.yaml]}\nother/kustomization.yaml: {resources: [x.yaml], namePrefix: x-}", true},
		"a patch of it":     {"base/kustomization.yaml: {resources: [db.yaml], patches: [{target: {kind: Secret}, path: p.yaml}]}", false},
		"a patch in a file": {"base/kustomization.yaml: {resources: [db.yaml], patches: [{path: secret-patch.yaml}]}", false},
		"another patch":     {"base/kustomization.yaml: {resources: [db.yaml], patches: [{path: patch.yaml}]}", true},
		"it is the patch":   {"base/kustomization.yaml: {resources: [x.yaml], patches: [{path: db.yaml}]}", false},
		"an old patch":      {"prod/kustomization.yaml: {patchesStrategicMerge: [../base/db.yaml]}", false},
		"a generator":       {"base/kustomization.yaml: {secretGenerator: [{name: x, files: [a=db.yaml]}]}", false},
		"merged with":       {"base/kustomization.yaml: {resources: [db.yaml]}\nprod/kustomization.yaml: {resources: [../base], secretGenerator: [{name: db, behavior: merge, literals: [a=b]}]}", false},
		"a component":       {"base/kustomization.yaml: {resources: [db.yaml], components: [../comp]}\ncomp/kustomization.yaml: {kind: Component, namePrefix: x-}", false},
		"one of one above":  {"base/kustomization.yaml: {resources: [db.yaml]}\nprod/kustomization.yaml: {resources: [../base], components: [../comp]}\ncomp/kustomization.yaml: {components: [../c]}\nc/kustomization.yaml: {patches: [{target: {kind: Secret}}]}", false},
		"one that may":      {"base/kustomization.yaml: {resources: [db.yaml], components: [../comp]}\ncomp/kustomization.yaml: {kind: Component, resources: [x.yaml]}", true},
		"another's one":     {"base/kustomization.yaml: {resources: [db.yaml]}\no/kustomization.yaml: {components: [../comp]}\ncomp/kustomization.yaml: {kind: Component, namePrefix: x-}", true},
		"kinds":             {"base/kustomization.yaml: {resources: [db.yaml], patches: [{target: {kind: ConfigMap|Secret}}]}", false},
		"an expression":     {"base/kustomization.yaml: {resources: [db.yaml], patches: [{target: {kind: Sec.*}}]}", false},
		"a patch by name":   {"base/kustomization.yaml: {resources: [db.yaml], patches: [{target: {name: db}, path: patch.yaml}]}", false},
		"another's patch":   {"base/kustomization.yaml: {resources: [db.yaml], patches: [{target: {kind: Deployment, name: db}, path: patch.yaml}]}", true},
		"a replacement":     {"base/kustomization.yaml: {resources: [db.yaml], replacements: [{source: {kind: ConfigMap}, targets: [{select: {name: db}}]}]}", false},
		"broken":            {"base/kustomization.yaml: '['", false},
	} {
		var texts map[string]any
		if err := yaml.Unmarshal([]byte(c.files), &texts); err != nil {
			t.Fatal(name, err)
		}
		all := map[string][]byte{}
		for file, text := range texts {
			all[file] = []byte("[")
			if _, broken := text.(string); broken {
				continue
			}
			raw, err := yaml.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			all[file] = raw
		}
		read := func(path string) []byte {
			return []byte(map[string]string{"base/secret-patch.yaml": "kind: Secret\nmetadata: {name: db}\n", "base/patch.yaml": "kind: Deployment\n"}[path])
		}
		if got := Kustomized("base/db.yaml", all, read); got != c.want {
			t.Errorf("%s (%v): %v", name, slices.Sorted(maps.Keys(all)), got)
		}
	}
}
