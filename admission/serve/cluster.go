package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"
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
	asking singleflight.Group
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
// there: that there is none is asked again. Who asks for the same at the same
// time waits for one answer: else a hundred writers at once would ask a hundred
// times as soon as what is kept grows too old.
func (c *Cluster) Find(ctx context.Context, kind admission.Kind, namespace, name string, wanted func(admission.Object) bool) (admission.Object, error) {
	k := key{kind, namespace, name}
	if found := first(c.cache.get(k), wanted); found != nil {
		return found, nil
	}
	resource, err := c.resource(kind, namespace)
	if err != nil || resource == nil {
		return nil, err
	}
	objects, joined, err := c.ask(ctx, resource, k)
	if found := first(objects, wanted); found != nil || !joined || ctx.Err() != nil {
		return found, err
	}
	// That question was there before this one. The next was not, whoever asks it.
	objects, _, err = c.ask(ctx, resource, k)
	return first(objects, wanted), err
}

func first(objects []admission.Object, wanted func(admission.Object) bool) admission.Object {
	if i := slices.IndexFunc(objects, wanted); i >= 0 {
		return objects[i]
	}
	return nil
}

// askTime is how long a question may take for whom it is asked on behalf of
// several: longer than any of them waits.
const askTime = 10 * time.Second

// ask asks the API server, or waits for the answer to who asks already.
func (c *Cluster) ask(ctx context.Context, r dynamic.ResourceInterface, k key) (objects []admission.Object, joined bool, err error) {
	asked := false
	answer := c.asking.DoChan(fmt.Sprintf("%s %q %q", k.kind, k.namespace, k.name), func() (found any, err error) {
		asked = true
		defer func() {
			if recover() != nil {
				err = errors.New("an answer of the API server could not be read")
			}
		}()
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer stop()
		if k.name != "" {
			return c.one(ctx, r, k)
		}
		return c.all(ctx, r, k)
	})
	select {
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case a := <-answer:
		objects, _ = a.Val.([]admission.Object)
		return objects, !asked, a.Err
	}
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

func (c *Cluster) one(ctx context.Context, r dynamic.ResourceInterface, k key) ([]admission.Object, error) {
	found, err := r.Get(ctx, k.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		c.cache.put(k, nil, 0)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get %s: %w", k.kind, err)
	}
	o, size := slim(found)
	c.cache.put(k, []admission.Object{o}, size)
	return []admission.Object{o}, nil
}

// all are those of every page.
func (c *Cluster) all(ctx context.Context, r dynamic.ResourceInterface, k key) (all []admission.Object, err error) {
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
			o, size := slim(&page.Items[i])
			all, total = append(all, o), total+size
		}
		if len(all) > maxListed || total > maxListSize {
			return nil, errors.New("too many objects of " + k.kind.String() + " in one namespace")
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	c.cache.put(k, all, total)
	return all, nil
}

// slim leaves out what no claim reads and tells how large the rest is.
func slim(u *unstructured.Unstructured) (admission.Object, int) {
	u.SetManagedFields(nil)
	return u.Object, size(u.Object)
}

// size is about that of a value as JSON. To write it down to know would take
// longer than all else that is done with it.
func size(v any) int {
	const rest = 8 // quotes, commas, numbers
	switch v := v.(type) {
	case string:
		return len(v) + rest
	case []any:
		total := rest
		for _, item := range v {
			total += size(item)
		}
		return total
	case map[string]any:
		total := rest
		for key, item := range v {
			total += len(key) + rest + size(item)
		}
		return total
	}
	return rest
}
