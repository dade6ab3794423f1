package survey

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/render"
)

// packed is an artifact, given as pairs of names and texts.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	all := tar.NewWriter(zip)
	for i := 0; i < len(files); i += 2 {
		if err := all.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(all, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(all.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const accounts = `
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: kustomize-controller, namespace: flux-system, uid: u1}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: helm-controller, namespace: flux-system, uid: u2}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: argocd-application-controller, namespace: argocd, uid: u3}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: kustomize-controller, namespace: flux-system}, spec: {template: {spec: {serviceAccountName: kustomize-controller, containers: [{name: manager, args: [--log-level=info]}]}}}}
- {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: argocd-application-controller, namespace: argocd}, spec: {template: {spec: {serviceAccountName: argocd-application-controller}}}}
- {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: x, namespace: nowhere}}
- {apiVersion: v1, kind: Secret, metadata: {name: there, namespace: web}, type: Opaque, data: {}}
`

// flux is a cluster with one Kustomization whose source has an artifact.
func flux(t *testing.T, spec string, artifact []byte) Survey {
	t.Helper()
	s := surveyOf(t, accounts+fmt.Sprintf(`
- {apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: app, namespace: flux-system}, status: {artifact: {url: "http://source/app.tar.gz", digest: "sha256:%x"}}}
- {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: app, namespace: flux-system}, spec: {sourceRef: {kind: GitRepository, name: app}, %s}}
`, sha256.Sum256(artifact), spec))
	s.Artifacts = func(_ context.Context, url string) (io.ReadCloser, error) {
		if url != "http://source/app.tar.gz" {
			return nil, errors.New("another address")
		}
		return io.NopCloser(bytes.NewReader(artifact)), nil
	}
	s.Polices = func(group string) bool { return group == "bitnami.com" }
	s.Kustomize = func(_ context.Context, dir string) ([]byte, error) { return render.Kustomize(dir) }
	return s
}

// told is the simulation as lines; no value is in them.
func told(t *testing.T, s Survey, namespace string) string {
	t.Helper()
	found, err := s.Simulate(context.Background(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, stop := range found.Stops {
		lines = append(lines, stop.String())
	}
	for _, u := range found.Unsure {
		lines = append(lines, u.String())
	}
	text := strings.Join(lines, "\n")
	if strings.Contains(text, canary) {
		t.Errorf("a value is told: %s", text)
	}
	return text
}

func plainSecret(name string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: web}\nstringData: {password: " + canary + "}\n"
}

const neighbour = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n, namespace: web}\ndata: {a: b}\n"

// encrypted has the form of a Secret that sops encrypted; broken leaves a leaf plain.
func encrypted(t *testing.T, broken bool) string {
	t.Helper()
	value := "ENC[AES256_GCM,data:" + part(8) + ",iv:" + part(32) + ",tag:" + part(16) + ",type:str]"
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: locked, namespace: web}\nstringData:\n  password: " + value + "\n"
	if broken {
		text += "  other: " + canary + "\n"
	}
	return text + "sops:\n  age:\n  - recipient: age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\n    enc: x\n  lastmodified: \"2026-11-20T00:00:00Z\"\n  mac: " + value +
		"\n  encrypted_regex: ^(data|stringData)$\n  version: 3.13.3\n"
}

func part(n int) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(37*i + n)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestWhatFluxHasNotWrittenYetIsJudged(t *testing.T) {
	sealed := "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s, namespace: web}\nspec: {encryptedData: {password: " + canary + "}}\n"
	for name, c := range map[string]struct {
		spec  string
		files []string
		want  []string // parts of what is told, in order; none: nothing is told
	}{
		"plain":           {"path: ./", []string{"a.yaml", plainSecret("db"), "deep/b.yml", neighbour}, []string{"Kustomization flux-system/app: web/db: ", "decrypts nothing", "not written yet; 1 other objects stop"}},
		"it is there":     {"path: ./", []string{"a.yaml", plainSecret("there")}, nil},
		"no Secret":       {"path: ./", []string{"a.yaml", neighbour}, nil},
		"encrypted":       {"decryption: {provider: sops}", []string{"a.yaml", encrypted(t, false)}, nil},
		"half encrypted":  {"decryption: {provider: sops}", []string{"a.yaml", encrypted(t, true)}, []string{"cannot tell", "web/locked breaks the rule sops-plain-leaf"}},
		"nobody decrypts": {"path: ./", []string{"a.yaml", encrypted(t, false)}, nil},
		"a tenant":        {"serviceAccountName: team, decryption: {provider: sops}", []string{"a.yaml", encrypted(t, false)}, []string{"untrusted-writer", "system:serviceaccount:flux-system:team"}},
		"a base":          {"path: prod", []string{"base/kustomization.yaml", "resources: [s.yaml]\n", "base/s.yaml", plainSecret("db"), "prod/kustomization.yaml", "resources: [../base]\nnamePrefix: prod-\n"}, []string{"web/prod-db"}},
		"another place":   {"path: ./, targetNamespace: web, namePrefix: x-", []string{"a.yaml", strings.Replace(plainSecret("db"), "namespace: web", "namespace: y", 1)}, []string{"web/x-db"}},
		"patched away":    {"patches: [{patch: '{$patch: delete, apiVersion: v1, kind: Secret, metadata: {name: db, namespace: web}}'}]", []string{"a.yaml", plainSecret("db"), "b.yaml", neighbour}, nil},
		"filled in":       {"postBuild: {substitute: {A: b}}", []string{"a.yaml", strings.Replace(plainSecret("db"), canary, `"${A}"`, 1)}, []string{"web/db", "decrypts nothing"}},
		"a placeholder":   {"path: ./", []string{"a.yaml", strings.Replace(plainSecret("db"), canary, `"${A}"`, 1)}, []string{"web/db", "decrypts nothing"}},
		"a generator":     {"path: ./", []string{"kustomization.yaml", "namespace: web\nsecretGenerator: [{name: g, literals: [a=" + canary + "], options: {disableNameSuffixHash: true}}]\n"}, []string{"web/g", "decrypts nothing"}},
		"a List":          {"path: ./", []string{"a.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: l, namespace: web}, stringData: {a: " + canary + "}}\n"}, []string{"web/l"}},
		"what it obeys":   {"path: ./", []string{"a.yaml", sealed}, []string{"SealedSecret web/s", "sealed-malformed-value"}},
		"fetches":         {"path: ./", []string{"kustomization.yaml", "resources: [\"https://example.com/a.yaml\"]\n"}, []string{"cannot tell: Kustomization flux-system/app: a resource of the kustomization is not here"}},
		"outside":         {"path: ../..", []string{"a.yaml", neighbour}, []string{"cannot tell", "outside"}},
		"no folder":       {"path: nowhere", []string{"a.yaml", neighbour}, []string{"cannot tell", "no folder"}},
		"out of the tar":  {"path: ./", []string{"../a.yaml", neighbour}, []string{"cannot tell", "lies outside"}},
		"no YAML":         {"path: ./", []string{"a.yaml", "a: [\n"}, []string{"cannot tell"}},
		"another source":  {"sourceRef: {kind: Bucket, name: b}", []string{"a.yaml", neighbour}, []string{"cannot tell", "Bucket flux-system/b, is not there"}},
		"a kubeConfig":    {"kubeConfig: {secretRef: {name: k}}", []string{"a.yaml", plainSecret("db")}, []string{"cannot tell: Kustomization flux-system/app", "kubeConfig that cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := c.spec
			if strings.HasPrefix(spec, "sourceRef") {
				spec = "path: ./"
			}
			s := flux(t, spec, packed(t, c.files...))
			if spec != c.spec {
				s = flux(t, "path: ./}, status: {x: y}}\n- {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: b, namespace: flux-system}, spec: {"+c.spec, packed(t, c.files...))
			}
			text := told(t, s, "web")
			rest := text
			for _, want := range c.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("no %q in\n%s", want, text)
				}
				rest = after
			}
			if len(c.want) == 0 && text != "" {
				t.Errorf("it says\n%s", text)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "leakgate-artifact-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestAnArtifactIsTheOneOfItsDigestOrNone(t *testing.T) {
	good := packed(t, "a.yaml", plainSecret("db"))
	for name, change := range map[string]func(*Survey){
		"another":     func(s *Survey) { s.Artifacts = answering(packed(t, "a.yaml", neighbour), nil) },
		"cut off":     func(s *Survey) { s.Artifacts = answering(good[:len(good)-9], nil) },
		"too large":   func(s *Survey) { s.Artifacts = answering(make([]byte, artifactSize+1), nil) },
		"unreachable": func(s *Survey) { s.Artifacts = answering(nil, errors.New("its server does not answer")) },
		"not built":   func(s *Survey) { s.Kustomize = nil },
		"not fetched": func(s *Survey) { s.Artifacts = nil },
	} {
		s := flux(t, "path: ./", good)
		change(&s)
		if text := told(t, s, ""); !strings.HasPrefix(text, "cannot tell: Kustomization flux-system/app: ") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func answering(text []byte, err error) func(context.Context, string) (io.ReadCloser, error) {
	return func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), err }
}

func TestNothingIsUnpackedOutsideAndNoBomb(t *testing.T) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	all := tar.NewWriter(zip)
	for _, h := range []*tar.Header{
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, {Name: "dir", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "dir/hard", Typeflag: tar.TypeLink, Linkname: "/etc/hostname"},
	} {
		if err := all.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(all.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := unpack(out.Bytes(), folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "dir/hard"} {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	for name, files := range map[string][]string{
		"absolute": {"/etc/x", "x"}, "above": {"a/../../x", "x"}, "bomb": {"x", strings.Repeat("x", artifactUnzip+1)},
	} {
		if err := unpack(packed(t, files...), t.TempDir()); err == nil {
			t.Errorf("%s is unpacked", name)
		}
	}
}

// stored is a release as Helm keeps it, base64 of the API server included.
func stored(t *testing.T, manifest string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"name": "web", "manifest": manifest, "config": map[string]any{"password": canary}, "hooks": []any{map[string]any{"manifest": neighbour}}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(out.Bytes())))
}

func TestWhatAReleaseWouldWriteIsTakenFromTheLastOne(t *testing.T) {
	release := func(manifest string) string {
		return "- {apiVersion: v1, kind: Secret, metadata: {name: sh.helm.release.v1.web.v1, namespace: web, labels: {owner: helm, name: web, version: '1'}}, type: helm.sh/release.v1, data: {release: " + stored(t, manifest) + "}}\n"
	}
	object := func(more, status string) string {
		return "- {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: web, namespace: web, generation: 3}, spec: {interval: 1h" + more + "}, status: {" + status + "}}\n"
	}
	const ready = "observedGeneration: 3, conditions: [{type: Ready, status: 'True'}]"
	manifests := "---\n# Source: web\n" + strings.ReplaceAll(plainSecret("db"), ", namespace: web", "") + "---\n" + neighbour
	for name, c := range map[string]struct{ world, want string }{
		"a Secret":           {object("", ready) + release(manifests), `HelmRelease web/web: web/db: writer-claim`},
		"values of a Secret": {object(", valuesFrom: [{kind: Secret, name: v}]", ready) + release(manifests), ""},
		"none":               {object("", ready) + release("---\n"+neighbour), ""},
		"changed":            {object("", "observedGeneration: 2") + release(manifests), "cannot tell: HelmRelease web/web: it changed since"},
		"not ready":          {object("", "observedGeneration: 3") + release(manifests), "cannot tell: HelmRelease web/web: it is not ready"},
		"never released":     {object("", ready), "cannot tell: HelmRelease web/web: Helm stores no release web"},
		"broken":             {object("", ready) + strings.Replace(release(manifests), "release: ", "release: eHh4", 1), "cannot tell: HelmRelease web/web: the stored release web"},
	} {
		s := surveyOf(t, accounts+c.world)
		lines := strings.Split(told(t, s, "web"), "\n")
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "sh.helm.release") }) // who wrote it is not the point
		if text := strings.Join(lines, "\n"); !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestWhatAnApplicationWouldWriteIsTakenFromItsStatus(t *testing.T) {
	object := func(source, compared, resources string) string {
		return "- {apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web, namespace: argocd}, spec: {destination: {server: 'https://kubernetes.default.svc'}, source: {" + source +
			"}}, status: {sync: {status: OutOfSync, comparedTo: {source: {" + compared + "}}}, resources: [" + resources + "]}}\n"
	}
	const secret = "{version: v1, kind: Secret, namespace: web, name: db, status: OutOfSync}"
	for name, c := range map[string]struct{ world, want string }{
		"a Secret":       {object("path: a", "path: a", secret), "Application argocd/web: web/db: writer-claim"},
		"by a plugin":    {object("path: a, plugin: {name: avp}", "path: a, plugin: {name: avp}", secret), ""},
		"there already":  {object("path: a", "path: a", strings.Replace(secret, "db", "there", 1)), ""},
		"changed":        {object("path: b", "path: a", secret), "cannot tell: Application argocd/web: Argo CD has not compared"},
		"a SealedSecret": {object("path: a", "path: a", "{group: bitnami.com, version: v1alpha1, kind: SealedSecret, namespace: web, name: s, status: OutOfSync}"), "cannot tell: Application argocd/web: what it would write as SealedSecret web/s"},
		"synced":         {object("path: a", "path: a", "{group: bitnami.com, version: v1alpha1, kind: SealedSecret, namespace: web, name: s, status: Synced}"), ""},
		"abroad":         {strings.Replace(object("path: a", "path: a", secret), "kubernetes.default.svc", "other.example", 1), "cannot tell: Application argocd/web: it writes to other.example:443, and whether that is this cluster"},
	} {
		s := surveyOf(t, accounts+c.world)
		s.Polices = func(group string) bool { return group == "bitnami.com" }
		p := s.Policy
		p.Writers = append(slices.Clone(p.Writers), argo(t)...)
		s.Policy = p
		if text := told(t, s, "web"); !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func argo(t *testing.T) []gate.Writer {
	t.Helper()
	p, err := gate.ParsePolicy("p.yaml", []byte("version: 1\nkubernetes: {presets: {argocd: {}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p.Kubernetes.Writers
}
