package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Audit is what was found. It holds names, never values.
type Audit struct {
	Secrets     []SecretReport `json:"secrets"`
	Readers     []Right        `json:"readers"`
	Environment []EnvUse       `json:"environment"`
	AtRest      string         `json:"encryption_at_rest"` // "configured", "not configured" or "cannot tell"
}

// SecretReport is what can be told of one Secret.
type SecretReport struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Keys      []string  `json:"keys"`
	Grade     string    `json:"grade"`
	Writer    string    `json:"writer,omitempty"`
	Claim     string    `json:"claim,omitempty"`
	Why       string    `json:"why,omitempty"`
	Problems  []string  `json:"problems,omitempty"`
	Managers  []string  `json:"managers,omitempty"` // as they call themselves
	Created   time.Time `json:"created"`
}

// EnvUse is a Secret that a workload gets as environment variables, where every
// process that it starts and every crash dump has them.
type EnvUse struct {
	Workload  string `json:"workload"` // "Deployment NAME"
	Namespace string `json:"namespace"`
	Container string `json:"container"`
	Secret    string `json:"secret"`
}

// Audit looks at every Secret, at who may read them and at how they are used.
func (s Survey) Audit(ctx context.Context, namespace string) (Audit, error) {
	var a Audit
	err := s.secrets(ctx, namespace, func(secret manifest.LiveSecret, u *unstructured.Unstructured) error {
		r, err := s.report(ctx, secret, u)
		a.Secrets = append(a.Secrets, r)
		return err
	})
	if err != nil {
		return a, err
	}
	if a.Readers, err = s.Rights(ctx, ReadVerbs); err != nil {
		return a, err
	}
	if namespace != "" {
		a.Readers = slices.DeleteFunc(a.Readers, func(r Right) bool { return r.Namespace != "" && r.Namespace != namespace })
	}
	if a.Environment, err = s.environment(ctx, namespace); err != nil {
		return a, err
	}
	a.AtRest, err = s.atRest(ctx)
	return a, err
}

func (s Survey) report(ctx context.Context, secret manifest.LiveSecret, u *unstructured.Unstructured) (SecretReport, error) {
	st, err := admission.Attribute(ctx, secret, s.Policy, s.Cluster, s.Now)
	if err != nil {
		return SecretReport{}, fmt.Errorf("%s/%s: %w", secret.Namespace, secret.Name, err)
	}
	r := SecretReport{
		Namespace: secret.Namespace, Name: secret.Name, Type: secret.Type, Keys: secret.Keys(), Grade: st.Grade.String(), Writer: st.Writer,
		Claim: st.Claim, Why: st.Why, Managers: managers(u), Created: u.GetCreationTimestamp().Time.UTC(),
	}
	if filled := secret.Gained(manifest.LiveSecret{}); len(filled) > 0 && secret.Form(filled, s.Policy.Formats.Placeholders) == manifest.SOPS {
		r.Problems = append(r.Problems, "its values are still encrypted by sops, which nothing decrypts here")
	}
	for _, name := range secret.Copied(manifest.LiveSecret{}, s.Policy.Formats.Placeholders) {
		r.Problems = append(r.Problems, "the annotation "+name+" repeats values in the clear")
	}
	if end := admission.EmergencyEnd(secret); !end.IsZero() && s.Now.After(end) {
		r.Problems = append(r.Problems, "it was written in an emergency that ended "+end.UTC().Format(time.RFC3339))
	}
	return r, nil
}

// managers are the field managers of the data, which writers choose themselves.
func managers(u *unstructured.Unstructured) (out []string) {
	for _, m := range u.GetManagedFields() {
		if m.FieldsV1 != nil && strings.Contains(m.FieldsV1.String(), `"f:data"`) || m.FieldsV1 != nil && strings.Contains(m.FieldsV1.String(), `"f:stringData"`) {
			out = append(out, m.Manager)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type workload struct {
	group, kind string
	pod         []string
}

// workloads are kinds with the path to their pod. What another of them owns is said once.
var workloads = []workload{
	{"apps", "DaemonSet", []string{"spec", "template", "spec"}},
	{"apps", "Deployment", []string{"spec", "template", "spec"}},
	{"apps", "StatefulSet", []string{"spec", "template", "spec"}},
	{"apps", "ReplicaSet", []string{"spec", "template", "spec"}},
	{"batch", "CronJob", []string{"spec", "jobTemplate", "spec", "template", "spec"}},
	{"batch", "Job", []string{"spec", "template", "spec"}},
	{"", "Pod", []string{"spec"}},
}

func (s Survey) environment(ctx context.Context, namespace string) (out []EnvUse, err error) {
	for _, w := range workloads {
		err := s.each(ctx, w.group, w.kind, namespace, func(u *unstructured.Unstructured) error {
			if slices.ContainsFunc(u.GetOwnerReferences(), isWorkload) {
				return nil
			}
			for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
				for _, c := range mappings(u.Object, append(slices.Clone(w.pod), list)...) {
					for _, secret := range envSecrets(c) {
						out = append(out, EnvUse{w.kind + " " + u.GetName(), u.GetNamespace(), word(c, "name"), secret})
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isWorkload(o metav1.OwnerReference) bool {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	return slices.ContainsFunc(workloads, func(w workload) bool { return w.kind == o.Kind && w.group == group })
}

func envSecrets(container map[string]any) (out []string) {
	for _, e := range mappings(container, "env") {
		if name := word(e, "valueFrom", "secretKeyRef", "name"); name != "" {
			out = append(out, name)
		}
	}
	for _, e := range mappings(container, "envFrom") {
		if name := word(e, "secretRef", "name"); name != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// atRest looks for the flag of API servers that run as pods; of others nothing
// can be told from inside.
// https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
func (s Survey) atRest(ctx context.Context) (string, error) {
	servers, configured := 0, 0
	err := s.each(ctx, "", "Pod", "kube-system", func(u *unstructured.Unstructured) error {
		if u.GetLabels()["component"] != "kube-apiserver" {
			return nil
		}
		servers++
		if slices.ContainsFunc(mappings(u.Object, "spec", "containers"), encrypts) {
			configured++
		}
		return nil
	})
	switch {
	case apierrors.IsForbidden(err):
		return "cannot tell", nil
	case servers == 0:
		return "cannot tell", err
	case configured < servers: // one that does not encrypt is enough
		return "not configured", err
	}
	return "configured", err
}

// encrypts reports whether a container has the flag, with its value behind "=" or a blank.
func encrypts(container map[string]any) bool {
	return slices.ContainsFunc(append(texts(container, "command"), texts(container, "args")...), func(a string) bool {
		return a == "--encryption-provider-config" || strings.HasPrefix(a, "--encryption-provider-config=")
	})
}
