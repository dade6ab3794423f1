package survey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/internal/render/local"
)

const fluxGroup = "kustomize.toolkit.fluxcd.io"

// kustomization builds what a Kustomization of Flux builds from the artifact of
// its source. What sops encrypts is not decrypted: that it will be is enough to
// know what the webhook says.
// https://fluxcd.io/flux/components/kustomize/kustomizations/
func (s Survey) kustomization(ctx context.Context, u *unstructured.Unstructured) (plan, error) {
	user, why, err := s.fluxUser(ctx, u)
	if err != nil || why != "" {
		return unsure("", why), err
	}
	source, err := s.source(ctx, u)
	var objects []*unstructured.Unstructured
	if err == nil {
		objects, err = s.built(ctx, u, source)
	}
	var reason errUnknown
	if errors.As(err, &reason) {
		return unsure("", reason.Error()), nil
	}
	if err != nil {
		return plan{}, err
	}
	p := plan{user: user, filled: word(u.Object, "spec", "decryption", "provider") == "sops"}
	_, substitutes, _ := unstructured.NestedMap(u.Object, "spec", "postBuild")
	p.filled = p.filled || substitutes
	for _, o := range objects {
		if _, sops := o.Object["sops"]; sops {
			if !p.filled {
				continue // Flux refuses it itself, or writes ciphertext
			}
			if rule := s.unsound(o); rule != "" {
				p.why = "the SOPS document of " + title(o) + " breaks the rule " + rule + ", so what is decrypted is not known"
			}
		}
		if o.GetNamespace() == "" {
			o.SetNamespace("default")
		}
		mark(o, map[string]string{fluxGroup + "/name": u.GetName(), fluxGroup + "/namespace": u.GetNamespace()})
		p.objects = append(p.objects, o)
	}
	return p, nil
}

// unsound is the rule that a SOPS document breaks by its form, "" if it breaks none:
// nothing is decrypted here.
func (s Survey) unsound(o *unstructured.Unstructured) string {
	raw, err := json.Marshal(o.Object)
	if err != nil {
		return manifest.RuleSOPSMetadata
	}
	docs, err := manifest.Parse("object", raw)
	if err != nil {
		return manifest.RuleSOPSMetadata
	}
	for _, f := range (manifest.Checker{Formats: s.Policy.Formats, Now: s.Now}).Faults(docs) {
		if f.Deny && slices.Contains([]string{manifest.RuleSOPSLeaf, manifest.RuleSOPSValue, manifest.RuleSOPSMetadata, manifest.RuleSOPSNoMAC}, f.Rule) {
			return f.Rule
		}
	}
	return ""
}

// fluxUser is who writes for a Kustomization: the account that it impersonates, or
// the controller itself.
func (s Survey) fluxUser(ctx context.Context, u *unstructured.Unstructured) (admission.User, string, error) {
	user, arguments, err := s.account(ctx, "kustomize-controller", gate.ByFlux)
	if err != nil {
		return user, "", err
	}
	account := word(u.Object, "spec", "serviceAccountName")
	if account == "" {
		account = defaultAccount(arguments)
	}
	switch {
	case account != "":
		return admission.User{Name: gate.ServiceAccountUser(u.GetNamespace() + "/" + account)}, "", nil
	case user.Name == "":
		return user, "no kustomize-controller is seen, nor an account of it that the policy names", nil
	}
	return user, "", nil
}

// defaultAccount is what a controller impersonates where it is not told whom.
// https://fluxcd.io/flux/installation/configuration/multitenancy/
func defaultAccount(arguments []string) (name string) {
	for _, a := range arguments {
		if given, is := strings.CutPrefix(a, "--default-service-account="); is {
			name = given
		}
	}
	return name
}

// source is the object that a Kustomization takes its files from.
func (s Survey) source(ctx context.Context, u *unstructured.Unstructured) (found *unstructured.Unstructured, err error) {
	kind, name, namespace := word(u.Object, "spec", "sourceRef", "kind"), word(u.Object, "spec", "sourceRef", "name"), word(u.Object, "spec", "sourceRef", "namespace")
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	o, err := s.Cluster.Find(ctx, admission.Kind{Group: "source.toolkit.fluxcd.io", Kind: kind}, namespace, name, func(admission.Object) bool { return true })
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, unknown("its source, the %s %s/%s, is not there", kind, namespace, name)
	}
	return &unstructured.Unstructured{Object: o}, nil
}

