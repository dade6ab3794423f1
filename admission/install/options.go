// Package install makes everything that a cluster needs to run the webhook, as
// objects, as plain manifests and as a Helm chart, all from one table. It also
// removes it in an emergency and tells what is wrong with an installation.
package install

import (
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// Names that never change, so that everything is found again.
const (
	Name            = "leakgate-admission"
	AuthoritySecret = "leakgate-admission-authority"
	ServingSecret   = "leakgate-admission-tls" // of cert-manager and of mounted files
	PolicyMap       = "leakgate-policy"
	SeenMap         = "leakgate-admission-seen" // when the webhook was asked
	FloorName       = "leakgate-floor"
	EntryUntrusted  = "untrusted.leakgate.github.io"
	EntryAudited    = "audited.leakgate.github.io"
	EntryTrusted    = "trusted.leakgate.github.io"
	EntryOthers     = "others.leakgate.github.io"
	EntrySeen       = "seen.leakgate.github.io"
)

// How the serving certificate is made.
const (
	SelfManaged = "self"
	CertManager = "cert-manager"
	Mounted     = "files"
)

// Options are what installations differ in. Use [Defaults].
type Options struct {
	Namespace    string
	Image        string
	Replicas     int
	Certificates string // SelfManaged, CertManager or Mounted
	CABundle     string // base64, for Mounted
	OtherKinds   bool   // kinds that are no Secrets, and that no trusted writer obeys, are judged too
	OtherRules   any    // which: rules of a registration
	Monitor      bool   // a ServiceMonitor of the Prometheus operator
	Network      bool   // a NetworkPolicy
	Policy       string // text of the policy file
	Registration Registration
}

// Registration is what a policy means for who is asked about what, in terms that
// an API server understands. It is also what the chart takes as values.
type Registration struct {
	Trusted        string   `json:"trusted"`        // CEL over request: the user shows the identity of a writer
	Enforces       bool     `json:"enforces"`       // some namespace does
	Audits         bool     `json:"audits"`         // some namespace does not
	Enforcing      object   `json:"enforcing"`      // selector of the namespaces that enforce
	Audited        object   `json:"audited"`        // selector of the others
	EnforcingScope string   `json:"enforcingScope"` // "*" where what has no namespace is enforced
	AuditedScope   string   `json:"auditedScope"`
	Groups         []string `json:"groups"` // API groups of claims that the policy adds
	Floor          Floor    `json:"floor"`
}

// Image is where releases are published.
const Image = "ghcr.io/leakgate/leakgate-admission"

// DefaultPolicy audits everywhere and knows the controllers that most clusters
// run; a preset of one that is missing trusts nobody.
const DefaultPolicy = `version: 1
kubernetes:
  presets:
    kubernetes: {}
    sealed-secrets: {}
    external-secrets: {}
    flux: {}
    argocd: {}
    cert-manager: {}
  modes:
    default: audit
`

// Defaults is a fresh installation: it audits and refuses nothing.
func Defaults(version string) (Options, error) {
	o := Options{Namespace: "leakgate", Image: Image + ":" + strings.TrimPrefix(version, "v"), Replicas: 2, Certificates: SelfManaged, Network: true, OtherRules: workloads()}
	return o.WithPolicy(DefaultPolicy)
}

// WithPolicy are the options with another policy and what follows from it.
func (o Options) WithPolicy(text string) (Options, error) {
	p, err := gate.ParsePolicy(gate.PolicyFile, []byte(text))
	if err != nil {
		return Options{}, err
	}
	k := gate.Kubernetes{}
	if p.Kubernetes != nil {
		k = *p.Kubernetes
	}
	o.Policy, o.Registration = text, Register(k)
	return o, nil
}

// Register is what a policy means for the API server.
func Register(k gate.Kubernetes) Registration {
	enforcing, mild, always := k.Modes.Enforcing(), k.Modes.Mild(), k.Modes.Default == gate.ModeEnforce
	r := Registration{
		Trusted: shown(k.Writers), Floor: floor(k), Groups: groupsOf(k.Writers),
		Enforces: always || len(enforcing) > 0, Audits: !always || len(mild) > 0,
		Enforcing: byName("In", enforcing), Audited: byName("NotIn", enforcing), EnforcingScope: "Namespaced", AuditedScope: "*",
	}
	if always {
		r.Enforcing, r.Audited = byName("NotIn", mild), byName("In", mild)
		r.EnforcingScope, r.AuditedScope = "*", "Namespaced"
	}
	return r
}

// byName selects namespaces by the label that the API server itself keeps equal
// to their name, so that nobody can step out by a label.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
func byName(operator string, names []string) object {
	if len(names) == 0 {
		return object{}
	}
	return object{"matchExpressions": []object{{"key": "kubernetes.io/metadata.name", "operator": operator, "values": names}}}
}

// groupsOf are the groups of claims that are in no preset, which we need the
// right to read. The core group is none of them: Secrets are in it.
func groupsOf(writers []gate.Writer) []string {
	groups := []string{}
	for _, w := range writers {
		for _, c := range w.Claims {
			group, _, has := strings.Cut(c.Kind, "/")
			known := slices.ContainsFunc(claimRules, func(r claimRule) bool { return r.group == group })
			if has && !known && !slices.Contains(groups, group) {
				groups = append(groups, group)
			}
		}
	}
	slices.Sort(groups)
	return groups
}
