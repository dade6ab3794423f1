package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/admission/seen"
)

// ClusterLedger is a ConfigMap, which the installation makes. Its client is one of
// a configuration that [Hear] was given.
type ClusterLedger struct {
	Client          dynamic.Interface
	Namespace, Name string
}

var configMapsResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// An API server is made to show that it asks: we write the ConfigMap as a dry run
// with a random word in it, whichever replica is asked repeats the word in a
// warning, and the API server hands that to who wrote, which is us. Reviews alone
// show nothing, as anybody who reaches the port can send one.
const challenge = "leakgate.github.io/asked"

const echoed = "leakgate asked: "

var wordPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Echo is the warning that answers a challenge, "" to any other review.
func (l ClusterLedger) Echo(r admission.Review) string {
	if r.Kind != (admission.Kind{Kind: "ConfigMap"}) || r.Namespace != l.Namespace || r.Name != l.Name || !r.DryRun {
		return ""
	}
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(r.Object, &o); err != nil || !wordPattern.MatchString(o.Annotations[challenge]) {
		return ""
	}
	return echoed + o.Annotations[challenge]
}

// Asked challenges the API server.
func (l ClusterLedger) Asked(ctx context.Context) (bool, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return false, fmt.Errorf("make a random word: %w", err)
	}
	word := hex.EncodeToString(raw)
	client := l.Client.Resource(configMapsResource).Namespace(l.Namespace)
	o, err := l.get(ctx)
	if err != nil {
		return false, err
	}
	notes := o.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[challenge] = word
	o.SetAnnotations(notes)
	o.SetResourceVersion("") // another replica may write meanwhile
	ear := &ear{want: echoed + word}
	_, err = client.Update(context.WithValue(ctx, earKey{}, ear), o, metav1.UpdateOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}})
	return err == nil && ear.heard.Load(), err
}

// ear listens for one warning in the answers to requests of one context.
type ear struct {
	want  string
	heard atomic.Bool
}

type earKey struct{}

// Hear makes clients of a configuration hear what an API server warns of. Other
// warnings are left out: they are about what others do.
func Hear(c *rest.Config) { c.WarningHandlerWithContext = ears{} }

type ears struct{}

// HandleWarningHeaderWithContext is called for every warning of an answer.
func (ears) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if ear, is := ctx.Value(earKey{}).(*ear); is && code == 299 && text == ear.want {
		ear.heard.Store(true)
	}
}

func (l ClusterLedger) get(ctx context.Context) (*unstructured.Unstructured, error) {
	o, err := l.Client.Resource(configMapsResource).Namespace(l.Namespace).Get(ctx, l.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("the ConfigMap %s/%s does not exist; the installation makes it", l.Namespace, l.Name)
	}
	return o, err
}

// Load reads the ConfigMap.
func (l ClusterLedger) Load(ctx context.Context) (e Entries, version string, err error) {
	o, err := l.get(ctx)
	if err != nil {
		return e, "", err
	}
	// What is no text begins anew.
	e.Spans, _, _ = unstructured.NestedString(o.Object, "data", seen.Field)
	e.Refusals, _, _ = unstructured.NestedString(o.Object, "data", seen.RefusalField)
	return e, o.GetResourceVersion(), nil
}

// Save replaces the entries of the ConfigMap as it was read.
func (l ClusterLedger) Save(ctx context.Context, e Entries, version string) error {
	o, err := l.get(ctx)
	if err != nil {
		return err
	}
	o.Object["data"] = map[string]any{seen.Field: e.Spans, seen.RefusalField: e.Refusals}
	o.SetResourceVersion(version)
	_, err = l.Client.Resource(configMapsResource).Namespace(l.Namespace).Update(ctx, o, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsConflict(err) {
		return ErrConflict
	}
	return err
}
