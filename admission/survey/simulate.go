package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Stop is something that the policy would stop, if it enforced, at the next
// change of a value.
type Stop struct {
	Deployer  string   `json:"deployer"` // "Kustomization flux-system/apps", or "" for what nobody deploys
	Namespace string   `json:"namespace"`
	Secrets   []string `json:"secrets"`
	Why       string   `json:"why"`
	// Neighbours is how many other objects the same deployer applies: one refused
	// object fails all of a Kustomization.
	Neighbours int `json:"neighbours"`
}

// Simulate judges every Secret of a namespace, "" for all, as if its writer wrote
// it anew with its real identity.
func (s Survey) Simulate(ctx context.Context, namespace string) ([]Stop, error) {
	sizes, tenants, err := s.deployers(ctx)
	if err != nil {
		return nil, err
	}
	stops := map[string]*Stop{}
	var order []string
	add := func(deployer, namespace, secret, why string) {
		key := deployer + "\x00" + namespace + "\x00" + why
		if stops[key] == nil {
			stops[key] = &Stop{Deployer: deployer, Namespace: namespace, Why: why}
			order = append(order, key)
		}
		stops[key].Secrets = append(stops[key].Secrets, secret)
	}
	err = s.secrets(ctx, namespace, func(secret manifest.LiveSecret, _ *unstructured.Unstructured) error {
		filled := secret.Gained(manifest.LiveSecret{})
		if len(filled) == 0 || secret.Form(filled) != manifest.Plain || s.excepted(secret) {
			return nil
		}
		st, err := admission.Attribute(ctx, secret, s.Policy, s.Cluster, s.Now)
		if err != nil {
			return err
		}
		deployer := admission.Deployer(secret)
		if account := tenants[deployer]; account != "" && st.Claim == "deployer:"+gate.ByFlux && !s.impersonates(account) {
			add(deployer, secret.Namespace, secret.Name, "it impersonates "+account+", which is not listed under impersonated")
			return nil
		}
		if st.Grade == admission.Proven || st.Grade == admission.Claimed && st.Claim == gate.ByNone {
			return nil
		}
		add(deployer, secret.Namespace, secret.Name, st.Why)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []Stop
	for _, key := range order {
		stop := stops[key]
		stop.Neighbours = max(0, sizes[stop.Deployer]-len(stop.Secrets))
		out = append(out, *stop)
	}
	return out, nil
}

func (s Survey) excepted(secret manifest.LiveSecret) bool {
	return slices.ContainsFunc(s.Policy.Exceptions, func(e gate.WriteException) bool {
		return !e.Expired(s.Now) && len(e.Subjects) == 0 && e.Covers("untrusted-writer", secret.Namespace, secret.Name, "", nil)
	})
}

// impersonates reports whether a writer by Flux lists the account.
func (s Survey) impersonates(account string) bool {
	return slices.ContainsFunc(s.Policy.Writers, func(w gate.Writer) bool { return gate.Matches(w.Impersonated, account) })
}

// deployers are how many objects each applies, and whom Kustomizations impersonate.
func (s Survey) deployers(ctx context.Context) (sizes map[string]int, tenants map[string]string, err error) {
	sizes, tenants = map[string]int{}, map[string]string{}
	err = s.each(ctx, "kustomize.toolkit.fluxcd.io", "Kustomization", "", func(u *unstructured.Unstructured) error {
		title := "Kustomization " + u.GetNamespace() + "/" + u.GetName()
		sizes[title] = len(mappings(u.Object, "status", "inventory", "entries"))
		if account := word(u.Object, "spec", "serviceAccountName"); account != "" {
			tenants[title] = u.GetNamespace() + "/" + account
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = s.each(ctx, "argoproj.io", "Application", "", func(u *unstructured.Unstructured) error {
		sizes["Application "+u.GetNamespace()+"/"+u.GetName()] = len(mappings(u.Object, "status", "resources"))
		return nil
	})
	return sizes, tenants, err
}

// String is one line about a stop.
func (s Stop) String() string {
	who := s.Deployer
	if who == "" {
		who = "nobody that deploys"
	}
	line := fmt.Sprintf("%s: %s: %s", who, strings.Join(prefixed(s.Namespace, s.Secrets), ", "), s.Why)
	if s.Neighbours > 0 {
		line += fmt.Sprintf("; %d other objects stop with it", s.Neighbours)
	}
	return line
}

func prefixed(namespace string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = namespace + "/" + n
	}
	return out
}
