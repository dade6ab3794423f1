package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/leakgate/leakgate/admission/install"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// audited is a cluster with namespaces of some age and a ledger.
func auditedCluster(spans, refusals string, ages map[string]time.Duration) install.Cluster {
	core := schema.GroupVersion{Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{core})
	mapper.Add(core.WithKind("Namespace"), meta.RESTScopeRoot)
	mapper.Add(core.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	objects := []runtime.Object{&unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"namespace": "leakgate", "name": install.SeenMap}, "data": map[string]any{"spans": spans, "refusals": refusals}}}}
	for name, age := range ages {
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace",
			"metadata": map[string]any{"name": name, "creationTimestamp": noon.Add(-age).Format(time.RFC3339)}}})
	}
	return install.Cluster{Client: fake.NewSimpleDynamicClient(runtime.NewScheme(), objects...), Mapper: mapper}
}

// What is counted is about the namespace: its own age, and what was refused there.
func TestPromoteCountsWhatConcernsTheNamespace(t *testing.T) {
	const day = 24 * time.Hour
	cluster := auditedCluster("2026-11-01T00:00:00Z/2026-11-26T11:55:00Z\n",
		"busy untrusted-writer 3 2026-11-25T12:00:00Z\ncalm untrusted-writer 9 2026-11-10T12:00:00Z\n",
		map[string]time.Duration{"calm": 100 * day, "busy": 100 * day, "young": 3 * day})
	for _, c := range []struct {
		namespace string
		accepted  bool
		refused   bool
		says      string
	}{
		{"calm", false, false, ""},
		{"young", false, true, "2 days of audit were seen in young"},
		{"busy", false, true, "busy: untrusted-writer, 3 times, the last at 2026-11-25T12:00:00Z"},
		{"busy", true, false, "3 times"},
		{"young", true, true, "2 days of audit"},
		{"nowhere", false, true, "there is no namespace nowhere"},
	} {
		var out bytes.Buffer
		w := &world{stdout: &out, now: func() time.Time { return noon }}
		err := w.audited(context.Background(), cluster, "leakgate", c.namespace, 7, c.accepted)
		if errors.Is(err, errRefused) != c.refused || err != nil && !c.refused || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %v\n%s", c.namespace, err, &out)
		}
	}
}

func TestDoctorTellsWhenNobodyAsks(t *testing.T) {
	for spans, want := range map[string]string{
		"": "no API server has shown yet", "2026-11-01T00:00:00Z/2026-11-26T11:50:00Z\n": "", "2026-11-01T00:00:00Z/2026-11-26T11:00:00Z\n": "no API server has shown since 2026-11-26T11:00:00Z",
		"x": "is no interval",
	} {
		w := &world{now: func() time.Time { return noon }}
		s := w.asked(context.Background(), auditedCluster(spans, "", nil), "leakgate")
		if !strings.Contains(s.Problem, want) || want == "" && s.Problem != "" || s.Fatal {
			t.Errorf("%q: %q", spans, s.Problem)
		}
	}
}
