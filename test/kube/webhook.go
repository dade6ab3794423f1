package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Review is the request that the API server asks a webhook about.
type Review struct {
	UID       string   `json:"uid"`
	Operation string   `json:"operation"`
	Name      string   `json:"name"`
	Namespace string   `json:"namespace"`
	Kind      Kind     `json:"kind"`
	UserInfo  UserInfo `json:"userInfo"`
	Object    Object   `json:"object"`
	OldObject Object   `json:"oldObject"`
	DryRun    bool     `json:"dryRun"`
	Options   Object   `json:"options"`

	Raw  json.RawMessage `json:"-"` // the whole AdmissionReview
	Path string          `json:"-"` // that it was sent to
}

// Kind of an object.
type Kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// UserInfo is who writes, as the API server authenticated it.
type UserInfo struct {
	Username string              `json:"username"`
	UID      string              `json:"uid"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra"`
}

// Webhook records every review and asks Judge for the answer.
type Webhook struct {
	URL string

	cluster *Cluster
	server  *http.Server
	judge   func(*Review) error
	mu      sync.Mutex
	reviews []*Review
}

// NewWebhook serves on a free port of the loopback until Close. The judge refuses
// with an error, which the user reads; a nil judge allows all.
func (c *Cluster) NewWebhook(judge func(*Review) error) (*Webhook, error) {
	pair, err := c.authority.pair(certificate("webhook", nil))
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Webhook{URL: "https://" + listener.Addr().String(), cluster: c, judge: judge}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	serve := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	go func() { _ = w.server.Serve(serve) }() // ends with Close
	return w, nil
}

// Close makes the webhook unreachable.
func (w *Webhook) Close() error { return w.server.Close() }

// ServeHTTP answers one AdmissionReview.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	var review struct{ Request *Review }
	if err := errors.Join(err, json.Unmarshal(body, &review)); err != nil || review.Request == nil {
		http.Error(rw, "not an AdmissionReview", http.StatusBadRequest)
		return
	}
	review.Request.Raw, review.Request.Path = body, r.URL.Path
	w.mu.Lock()
	w.reviews = append(w.reviews, review.Request)
	w.mu.Unlock()
	response := Object{"uid": review.Request.UID, "allowed": true}
	if w.judge != nil {
		if err := w.judge(review.Request); err != nil {
			response["allowed"], response["status"] = false, Object{"code": http.StatusForbidden, "message": err.Error()}
		}
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(Object{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

// Reviews gives those so far that the filter wants, in the order of their coming.
func (w *Webhook) Reviews(want func(*Review) bool) []*Review {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*Review
	for _, r := range w.reviews {
		if want(r) {
			found = append(found, r)
		}
	}
	return found
}

// Rule says what a webhook is asked about.
type Rule struct {
	Groups, Resources, Operations []string
}

// Registration of a webhook. It is asked about the namespaces that carry the label
// admit=NAME; one of that name is made.
type Registration struct {
	Name          string
	FailurePolicy string // Fail or Ignore
	Rules         []Rule
}

// Register tells the API server of the webhook and waits until it is asked: a new
// configuration takes a second or so to be seen.
func (w *Webhook) Register(ctx context.Context, r Registration) error {
	var rules []Object
	for _, rule := range r.Rules {
		rules = append(rules, Object{
			"apiGroups": rule.Groups, "apiVersions": []string{"*"},
			"resources": rule.Resources, "operations": rule.Operations, "scope": "Namespaced",
		})
	}
	_, err := w.cluster.Admin().Create(ctx, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", Object{
		"metadata": Object{"name": r.Name},
		"webhooks": []Object{{
			"name":                    r.Name + ".leakgate.test",
			"clientConfig":            Object{"url": w.URL + "/" + r.Name, "caBundle": w.cluster.authority.pem},
			"rules":                   rules,
			"namespaceSelector":       Object{"matchLabels": Object{"admit": r.Name}},
			"admissionReviewVersions": []string{"v1"},
			"sideEffects":             "None",
			"failurePolicy":           r.FailurePolicy,
			"timeoutSeconds":          5,
		}},
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", r.Name, err)
	}
	return w.asked(ctx, r.Name)
}

// asked tries a Secret that is never stored until the webhook hears of it.
func (w *Webhook) asked(ctx context.Context, name string) error {
	if err := w.cluster.Namespace(ctx, name, map[string]string{"admit": name}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	path := "/api/v1/namespaces/" + name + "/secrets?dryRun=All"
	return Eventually(ctx, func(ctx context.Context) error {
		_, err := w.cluster.Admin().Create(ctx, path, Object{"metadata": Object{"name": "probe"}})
		if len(w.Reviews(func(r *Review) bool { return r.Path == "/"+name })) == 0 {
			return errors.Join(errors.New("the API server does not ask the webhook"), err)
		}
		return nil
	})
}
