// Package survey looks at a cluster as it is: who may write and read Secrets,
// who wrote those that exist, and what a policy would stop. It runs with the
// rights of whoever asks, keeps no value, and changes nothing.
package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Survey is a look at one cluster by one policy.
type Survey struct {
	Client  dynamic.Interface
	Mapper  meta.RESTMapper
	Cluster admission.Cluster // to resolve claims
	Policy  gate.Kubernetes
	Now     time.Time
	// Polices reports whether the webhook is asked about kinds of a group.
	Polices func(group string) bool
	// Artifacts fetches what a source of Flux stored. It goes nowhere but to
	// hosts that are allowed.
	Artifacts func(ctx context.Context, url string) (io.ReadCloser, error)
	// Kustomize builds the kustomization in a folder, of which all is there.
	Kustomize func(ctx context.Context, dir string) ([]byte, error)
	// Helm renders a chart. nil renders none.
	Helm func(ctx context.Context, c Chart) ([]byte, error)
	// Known says by which rule a value is a known credential, or "". nil: none is.
	Known func(value string) (rule string)
	// Server is the address by which the cluster is asked. OtherClusters are addresses
	// of which somebody says that they are another cluster's.
	Server        string
	OtherClusters []string
	// Own is the Secret of our own authority, which no policy names: it is
	// passed over.
	Own struct{ Namespace, Name string }
}

// pageSize keeps what is held of Secrets at once small.
const pageSize = 100

// each visits every object of a kind, page by page; namespace "" is all of them.
// A kind that the cluster does not have has no objects.
func (s Survey) each(ctx context.Context, group, kind, namespace string, visit func(*unstructured.Unstructured) error) error {
	mapping, err := s.Mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind})
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find %s: %w", kind, err)
	}
	var client dynamic.ResourceInterface = s.Client.Resource(mapping.Resource)
	if namespace != "" {
		client = s.Client.Resource(mapping.Resource).Namespace(namespace)
	}
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := client.List(ctx, options)
		if apierrors.IsResourceExpired(err) {
			return fmt.Errorf("list %s: the list grew too old between two pages; try again", kind)
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", kind, err)
		}
		for i := range page.Items {
			if err := visit(&page.Items[i]); err != nil {
				return err
			}
			page.Items[i].Object = nil // nothing of it is kept
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// secrets visits every Secret; it is gone when visit returns.
func (s Survey) secrets(ctx context.Context, namespace string, visit func(manifest.LiveSecret, *unstructured.Unstructured) error) error {
	return s.each(ctx, "", "Secret", namespace, func(u *unstructured.Unstructured) error {
		u.SetAPIVersion("v1") // items of a list do not say it
		u.SetKind("Secret")
		raw, err := json.Marshal(u.Object)
		if err != nil {
			return fmt.Errorf("read the Secret %s/%s", u.GetNamespace(), u.GetName())
		}
		secret, err := manifest.ReadLiveSecret(raw)
		if err != nil {
			return fmt.Errorf("read the Secret %s/%s: %w", u.GetNamespace(), u.GetName(), err)
		}
		if secret.Namespace == s.Own.Namespace && secret.Name == s.Own.Name {
			return nil
		}
		return visit(secret, u)
	})
}

// texts are the texts under a key of each item of a list.
func texts(u map[string]any, path ...string) []string {
	out, _, _ := unstructured.NestedStringSlice(u, path...)
	return out
}

func mappings(u map[string]any, path ...string) (out []map[string]any) {
	list, _, _ := unstructured.NestedSlice(u, path...)
	for _, item := range list {
		if m, is := item.(map[string]any); is {
			out = append(out, m)
		}
	}
	return out
}

func word(u map[string]any, path ...string) string {
	out, _, _ := unstructured.NestedString(u, path...)
	return out
}
