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
	Objects   []string `json:"objects"` // names of Secrets, "Kind name" of others
	Why       string   `json:"why"`
	Planned   bool     `json:"planned"` // not written yet
	// Neighbours is how many other objects the same deployer applies: one refused
	// object fails all of a Kustomization.
	Neighbours int `json:"neighbours"`
}

// Simulation is what would stop, of whom that cannot be told, and what stands in the
// open.
type Simulation struct {
	Stops   []Stop    `json:"stops"`
	Unsure  []Unsure  `json:"unsure"`
	Exposed []Exposed `json:"exposed"`
}

// stops gathers what stops for one reason.
type stops struct {
	by    map[string]*Stop
	order []string
}

func (s *stops) add(one Stop, object string) {
	key := fmt.Sprint(one.Deployer, "\x00", one.Namespace, "\x00", one.Why, one.Planned)
	if s.by[key] == nil {
		s.by[key] = &one
		s.order = append(s.order, key)
	}
	s.by[key].Objects = append(s.by[key].Objects, object)
}

// Simulate judges every Secret of a namespace, "" for all, as if its writer wrote
// it anew with its real identity, and then what each deployer would write that it
// has not written yet.
func (s Survey) Simulate(ctx context.Context, namespace string) (Simulation, error) {
	sizes, tenants, err := s.deployers(ctx)
	if err != nil {
		return Simulation{}, err
	}
	found := &stops{by: map[string]*Stop{}}
	written := map[string]bool{}
	err = s.secrets(ctx, namespace, func(secret manifest.LiveSecret, _ *unstructured.Unstructured) error {
		written[secret.Namespace+"/"+secret.Name] = true
		deployer := admission.Deployer(secret)
		why, err := s.written(ctx, secret, tenants[deployer])
		if why != "" {
			found.add(Stop{Deployer: deployer, Namespace: secret.Namespace, Why: why}, secret.Name)
		}
		return err
	})
	if err != nil {
		return Simulation{}, err
	}
	var out Simulation
	if out.Unsure, err = s.planned(ctx, namespace, written, sizes, found); err != nil {
		return Simulation{}, err
	}
	if out.Exposed, err = s.exposed(ctx, namespace); err != nil {
		return Simulation{}, err
	}
	for _, key := range found.order {
		stop := found.by[key]
		stop.Neighbours = max(0, sizes[stop.Deployer]-len(stop.Objects))
		out.Stops = append(out.Stops, *stop)
	}
	return out, nil
}

// written is why a Secret that exists would be refused, "" if it would not.
// tenant is the account that its deployer impersonates.
func (s Survey) written(ctx context.Context, secret manifest.LiveSecret, tenant string) (string, error) {
	filled := secret.Gained(manifest.LiveSecret{})
	if len(filled) == 0 || secret.Form(filled, s.Policy.Formats.Placeholders) != manifest.Plain || s.excepted(secret) {
		return "", nil
	}
	st, err := admission.Attribute(ctx, secret, s.Policy, s.Cluster, s.Now)
	switch {
	case err != nil:
		return "", err
	case tenant != "" && st.Claim == "deployer:"+gate.ByFlux && !s.impersonates(tenant):
		return "it impersonates " + tenant + ", which is not listed under impersonated", nil
	case st.Grade == admission.Proven || st.Grade == admission.Claimed && st.Claim == gate.ByNone:
		return "", nil
	}
	return st.Why, nil
}

// planned judges what deployers have not written yet.
func (s Survey) planned(ctx context.Context, namespace string, written map[string]bool, sizes map[string]int, found *stops) (out []Unsure, err error) {
	plans, err := s.plans(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		sizes[p.deployer] = max(sizes[p.deployer], len(p.objects))
		if p.why != "" {
			out = append(out, Unsure{p.deployer, p.why})
		}
		for _, u := range p.objects {
			if namespace != "" && u.GetNamespace() != namespace || u.GetKind() == "Secret" && written[u.GetNamespace()+"/"+u.GetName()] {
				continue
			}
			why, err := s.judge(ctx, p, u)
			if err != nil {
				out = append(out, Unsure{p.deployer, err.Error()})
				continue
			}
			if why != "" {
				name := u.GetName()
				if kind := u.GetKind(); kind != "Secret" {
					name = kind + " " + name
				}
				found.add(Stop{Deployer: p.deployer, Namespace: u.GetNamespace(), Why: why, Planned: true}, name)
			}
		}
	}
	return out, nil
}

func (s Survey) excepted(secret manifest.LiveSecret) bool {
	return slices.ContainsFunc(s.Policy.Exceptions, func(e gate.WriteException) bool {
		return !e.Expired(s.Now) && len(e.Subjects) == 0 && e.Covers("untrusted-writer", secret.Namespace, secret.Name, gate.Who{})
	})
}

// impersonates reports whether a writer by Flux lists the account.
func (s Survey) impersonates(account string) bool {
	return slices.ContainsFunc(s.Policy.Writers, func(w gate.Writer) bool { return gate.Matches(w.Impersonated, account) })
}

// deployers are how many objects each applies, and whom Kustomizations impersonate.
func (s Survey) deployers(ctx context.Context) (sizes map[string]int, tenants map[string]string, err error) {
	sizes, tenants = map[string]int{}, map[string]string{}
	_, arguments, err := s.account(ctx, "kustomize-controller", gate.ByFlux)
	if err != nil {
		return nil, nil, err
	}
	err = s.each(ctx, "kustomize.toolkit.fluxcd.io", "Kustomization", "", func(u *unstructured.Unstructured) error {
		title := "Kustomization " + u.GetNamespace() + "/" + u.GetName()
		sizes[title] = len(mappings(u.Object, "status", "inventory", "entries"))
		account := word(u.Object, "spec", "serviceAccountName")
		if account == "" {
			account = defaultAccount(arguments)
		}
		if account != "" {
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
	line := fmt.Sprintf("%s: %s: %s", who, strings.Join(prefixed(s.Namespace, s.Objects), ", "), s.Why)
	if s.Planned {
		line += "; not written yet"
	}
	if s.Neighbours > 0 {
		line += fmt.Sprintf("; %d other objects stop with it", s.Neighbours)
	}
	return line
}

func prefixed(namespace string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		kind, name, other := strings.Cut(n, " ")
		if out[i] = namespace + "/" + n; other {
			out[i] = kind + " " + namespace + "/" + name
		}
	}
	return out
}
