package install

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission/seen"
)

// Seen is what the replicas of an installation wrote down: the times in which API
// servers asked, and what was refused.
func (c Cluster) Seen(ctx context.Context, namespace string) (seen.Spans, seen.Refusals, error) {
	live, err := c.get(ctx, (Options{Namespace: namespace}).seenMap())
	if err != nil {
		return nil, nil, err
	}
	if live == nil {
		return nil, nil, fmt.Errorf("there is no ConfigMap %s in the namespace %s, so nothing was audited; leakgate-admission install makes it", SeenMap, namespace)
	}
	var texts [2]string
	for i, field := range []string{seen.Field, seen.RefusalField} {
		if texts[i], _, err = unstructured.NestedString(live.Object, "data", field); err != nil {
			return nil, nil, fmt.Errorf("the ConfigMap %s does not say when the webhook was asked", SeenMap)
		}
	}
	spans, err := seen.Parse(texts[0])
	if err != nil {
		return nil, nil, fmt.Errorf("read the ConfigMap %s: %w", SeenMap, err)
	}
	refusals, err := seen.ParseRefusals(texts[1])
	if err != nil {
		return nil, nil, fmt.Errorf("read the ConfigMap %s: %w", SeenMap, err)
	}
	return spans, refusals, nil
}

// Born is when a namespace was made, zero if there is none. API servers set it, and
// nobody else.
func (c Cluster) Born(ctx context.Context, namespace string) (time.Time, error) {
	live, err := c.get(ctx, object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": namespace}})
	if err != nil || live == nil {
		return time.Time{}, err
	}
	return live.GetCreationTimestamp().Time, nil
}
