package admission

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/leakgate/leakgate/internal/gate"
)

// today is when every test happens.
var today = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// value makes a value that is nobody's.
func value(t testing.TB) string {
	t.Helper()
	raw := make([]byte, 12)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return "not-real-" + hex.EncodeToString(raw)
}

// uidOf is the uid of an object in the cluster of tests, stable by its name.
func uidOf(kind, namespace, name string) string {
	return hex.EncodeToString([]byte(kind + "/" + namespace + "/" + name))
}

// fakeCluster holds objects by kind and namespace.
type fakeCluster struct {
	objects map[Kind]map[string][]Object
	broken  bool
	asked   int
}

func (c *fakeCluster) Find(_ context.Context, kind Kind, namespace, name string, wanted func(Object) bool) (Object, error) {
	c.asked++
	if c.broken {
		return nil, errors.New("connection refused")
	}
	for _, o := range c.objects[kind][namespace] {
		if (name == "" || text(o, "metadata.name") == name) && wanted(o) {
			return o, nil
		}
	}
	return nil, nil
}

// add puts an object into the cluster; spec may be nil.
func (c *fakeCluster) add(kind, namespace, name string, spec map[string]any) {
	k := parseKind(kind)
	if c.objects == nil {
		c.objects = map[Kind]map[string][]Object{}
	}
	if c.objects[k] == nil {
		c.objects[k] = map[string][]Object{}
	}
	version := "v1"
	if k.Group != "" {
		version = k.Group + "/v1"
	}
	o := Object{"apiVersion": version, "kind": k.Kind, "metadata": map[string]any{"name": name, "namespace": namespace, "uid": uidOf(kind, namespace, name)}}
	if spec != nil {
		o["spec"] = spec
	}
	c.objects[k][namespace] = append(c.objects[k][namespace], o)
}

// call is a request as a test writes it down.
type call struct {
	user        string // "alice", or "namespace/name" for a service account
	groups      []string
	uid         string // "live" for that of the account, "" for none
	token       string // "pod", "unbound", "legacy", "x509", "none"
	namespace   string
	name        string
	secretType  string
	labels      map[string]string
	annotations map[string]string
	owners      []map[string]any
	data        map[string]string
	old         *call // its data, annotations and labels
	manager     string
	generate    bool // made with generateName
}

// with is a copy that a function changed.
func (c call) with(change func(*call)) call {
	c.labels, c.annotations, c.data = maps.Clone(c.labels), maps.Clone(c.annotations), maps.Clone(c.data)
	c.owners, c.groups = slices.Clone(c.owners), slices.Clone(c.groups)
	for i, o := range c.owners {
		c.owners[i] = maps.Clone(o)
	}
	if c.old != nil {
		old := *c.old
		old.data, old.annotations = maps.Clone(old.data), maps.Clone(old.annotations)
		c.old = &old
	}
	change(&c)
	return c
}

// set puts a key into a map that may be nil.
func set(m *map[string]string, key, v string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = v
}

