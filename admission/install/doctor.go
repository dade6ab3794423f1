package install

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Symptom is one thing that a doctor looked at. A Problem that is "" is health;
// Fatal says that nothing, or too much, is refused because of it.
type Symptom struct {
	Subject string
	Problem string
	Fix     string
	Fatal   bool
}

// PolicyText is the policy that an installation in a namespace has.
func (c Cluster) PolicyText(ctx context.Context, namespace string) (string, error) {
	live, err := c.get(ctx, (Options{Namespace: namespace}).policyMap())
	if err != nil {
		return "", err
	}
	if live == nil {
		return "", fmt.Errorf("there is no ConfigMap %s in the namespace %s: is leakgate-admission installed there?", PolicyMap, namespace)
	}
	text, _, err := unstructured.NestedString(live.Object, "data", ".leakgate.yaml")
	if err != nil || text == "" {
		return "", fmt.Errorf("the ConfigMap %s has no .leakgate.yaml", PolicyMap)
	}
	return text, nil
}

// Doctor compares an installation with what its policy asks for.
func (c Cluster) Doctor(ctx context.Context, o Options) ([]Symptom, error) {
	text, err := c.PolicyText(ctx, o.Namespace)
	if err != nil {
		return nil, err
	}
	known, err := o.WithPolicy(text)
	if err != nil {
		return []Symptom{{Subject: "policy", Problem: err.Error(), Fix: "correct the ConfigMap " + PolicyMap + "; until then replicas keep the policy before it, and a new one does not start", Fatal: true}}, nil
	}
	out := []Symptom{{Subject: "policy"}}
	for _, look := range []func(context.Context, Options) (Symptom, error){c.lookAtReplicas, c.lookAtRegistration, c.lookAtTrust, c.lookAtFloor} {
		s, err := look(ctx, known)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	rights, err := c.lookAtRights(ctx, known)
	if err != nil {
		return nil, err
	}
	return append(out, rights...), nil
}

func (c Cluster) lookAtReplicas(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "replicas"}
	live, err := c.get(ctx, o.deployment())
	if err != nil || live == nil {
		s.Problem, s.Fix, s.Fatal = "there is no Deployment "+Name, "leakgate-admission install", true
		return s, err
	}
	ready, _, _ := unstructured.NestedInt64(live.Object, "status", "readyReplicas")
	wanted, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	switch {
	case ready == 0:
		s.Problem, s.Fix, s.Fatal = "none is ready", "kubectl -n "+o.Namespace+" logs deployment/"+Name+"; the body of /readyz says why", true
	case ready < wanted:
		s.Problem, s.Fix = fmt.Sprintf("%d of %d are ready", ready, wanted), "kubectl -n "+o.Namespace+" get pods"
	case wanted < 2:
		s.Problem, s.Fix = "one replica: a restart is an outage", "run at least two"
	}
	return s, nil
}

// registered is what is compared of an entry: all but the bundle, which others write.
type registered struct {
	Name              string           `json:"name"`
	FailurePolicy     string           `json:"failurePolicy"`
	TimeoutSeconds    int              `json:"timeoutSeconds"`
	MatchPolicy       string           `json:"matchPolicy"`
	NamespaceSelector map[string]any   `json:"namespaceSelector"`
	ObjectSelector    map[string]any   `json:"objectSelector"`
	MatchConditions   []map[string]any `json:"matchConditions"`
	Rules             []map[string]any `json:"rules"`
	ClientConfig      struct {
		URL     string         `json:"url"`
		Service map[string]any `json:"service"`
	} `json:"clientConfig"`
}

// others takes from an installation which other kinds are judged there.
func (o *Options) others(entries []registered) {
	for _, e := range entries {
		if e.Name == EntryOthers {
			o.OtherKinds, o.OtherRules = true, e.Rules
		}
	}
}

func entriesOf(v any) (out []registered, err error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read the webhook configuration: %w", err)
	}
	for i := range out {
		if len(out[i].NamespaceSelector) == 0 {
			out[i].NamespaceSelector = nil
		}
		if len(out[i].ObjectSelector) == 0 {
			out[i].ObjectSelector = nil
		}
	}
	return out, nil
}

// lookAtRegistration finds a configuration that somebody changed, and one that
// does not follow a policy that changed.
func (c Cluster) lookAtRegistration(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "webhook configuration", Fix: "leakgate-admission install --policy FILE with the policy of the cluster"}
	live, err := c.get(ctx, o.webhook())
	if err != nil {
		return s, err
	}
	if live == nil {
		s.Problem, s.Fatal = "there is none, so nothing is checked", true
		return s, nil
	}
	have, err := entriesOf(live.Object["webhooks"])
	if err != nil {
		return s, err
	}
	o.others(have)
	want, err := entriesOf(o.webhook()["webhooks"])
	if err != nil {
		return s, err
	}
	var differ []string
	for _, w := range want {
		i := slices.IndexFunc(have, func(h registered) bool { return h.Name == w.Name })
		if i < 0 || !reflect.DeepEqual(have[i], w) {
			differ = append(differ, w.Name)
		}
	}
	if len(have) != len(want) || len(differ) > 0 {
		s.Problem, s.Fatal = "it is not what the policy asks for: "+strings.Join(differ, ", "), true
	}
	return s, nil
}

func (c Cluster) lookAtTrust(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "certificate bundle", Fix: "look at /readyz of a replica; it writes the bundle within a minute"}
	live, err := c.get(ctx, o.webhook())
	if err != nil || live == nil {
		return s, err
	}
	entries, _, _ := unstructured.NestedSlice(live.Object, "webhooks")
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if bundle, _, _ := unstructured.NestedString(entry, "clientConfig", "caBundle"); bundle == "" {
			s.Problem, s.Fatal = fmt.Sprintf("the entry %v has none, so every call fails", entry["name"]), true
		}
	}
	return s, nil
}

func (c Cluster) lookAtFloor(ctx context.Context, o Options) (Symptom, error) {
	s := Symptom{Subject: "floor", Fix: "leakgate-admission install --policy FILE with the policy of the cluster"}
	live, err := c.get(ctx, o.floorPolicy())
	if err != nil {
		return s, err
	}
	switch {
	case live == nil && o.Registration.Enforces:
		s.Problem = "there is none: a deleted webhook configuration opens the namespaces that enforce"
	case live != nil:
		validations, _, _ := unstructured.NestedSlice(live.Object, "spec", "validations")
		want := []string{o.Registration.Floor.Values, o.Registration.Floor.Guarded}
		same := len(validations) == len(want)
		for i := range min(len(validations), len(want)) {
			entry, _ := validations[i].(map[string]any)
			same = same && entry["expression"] == want[i]
		}
		if !same {
			s.Problem, s.Fatal = "it is not what the policy asks for", true
		}
	}
	if live == nil || s.Fatal {
		return s, nil
	}
	if live, err = c.get(ctx, o.floorBinding()); err == nil && live == nil {
		s.Problem = "it is bound to nothing, so it refuses nothing"
	}
	return s, err
}
