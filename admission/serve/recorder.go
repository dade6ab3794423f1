package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/leakgate/leakgate/admission/seen"
)

// Ledger is where all replicas write down what they have seen.
type Ledger interface {
	Load(ctx context.Context) (text, version string, err error)
	// Save writes unless the version is no longer that one, which is ErrConflict.
	Save(ctx context.Context, text, version string) error
}

// RecordEvery is how often it is written down. The API server asks the webhook
// about it each time: so a cluster in which nobody writes a Secret for hours is
// told from one whose API server does not reach the webhook.
const RecordEvery = 10 * time.Minute

// Recorder writes down in which times this replica answered reviews. A time
// counts from a review to the next when no more than [seen.Quiet] is between.
type Recorder struct {
	ledger Ledger
	now    func() time.Time

	mu    sync.Mutex
	spans seen.Spans // of this replica, since its start
	last  seen.Span
}

// NewRecorder writes to a ledger.
func NewRecorder(ledger Ledger, now func() time.Time) *Recorder {
	return &Recorder{ledger: ledger, now: now}
}

// Answered is told of every review.
func (r *Recorder) Answered() {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last.To) > seen.Quiet || now.Before(r.last.To) {
		r.last.From = now
	}
	r.last.To = now
	if n := len(r.spans); n > 0 && r.spans[n-1].From.Equal(r.last.From) {
		r.spans[n-1] = r.last
		return
	}
	r.spans = r.spans.Add(r.last)
}

// Record adds what this replica has seen to what all have.
func (r *Recorder) Record(ctx context.Context) error {
	err := ErrConflict
	for i := 0; i < attempts && errors.Is(err, ErrConflict); i++ {
		err = r.record(ctx)
	}
	if err != nil {
		return fmt.Errorf("write down what was seen: %w", err)
	}
	return nil
}

func (r *Recorder) record(ctx context.Context) error {
	text, version, err := r.ledger.Load(ctx)
	if err != nil {
		return err
	}
	all, err := seen.Parse(text)
	if err != nil {
		all = nil // somebody wrote into it: it begins anew
	}
	r.mu.Lock()
	for _, span := range r.spans {
		all = all.Add(span)
	}
	r.mu.Unlock()
	return r.ledger.Save(ctx, all.String(), version)
}

// ClusterLedger is a ConfigMap, which the installation makes.
type ClusterLedger struct {
	Client          dynamic.Interface
	Namespace, Name string
}

var configMapsResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// Load reads the ConfigMap.
func (l ClusterLedger) Load(ctx context.Context) (text, version string, err error) {
	o, err := l.Client.Resource(configMapsResource).Namespace(l.Namespace).Get(ctx, l.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", "", fmt.Errorf("the ConfigMap %s/%s does not exist; the installation makes it", l.Namespace, l.Name)
	}
	if err != nil {
		return "", "", err
	}
	text, _, err = unstructured.NestedString(o.Object, "data", seen.Field)
	return text, o.GetResourceVersion(), err
}

// Save replaces the times of the ConfigMap as it was read.
func (l ClusterLedger) Save(ctx context.Context, text, version string) error {
	client := l.Client.Resource(configMapsResource).Namespace(l.Namespace)
	o, err := client.Get(ctx, l.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	o.Object["data"] = map[string]any{seen.Field: text}
	o.SetResourceVersion(version)
	_, err = client.Update(ctx, o, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsConflict(err) {
		return ErrConflict
	}
	return err
}
