package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

var (
	secretsResource  = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	webhooksResource = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
)

// ClusterKeeper keeps the authority in a Secret of the cluster. The Secret is
// made by the installation, so that no right to create Secrets is needed.
type ClusterKeeper struct {
	Client    dynamic.Interface
	Namespace string
	Secret    string
	Webhook   string // name of the ValidatingWebhookConfiguration
}

// Load reads the Secret.
func (k ClusterKeeper) Load(ctx context.Context) (map[string][]byte, string, error) {
	o, err := k.Client.Resource(secretsResource).Namespace(k.Namespace).Get(ctx, k.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, "", fmt.Errorf("the Secret %s/%s does not exist; the installation makes it, empty", k.Namespace, k.Secret)
	}
	if err != nil {
		return nil, "", err
	}
	texts, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil {
		return nil, "", errors.New("the Secret of the authority has no data that can be read")
	}
	data := map[string][]byte{}
	for name, text := range texts {
		if data[name], err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, "", errors.New("the Secret of the authority has no data that can be read")
		}
	}
	return data, o.GetResourceVersion(), nil
}

// Save replaces the data of the Secret as it was read.
func (k ClusterKeeper) Save(ctx context.Context, data map[string][]byte, version string) error {
	client := k.Client.Resource(secretsResource).Namespace(k.Namespace)
	o, err := client.Get(ctx, k.Secret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	texts := map[string]any{}
	for name, value := range data {
		texts[name] = base64.StdEncoding.EncodeToString(value)
	}
	o.Object["data"] = texts
	o.SetResourceVersion(version)
	_, err = client.Update(ctx, o, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsConflict(err) {
		return ErrConflict
	}
	return err
}

const fieldManager = "leakgate-admission"

// webhook is one entry of a configuration.
type webhook struct {
	Name         string `json:"name"`
	ClientConfig struct {
		CABundle []byte `json:"caBundle"`
	} `json:"clientConfig"`
}

// Publish patches every entry that has another bundle. Each patch tests the name
// of its entry, so one that moved meanwhile fails and is tried again.
func (k ClusterKeeper) Publish(ctx context.Context, bundle []byte) (bool, error) {
	client := k.Client.Resource(webhooksResource)
	o, err := client.Get(ctx, k.Webhook, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	entries, err := webhooksOf(o)
	if err != nil {
		return false, err
	}
	var patch []map[string]any
	for i, e := range entries {
		if !bytes.Equal(e.ClientConfig.CABundle, bundle) {
			at := fmt.Sprintf("/webhooks/%d/", i)
			patch = append(patch, map[string]any{"op": "test", "path": at + "name", "value": e.Name},
				map[string]any{"op": "add", "path": at + "clientConfig/caBundle", "value": bundle})
		}
	}
	if len(patch) == 0 {
		return len(entries) > 0, nil
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return false, err
	}
	_, err = client.Patch(ctx, k.Webhook, types.JSONPatchType, raw, metav1.PatchOptions{FieldManager: fieldManager})
	return err == nil, err
}

func webhooksOf(o *unstructured.Unstructured) ([]webhook, error) {
	raw, err := json.Marshal(o.Object["webhooks"])
	if err != nil {
		return nil, err
	}
	var entries []webhook
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("read the webhook configuration: %w", err)
	}
	return entries, nil
}

// Present asks whether our webhook configuration is there.
func (k ClusterKeeper) Present(ctx context.Context) (bool, error) {
	_, err := k.Client.Resource(webhooksResource).Get(ctx, k.Webhook, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
