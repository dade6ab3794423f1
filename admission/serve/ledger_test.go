package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/leakgate/leakgate/admission"
)

// asking is an API server of one ConfigMap that answers a dry run with warnings.
func asking(t *testing.T, warn func(body []byte) []string) ClusterLedger {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPut {
			if r.URL.Query().Get("dryRun") != "All" {
				t.Error("the challenge is stored, where others can read it")
			}
			var o map[string]any
			if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
				t.Error(err)
			}
			body, err := json.Marshal(o)
			if err != nil {
				t.Error(err)
			}
			for _, text := range warn(body) {
				w.Header().Add("Warning", fmt.Sprintf("299 - %q", text))
			}
		}
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"leakgate","name":"seen","resourceVersion":"1"}}`)
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL}
	Hear(config)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return ClusterLedger{Client: client, Namespace: "leakgate", Name: "seen"}
}

func reviewed(body []byte) admission.Review {
	return admission.Review{Operation: "UPDATE", Kind: admission.Kind{Kind: "ConfigMap"}, Namespace: "leakgate", Name: "seen", DryRun: true, Object: body}
}

func TestOnlyAnEchoOfTheAPIServerShowsThatItAsks(t *testing.T) {
	own := ClusterLedger{Namespace: "leakgate", Name: "seen"}
	var earlier string
	for _, c := range []struct {
		name  string
		warn  func(body []byte) []string
		asked bool
	}{
		{"a replica is asked", func(body []byte) []string {
			earlier = own.Echo(reviewed(body))
			return []string{"something else", earlier}
		}, true},
		{"nobody is asked", func([]byte) []string { return nil }, false},
		{"other warnings", func([]byte) []string { return []string{"leakgate asked: ", "deprecated"} }, false},
		{"the echo of another time", func([]byte) []string { return []string{earlier} }, false},
	} {
		asked, err := asking(t, c.warn).Asked(context.Background())
		if err != nil || asked != c.asked {
			t.Errorf("%s: %v, %v", c.name, asked, err)
		}
	}
	if !strings.HasPrefix(earlier, echoed) {
		t.Errorf("%q", earlier)
	}
}

// Nothing but the challenge is echoed: what stands in a ConfigMap of others is not ours.
func TestNothingElseIsEchoed(t *testing.T) {
	const word = "0123456789abcdef0123456789abcdef"
	body := func(word string) []byte {
		return fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, challenge, word)
	}
	l := ClusterLedger{Namespace: "leakgate", Name: "seen"}
	if got := l.Echo(reviewed(body(word))); got != echoed+word {
		t.Errorf("%q", got)
	}
	for name, change := range map[string]func(*admission.Review){
		"another kind":      func(r *admission.Review) { r.Kind.Kind = "Secret" },
		"another group":     func(r *admission.Review) { r.Kind.Group = "example.com" },
		"another namespace": func(r *admission.Review) { r.Namespace = "shop" },
		"another name":      func(r *admission.Review) { r.Name = "sean" },
		"a real write":      func(r *admission.Review) { r.DryRun = false },
		"no word":           func(r *admission.Review) { r.Object = []byte(`{}`) },
		"another text":      func(r *admission.Review) { r.Object = body("<script>") },
		"more text":         func(r *admission.Review) { r.Object = body(word + "0") },
		"no JSON":           func(r *admission.Review) { r.Object = []byte(`{`) },
	} {
		r := reviewed(body(word))
		change(&r)
		if got := l.Echo(r); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
