package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Cluster is an API server to install into.
type Cluster struct {
	Client dynamic.Interface
	Mapper meta.RESTMapper
}

const fieldManager = "leakgate-admission-install"

// Apply makes every object as the options say, by server-side apply, and tells
// each. dry asks the API server without changing anything.
func (c Cluster) Apply(ctx context.Context, o Options, dry bool, tell func(string)) error {
	return c.applyAll(ctx, Objects(o), dry, tell)
}

func (c Cluster) applyAll(ctx context.Context, objects []object, dry bool, tell func(string)) error {
	for _, obj := range objects {
		r, title, err := c.resource(obj)
		if err != nil {
			return err
		}
		apply := c.apply
		if obj["kind"] == "ValidatingWebhookConfiguration" {
			apply = c.replace
		}
		err = apply(ctx, r, obj, dry)
		switch {
		case dry && apierrors.IsNotFound(err): // its namespace is not there yet
			tell(title + " would be made")
		case err != nil:
			return fmt.Errorf("apply %s: %w", title, err)
		case dry:
			tell(title + " would be applied")
		default:
			tell(title + " applied")
		}
	}
	return nil
}

func dryRun(dry bool) []string {
	if dry {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func (c Cluster) apply(ctx context.Context, r dynamic.ResourceInterface, obj object, dry bool) error {
	raw, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	force := true
	_, err = r.Patch(ctx, nameOf(obj), types.ApplyPatchType, raw, metav1.PatchOptions{FieldManager: fieldManager, Force: &force, DryRun: dryRun(dry)})
	return err
}

// replace writes the webhook configuration as a whole and carries the bundle
// over, which replicas or cert-manager own: an entry that is no longer wanted
// could not go by server-side apply while somebody else owns a field of it.
func (c Cluster) replace(ctx context.Context, r dynamic.ResourceInterface, obj object, dry bool) error {
	wanted, err := unstructuredOf(obj)
	if err != nil {
		return err
	}
	live, err := r.Get(ctx, nameOf(obj), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = r.Create(ctx, wanted, metav1.CreateOptions{FieldManager: fieldManager, DryRun: dryRun(dry)})
		return err
	}
	if err != nil {
		return err
	}
	keepBundle(wanted, bundleOf(live))
	wanted.SetResourceVersion(live.GetResourceVersion())
	wanted.SetCreationTimestamp(live.GetCreationTimestamp())
	_, err = r.Update(ctx, wanted, metav1.UpdateOptions{FieldManager: fieldManager, DryRun: dryRun(dry)})
	return err
}

func unstructuredOf(obj object) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, u.UnmarshalJSON(raw)
}

// bundleOf is the bundle of the first entry that has one, in base64.
func bundleOf(u *unstructured.Unstructured) string {
	entries, _, _ := unstructured.NestedSlice(u.Object, "webhooks")
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if bundle, _, _ := unstructured.NestedString(entry, "clientConfig", "caBundle"); bundle != "" {
			return bundle
		}
	}
	return ""
}

func keepBundle(u *unstructured.Unstructured, bundle string) {
	entries, _ := u.Object["webhooks"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		client, _ := entry["clientConfig"].(map[string]any)
		if _, own := client["caBundle"]; client != nil && !own && bundle != "" {
			client["caBundle"] = bundle
		}
	}
}

// Remove deletes what refuses requests first. In an emergency it deletes nothing
// else, so that everything can be looked at afterwards.
func (c Cluster) Remove(ctx context.Context, o Options, emergency bool, tell func(string)) error {
	o.Registration.Enforces = true // the floor may be there, whatever the policy says now
	objects := Objects(o)
	slices.Reverse(objects)
	var failed []error
	for _, obj := range objects {
		if emergency && !refuses(obj) {
			continue
		}
		r, title, err := c.resource(obj)
		if err == nil {
			err = r.Delete(ctx, nameOf(obj), metav1.DeleteOptions{})
		}
		switch {
		case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
			tell(title + " is not there")
		case err != nil: // the others have to go all the same
			failed = append(failed, fmt.Errorf("delete %s: %w", title, err))
		default:
			tell(title + " deleted")
		}
	}
	return errors.Join(failed...)
}

// refuses reports whether an object can keep anybody from writing.
func refuses(obj object) bool {
	group := schema.FromAPIVersionAndKind(fmt.Sprint(obj["apiVersion"]), "").Group
	return group == "admissionregistration.k8s.io"
}

func nameOf(obj object) string {
	m, _ := obj["metadata"].(object)
	return fmt.Sprint(m["name"])
}

func (c Cluster) resource(obj object) (dynamic.ResourceInterface, string, error) {
	gvk := schema.FromAPIVersionAndKind(fmt.Sprint(obj["apiVersion"]), fmt.Sprint(obj["kind"]))
	title := gvk.Kind + " " + nameOf(obj)
	mapping, err := c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, title, fmt.Errorf("%s: %w", title, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.Client.Resource(mapping.Resource), title, nil
	}
	m, _ := obj["metadata"].(object)
	namespace := fmt.Sprint(m["namespace"])
	return c.Client.Resource(mapping.Resource).Namespace(namespace), title + " in " + namespace, nil
}

// get is one object of the cluster, nil where there is none.
func (c Cluster) get(ctx context.Context, obj object) (*unstructured.Unstructured, error) {
	r, title, err := c.resource(obj)
	if err != nil {
		return nil, err
	}
	live, err := r.Get(ctx, nameOf(obj), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", title, err)
	}
	return live, nil
}

// ApplyPolicy changes the policy of an installation and what follows from it:
// first the policy that replicas obey, then what API servers ask them.
func (c Cluster) ApplyPolicy(ctx context.Context, namespace, policy string, dry bool, tell func(string)) error {
	o, err := c.installed(ctx, namespace)
	if err != nil {
		return err
	}
	if o, err = o.WithPolicy(policy); err != nil {
		return err
	}
	wanted := []object{o.policyMap()}
	if o.Registration.Enforces {
		wanted = append(wanted, o.floorPolicy(), o.floorBinding())
	}
	return c.applyAll(ctx, append(wanted, o.webhook()), dry, tell)
}

// installed reads back in what an installation differs.
func (c Cluster) installed(ctx context.Context, namespace string) (Options, error) {
	o := Options{Namespace: namespace, Certificates: SelfManaged}
	live, err := c.get(ctx, o.webhook())
	if err != nil {
		return o, err
	}
	if live == nil {
		return o, errors.New("there is no webhook configuration; leakgate-admission install makes it")
	}
	if live.GetAnnotations()["cert-manager.io/inject-ca-from"] != "" {
		o.Certificates = CertManager
	}
	if deployment, err := c.get(ctx, o.deployment()); err != nil {
		return o, err
	} else if deployment != nil && mounts(deployment) {
		o.Certificates = Mounted
	}
	entries, err := entriesOf(live.Object["webhooks"])
	if err != nil {
		return o, err
	}
	o.others(entries)
	return o, nil
}

// mounts reports whether the replicas were told to take their certificate from
// files.
func mounts(deployment *unstructured.Unstructured) bool {
	containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		container, _ := c.(map[string]any)
		arguments, _, _ := unstructured.NestedStringSlice(container, "args")
		if i := slices.Index(arguments, "--certificates"); i >= 0 && i+1 < len(arguments) {
			return arguments[i+1] == Mounted
		}
	}
	return false
}