// built renders the artifact.
func (s Survey) built(ctx context.Context, u, source *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	folder, err := s.artifact(ctx, source)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Clean("./" + filepath.FromSlash(word(u.Object, "spec", "path")))
	if !filepath.IsLocal(path) {
		return nil, unknown("its path %q lies outside of its source", word(u.Object, "spec", "path"))
	}
	base := filepath.Join(folder, filesFolder, path)
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		return nil, unknown("its source has no folder %q", path)
	}
	if err := generate(base); err != nil {
		return nil, err
	}
	over, err := overlay(u, folder, filepath.Join(filesFolder, path))
	if err != nil {
		return nil, err
	}
	if s.Kustomize == nil {
		return nil, unknown("there is no program that builds kustomizations: kustomize, or kubectl")
	}
	if err := local.Check(over); err != nil {
		return nil, unknown("%w", err)
	}
	text, err := s.Kustomize(ctx, over)
	if err != nil {
		return nil, unknown("%w", err)
	}
	return objectsOf(text)
}

// generate writes a kustomization where there is none, of all manifests below, as
// Flux does.
func generate(folder string) error {
	if kustomized(folder) {
		return nil
	}
	resources := []string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		name, err := filepath.Rel(folder, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && kustomized(path):
			resources = append(resources, name)
			return fs.SkipDir
		case !d.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)):
			resources = append(resources, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeKustomization(folder, map[string]any{"resources": resources})
}

func kustomized(folder string) bool {
	return slices.ContainsFunc(local.Names, func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	})
}

// overlay is a kustomization over the path with what the Kustomization itself asks
// for. It is beside the files, as a kustomization reads nothing above itself but
// other kustomizations.
func overlay(u *unstructured.Unstructured, folder, path string) (string, error) {
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	for _, old := range []string{"patchesStrategicMerge", "patchesJson6902"} {
		if spec[old] != nil {
			return "", unknown("it uses %s, which is not built here", old)
		}
	}
	k := map[string]any{"resources": []string{filepath.Join("..", path)}}
	for from, to := range map[string]string{"targetNamespace": "namespace", "namePrefix": "namePrefix", "nameSuffix": "nameSuffix", "patches": "patches", "images": "images"} {
		if spec[from] != nil {
			k[to] = spec[from]
		}
	}
	if annotations, _, _ := unstructured.NestedMap(spec, "commonMetadata", "annotations"); annotations != nil {
		k["commonAnnotations"] = annotations
	}
	components := []string{}
	for _, c := range texts(spec, "components") {
		components = append(components, filepath.Join("..", path, filepath.FromSlash(c)))
	}
	if len(components) > 0 {
		k["components"] = components
	}
	over, err := os.MkdirTemp(folder, "overlay-")
	if err != nil {
		return "", err
	}
	return over, writeKustomization(over, k)
}

func writeKustomization(folder string, k map[string]any) error {
	text, err := yaml.Marshal(k)
	if err != nil {
		return unknown("its settings cannot be written as a kustomization")
	}
	return os.WriteFile(filepath.Join(folder, local.Names[0]), text, 0o600)
}

// objectsOf are the objects of a stream, those of lists among them.
func objectsOf(text []byte) (out []*unstructured.Unstructured, err error) {
	for i, one := range strings.Split("\n"+string(text), "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(one), &o); err != nil {
			return nil, unknown("document %d of what it renders to cannot be read", i+1)
		}
		if len(o) == 0 {
			continue
		}
		items, isList := o["items"].([]any)
		if kind, _ := o["kind"].(string); !isList || !strings.HasSuffix(kind, "List") {
			items = []any{o}
		}
		for _, item := range items {
			o, is := item.(map[string]any)
			u := &unstructured.Unstructured{Object: o}
			if !is || u.GetKind() == "" || u.GetAPIVersion() == "" {
				return nil, unknown("document %d of what it renders to is no object", i+1)
			}
			out = append(out, u)
		}
	}
	return out, nil
}

// title names an object of a plan.
func title(u *unstructured.Unstructured) string {
	name := u.GetNamespace() + "/" + u.GetName()
	if u.GetKind() == "Secret" && u.GroupVersionKind().Group == "" {
		return name
	}
	return fmt.Sprintf("%s %s", u.GetKind(), name)
}
