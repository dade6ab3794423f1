package survey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Unsure is a deployer of which it cannot be told what it would write.
type Unsure struct {
	Deployer string `json:"deployer"`
	Why      string `json:"why"`
}

// String is one line about it.
func (u Unsure) String() string { return "cannot tell: " + u.Deployer + ": " + u.Why }

// plan is what one deployer would write.
type plan struct {
	deployer string
	user     admission.User
	objects  []*unstructured.Unstructured // as it sends them
	filled   bool                         // values are filled in before they are sent: those here say nothing
	why      string                       // it cannot be told, or not of everything
}

// unsure is a plan of which nothing is known.
func unsure(deployer, why string) plan { return plan{deployer: deployer, why: why} }

// plans are those of every deployer that writes into this cluster. One that cannot
// be understood is unsure; an error is that the cluster did not answer.
func (s Survey) plans(ctx context.Context) (out []plan, err error) {
	destinations := s.destinations(ctx)
	for _, by := range []struct {
		group, kind string
		plan        func(context.Context, *unstructured.Unstructured) (plan, error)
	}{
		{"kustomize.toolkit.fluxcd.io", "Kustomization", s.kustomization},
		{"helm.toolkit.fluxcd.io", "HelmRelease", s.helmRelease},
		{"argoproj.io", "Application", s.application},
	} {
		err := s.each(ctx, by.group, by.kind, "", func(u *unstructured.Unstructured) error {
			elsewhere, why := destinations.of(ctx, u)
			if elsewhere {
				return nil
			}
			p, err := unsure("", why), error(nil)
			if why == "" {
				p, err = by.plan(ctx, u)
			}
			p.deployer = by.kind + " " + u.GetNamespace() + "/" + u.GetName()
			out = append(out, p)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// judge is why an object of a plan would be refused if everything were enforced,
// "" if it would not. Kinds that the webhook is not asked about never are.
func (s Survey) judge(ctx context.Context, p plan, u *unstructured.Unstructured) (string, error) {
	r := admission.Review{Operation: "CREATE", Namespace: u.GetNamespace(), Name: u.GetName(), User: p.user, DryRun: true}
	gvk := u.GroupVersionKind()
	r.Kind = admission.Kind{Group: gvk.Group, Kind: gvk.Kind}
	switch {
	case gvk.Group == "" && gvk.Kind == "Secret":
		if p.filled {
			u = standIn(u)
		}
		raw, err := json.Marshal(u.Object)
		if err != nil {
			return "", errors.New("a Secret that cannot be read")
		}
		if r.Secret, err = manifest.ReadLiveSecret(raw); err != nil {
			return "", fmt.Errorf("the Secret %s cannot be read: %w", u.GetName(), err)
		}
	case s.Polices != nil && s.Polices(gvk.Group):
		raw, err := json.Marshal(u.Object)
		if err != nil {
			return "", errors.New("an object that cannot be read")
		}
		r.Object = raw
	default:
		return "", nil
	}
	a := admission.Decide(ctx, r, s.strict(), s.Cluster, s.Now)
	if !a.Refused || a.Mode != gate.ModeEnforce {
		return "", nil
	}
	if a.Rule == "undecided" {
		return "", errors.New("the cluster did not answer")
	}
	reason, _, _ := strings.Cut(strings.TrimPrefix(a.Message, "leakgate "), ". To fix it: ")
	return reason, nil
}

// strict is the policy with every namespace enforcing; rules that it makes milder
// by name stay so.
func (s Survey) strict() gate.Kubernetes {
	p := s.Policy
	p.Modes.Default = gate.ModeEnforce
	p.Modes.Namespaces = maps.Clone(p.Modes.Namespaces)
	for name, n := range p.Modes.Namespaces {
		n.Mode = gate.ModeEnforce
		p.Modes.Namespaces[name] = n
	}
	return p
}

// standIn is a Secret whose values are plain: what stands there is decrypted or
// filled in before it is sent.
func standIn(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	data := map[string]any{}
	for _, field := range []string{"data", "stringData"} {
		values, _, _ := unstructured.NestedMap(u.Object, field)
		for key := range values {
			data[key] = base64.StdEncoding.EncodeToString([]byte("a value that is filled in"))
		}
		delete(u.Object, field)
	}
	delete(u.Object, "sops")
	u.Object["data"] = data
	return u
}

// account is a deployer's own identity, as the token of its pod shows it. named is
// the Deployment or StatefulSet that runs it; where none is seen, as with a
// controller outside of the cluster, an account of the policy that is there is
// taken. arguments are those of its containers.
func (s Survey) account(ctx context.Context, named, claim string) (user admission.User, arguments []string, err error) {
	names := []string{}
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		err := s.each(ctx, "apps", kind, "", func(u *unstructured.Unstructured) error {
			if u.GetName() == named {
				names = append(names, u.GetNamespace()+"/"+word(u.Object, "spec", "template", "spec", "serviceAccountName"))
				for _, c := range mappings(u.Object, "spec", "template", "spec", "containers") {
					arguments = append(arguments, texts(c, "args")...)
				}
			}
			return nil
		})
		if err != nil {
			return user, nil, err
		}
	}
	if len(names) == 0 {
		names = s.named(claim)
	}
	for _, name := range names {
		namespace, account, _ := strings.Cut(name, "/")
		live, err := s.Cluster.Find(ctx, admission.Kind{Kind: "ServiceAccount"}, namespace, account, func(admission.Object) bool { return true })
		if err != nil {
			return user, nil, err
		}
		if live != nil {
			return inPod(name, word(live, "metadata", "uid")), arguments, nil
		}
	}
	return user, nil, nil
}

// named are the accounts that writers with a claim have, in the policy.
func (s Survey) named(claim string) (out []string) {
	for _, w := range s.Policy.Writers {
		for _, c := range w.Claims {
			if c.By != claim {
				continue
			}
			for _, g := range w.ServiceAccounts {
				out = append(out, g.String())
			}
		}
	}
	return out
}

// inPod is an account with a token that is bound to a pod.
func inPod(name, uid string) admission.User {
	const extra = "authentication.kubernetes.io/"
	return admission.User{Name: gate.ServiceAccountUser(name), UID: uid, Extra: map[string][]string{
		extra + "pod-name": {"planned"}, extra + "pod-uid": {"planned"}, extra + "credential-id": {"JTI=planned"},
	}}
}

// mark sets what a deployer adds to what it writes.
func mark(u *unstructured.Unstructured, labels map[string]string) {
	all := u.GetLabels()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, labels)
	u.SetLabels(all)
}
