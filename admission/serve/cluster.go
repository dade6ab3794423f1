package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/leakgate/leakgate/admission"
)

// Cluster answers the questions of decisions from an API server, by way of a
// bounded cache. It watches nothing.
type Cluster struct {
	client dynamic.Interface
	mapper meta.RESTMapper
	cache  *cache
}

// NewCluster asks through a client; mapper knows which resource a kind is.
func NewCluster(client dynamic.Interface, mapper meta.RESTMapper, now func() time.Time) *Cluster {
	return &Cluster{client: client, mapper: mapper, cache: newCache(now)}
}

// Limits on one list, far above what one namespace holds.
const (
	pageSize    = 500
	maxListed   = 20_000
	maxListSize = 64 << 20
)

// Find looks into the cache first. Only an object that is wanted is taken from
// there: that there is none is asked again.
func (c *Cluster) Find(ctx context.Context, kind admission.Kind, namespace, name string, wanted func(admission.Object) bool) (admission.Object, error) {
	k := key{kind, namespace, name}
	for _, o := range c.cache.get(k) {
		if wanted(o) {
			return o, nil
		}
	}
	resource, err := c.resource(kind, namespace)
	if err != nil || resource == nil {
		return nil, err
	}
	if name != "" {
		return c.one(ctx, resource, k, wanted)
	}
	return c.each(ctx, resource, k, wanted)
}

// resource is where objects of a kind are; nil where the cluster has no such kind.
func (c *Cluster) resource(kind admission.Kind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(schema.GroupKind{Group: kind.Group, Kind: kind.Kind})
	switch {
	case meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find the resource of %s: %w", kind, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.client.Resource(mapping.Resource), nil
	}
	return c.client.Resource(mapping.Resource).Namespace(namespace), nil
}

func (c *Cluster) one(ctx context.Context, r dynamic.ResourceInterface, k key, wanted func(admission.Object) bool) (admission.Object, error) {
	found, err := r.Get(ctx, k.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		c.cache.put(k, nil, 0)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get %s: %w", k.kind, err)
	}
	o, size, err := slim(found)
	if err != nil {
		return nil, err
	}
	c.cache.put(k, []admission.Object{o}, size)
	if wanted(o) {
		return o, nil
	}
	return nil, nil
}

// each looks at every page until something is wanted.
func (c *Cluster) each(ctx context.Context, r dynamic.ResourceInterface, k key, wanted func(admission.Object) bool) (admission.Object, error) {
	var all []admission.Object
	var found admission.Object
	total := 0
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := r.List(ctx, options)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", k.kind, err)
		}
		for i := range page.Items {
			o, size, err := slim(&page.Items[i])
			if err != nil {
				return nil, err
			}
			all, total = append(all, o), total+size
			if found == nil && wanted(o) {
				found = o
			}
		}
		if len(all) > maxListed || total > maxListSize {
			return nil, errors.New("too many objects of " + k.kind.String() + " in one namespace")
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	c.cache.put(k, all, total)
	return found, nil
}

// slim leaves out what no claim reads and tells how large the rest is.
func slim(u *unstructured.Unstructured) (admission.Object, int, error) {
	u.SetManagedFields(nil)
	raw, err := json.Marshal(u.Object)
	if err != nil {
		return nil, 0, errors.New("an object of the API server is no JSON")
	}
	return u.Object, len(raw), nil
}