// review is the JSON that a real API server sends for the call, with the fields
// in the forms that were seen there.
func (c call) review(t testing.TB) []byte {
	t.Helper()
	op, old := "CREATE", any(nil)
	if c.old != nil {
		o := *c.old
		o.namespace, o.name = c.namespace, c.name
		if o.secretType == "" {
			o.secretType = c.secretType
		}
		op, old = "UPDATE", o.object()
	}
	options := map[string]any{"kind": map[string]string{"CREATE": "CreateOptions", "UPDATE": "UpdateOptions"}[op], "apiVersion": "meta.k8s.io/v1"}
	if c.manager != "" {
		options["fieldManager"] = c.manager
	}
	gvk := map[string]any{"group": "", "version": "v1", "kind": "Secret"}
	gvr := map[string]any{"group": "", "version": "v1", "resource": "secrets"}
	body, err := json.Marshal(map[string]any{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": map[string]any{
			"uid": "0a1b2c3d-0000-4000-8000-000000000001", "kind": gvk, "requestKind": gvk, "resource": gvr, "requestResource": gvr,
			"name": c.name, "namespace": c.namespace, "operation": op, "userInfo": c.userInfo(),
			"object": c.object(), "oldObject": old, "dryRun": false, "options": options,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (c call) userInfo() map[string]any {
	namespace, name, isAccount := bytes.Cut([]byte(c.user), []byte("/"))
	if !isAccount || gate.ServiceAccount(gate.ServiceAccountUser(c.user)) == "" {
		return map[string]any{"username": c.user, "uid": c.uid, "groups": append(c.groups, "system:authenticated")}
	}
	info := map[string]any{
		"username": gate.ServiceAccountUser(c.user),
		"groups":   append(c.groups, "system:serviceaccounts", "system:serviceaccounts:"+string(namespace), "system:authenticated"),
	}
	if c.uid == "live" {
		info["uid"] = uidOf("ServiceAccount", string(namespace), string(name))
	} else if c.uid != "" {
		info["uid"] = c.uid
	}
	jti := []string{"JTI=e6453d72-1111-4222-8333-444455556666"}
	pod := map[string]any{extraPod: []string{string(name) + "-6f7d-x"}, extraPodUID: []string{"p-1"}, extraCredential: jti}
	switch c.token {
	case "pod":
		info["extra"] = pod
	case "unbound":
		info["extra"] = map[string]any{extraCredential: jti}
	case "x509":
		info["extra"] = map[string]any{extraCredential: []string{"X509SHA256=00"}}
	case "x509pod":
		pod[extraCredential] = []string{"X509SHA256=00"}
		info["extra"] = pod
	case "twopods":
		pod[extraPod] = []string{"a", "b"}
		info["extra"] = pod
	}
	return info
}

func (c call) object() map[string]any {
	meta := map[string]any{"name": c.name, "namespace": c.namespace, "uid": "5ec1", "creationTimestamp": "2026-11-26T12:00:00Z"}
	if c.generate {
		meta["generateName"] = c.name[:len(c.name)-5]
	}
	if c.labels != nil {
		meta["labels"] = c.labels
	}
	if c.annotations != nil {
		meta["annotations"] = c.annotations
	}
	if c.owners != nil {
		meta["ownerReferences"] = c.owners
	}
	if c.manager != "" {
		meta["managedFields"] = []any{map[string]any{"manager": c.manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
			"fieldsV1": map[string]any{"f:data": map[string]any{".": map[string]any{}}}}}
	}
	o := map[string]any{"kind": "Secret", "apiVersion": "v1", "metadata": meta, "type": typeOf(c.secretType)}
	if c.data != nil {
		data := map[string]string{}
		for key, v := range c.data {
			data[key] = base64.StdEncoding.EncodeToString([]byte(v))
		}
		o["data"] = data
	}
	return o
}

// door is a handler over a policy and a cluster, with what it logged.
type door struct {
	*Handler
	log     bytes.Buffer
	mu      sync.Mutex // of answers
	answers []Answer
}

func newDoor(t testing.TB, policy string, c Cluster) *door {
	t.Helper()
	p, err := gate.ParsePolicy("policy.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	d := &door{}
	d.Handler = NewHandler(Handler{
		Policy: func() gate.Kubernetes { return *p.Kubernetes }, Cluster: c, Now: func() time.Time { return today },
		Log: slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(_ Review, a Answer, _ time.Duration) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.answers = append(d.answers, a)
		},
	})
	return d
}

// post sends a body as the API server does, and returns status and body.
func (d *door) post(t testing.TB, body []byte) (int, []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/review?timeout=5s", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	out, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, out
}

// ask sends a call and returns the API server's side of the answer and ours.
func (d *door) ask(t testing.TB, c call) (*admissionv1.AdmissionResponse, Answer) {
	t.Helper()
	status, body := d.post(t, c.review(t))
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil || status != http.StatusOK || review.Response == nil {
		t.Fatalf("HTTP %d: %s", status, body)
	}
	return review.Response, d.answers[len(d.answers)-1]
}
