package follow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Connect opens the cluster of a kubeconfig; "" is where kubectl looks.
func Connect(kubeconfig string) (Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	config.Timeout = 30 * time.Second
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return cluster{strings.TrimRight(base.String(), "/"), client}, nil
}

type cluster struct {
	url  string
	http *http.Client
}

// maxAnswer is the longest answer that is read, in bytes: a page of pods.
const maxAnswer = 64 << 20

func (c cluster) Get(ctx context.Context, path string) (map[string]any, error) {
	return c.do(ctx, http.MethodGet, path, nil)
}

func (c cluster) Merge(ctx context.Context, path string, patch any) (map[string]any, error) {
	return c.do(ctx, http.MethodPatch, path, patch)
}

// do makes one call. Its errors hold what the server says, which is no value:
// Kubernetes names objects in them.
func (c cluster) do(ctx context.Context, method, path string, body any) (map[string]any, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/merge-patch+json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return read(res.StatusCode, answer)
}

func read(status int, answer []byte) (map[string]any, error) {
	var object map[string]any
	err := json.Unmarshal(answer, &object)
	switch {
	case status == http.StatusNotFound:
		return nil, ErrNotFound
	case status >= 300:
		return nil, fmt.Errorf("the API server refuses: status %d %s", status, word(object["reason"]))
	case err != nil:
		return nil, fmt.Errorf("the API server's answer is no JSON object")
	}
	return object, nil
}
