package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/leakgate/leakgate/internal/gate"
)

// Proposal is a first policy for a cluster: the presets whose accounts exist,
// and the accounts that may write Secrets and belong to none.
type Proposal struct {
	Presets  map[string][]string // preset to accounts that are there, and that have another name than usual
	Accounts []string            // "namespace/name" of writers that no preset knows
	People   []string            // subjects that are no service account
}

// ownAccount writes the Secret of its own authority and nothing else.
const ownAccount = "leakgate-admission"

// Discover looks who may write Secrets.
func (s Survey) Discover(ctx context.Context) (Proposal, error) {
	rights, err := s.Rights(ctx, WriteVerbs)
	if err != nil {
		return Proposal{}, err
	}
	live := map[string]bool{}
	err = s.each(ctx, "", "ServiceAccount", "", func(u *unstructured.Unstructured) error {
		live[u.GetNamespace()+"/"+u.GetName()] = true
		return nil
	})
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Presets: map[string][]string{"kubernetes": nil}}
	for _, r := range rights {
		kind, name, _ := strings.Cut(r.Subject, ":")
		switch {
		case kind != "serviceaccount":
			p.People = append(p.People, r.Subject)
		case live[name]:
			p.account(name)
		}
	}
	slices.Sort(p.Accounts)
	p.Accounts = slices.Compact(p.Accounts)
	slices.Sort(p.People)
	p.People = slices.Compact(p.People)
	return p, nil
}

// controlPlane are accounts of Kubernetes' own controllers, which write only what
// passes as unchanged, or what the preset kubernetes covers.
func controlPlane(account string) bool {
	namespace, name, _ := strings.Cut(account, "/")
	return namespace == "kube-system" && (strings.HasSuffix(name, "-controller") || strings.HasSuffix(name, "-collector") || strings.HasSuffix(name, "-cleaner"))
}

// account puts an account where it belongs: to the preset that names it, to one
// whose account has the same name in another namespace, or to nobody.
func (p *Proposal) account(name string) {
	_, tail, _ := strings.Cut(name, "/")
	for _, preset := range gate.PresetNames() {
		for _, w := range gate.Preset(preset) {
			if gate.Matches(w.ServiceAccounts, name) {
				if _, is := p.Presets[preset]; !is {
					p.Presets[preset] = nil
				}
				return
			}
		}
	}
	for _, preset := range gate.PresetNames() {
		for _, g := range gate.Preset(preset)[0].ServiceAccounts {
			if _, usual, _ := strings.Cut(g.String(), "/"); usual == tail {
				p.Presets[preset] = append(p.Presets[preset], name)
				return
			}
		}
	}
	if !controlPlane(name) && tail != ownAccount {
		p.Accounts = append(p.Accounts, name)
	}
}

// Policy writes the proposal as a policy that audits.
func (p Proposal) Policy() string {
	var b strings.Builder
	b.WriteString("version: 1\nkubernetes:\n  presets:\n")
	for _, name := range gate.PresetNames() {
		accounts, is := p.Presets[name]
		switch {
		case is && len(accounts) > 0:
			fmt.Fprintf(&b, "    %s: {service_accounts: [%s]}\n", name, strings.Join(accounts, ", "))
		case is:
			fmt.Fprintf(&b, "    %s: {}\n", name)
		}
	}
	if len(p.Accounts) > 0 {
		b.WriteString("  # These accounts may write Secrets too. Whoever does write some belongs into writers,\n  # with a claim if there is any; the others need no such right.\n")
		for _, a := range p.Accounts {
			fmt.Fprintf(&b, "  #   %s\n", a)
		}
	}
	b.WriteString("  modes:\n    default: audit\n")
	return b.String()
}
