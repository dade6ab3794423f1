package gate

import (
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/manifest"
)

// Kubernetes is what the policy says of a cluster: who may write Secrets, on
// whose behalf, and how strict that is. The zero value lets nobody write and
// only audits.
type Kubernetes struct {
	Presets    []string // in the order of the file
	Writers    []Writer // those of the presets first
	Formats    manifest.Formats
	Modes      Modes
	BreakGlass BreakGlass
	Exceptions []WriteException
	// Forms are the policy's exceptions of forms, without those that are bound to
	// paths: a cluster has none.
	Forms []Exception
	// AuditDays is how many days a namespace has to be audited before it is
	// promoted to enforce.
	AuditDays int
}

// Writer is somebody who may write values of Secrets: an authenticated identity,
// for some namespaces, names and types, with a claim that the cluster confirms.
type Writer struct {
	Name   string
	Preset string // the preset it comes from, or ""
	Source string // where the facts about it are published, for presets

	ServiceAccounts []Glob // "namespace/name"; uid and token are proven
	Impersonated    []Glob // "namespace/name" that a deployer impersonates: neither uid nor token can be proven
	// DefaultAccount is the account, of the deployer's object's own namespace, that a
	// deployer impersonates where the object names none (--default-service-account).
	DefaultAccount string
	Users          []string
	Groups         []string
	// PodBound asks for a token that is bound to a pod. It is true unless the
	// policy opts out by name.
	PodBound bool

	Namespaces   []Glob   // empty: every one
	Names        []Glob   // of Secrets; empty: every one
	Types        []string // empty: every type that is not guarded
	GuardedTypes []string // guarded types that this writer alone may write
	Claims       []Claim  // any one is enough
	Line         int
}

// Claim is what shows that a writer writes a Secret on behalf of something that
// the policy can see.
type Claim struct {
	By    string   // one of claimWords
	Kind  string   // "group/Kind" of the object that owns or names the Secret
	Names []string // paths in it that hold the Secret's name
	Keys  []string // paths in it that hold the keys it may write; empty: any
	Open  []string // paths whose presence means that the keys are not known
}

// The words of claims: owner and reference are objects of Kind; flux, flux-helm
// and argocd are deployers, whose own configuration is read; none is identity
// alone, reported as weak.
const (
	ByOwner     = "owner"
	ByReference = "reference"
	ByFlux      = "flux"
	ByFluxHelm  = "flux-helm"
	ByArgoCD    = "argocd"
	ByNone      = "none"
)

var claimWords = []string{ByOwner, ByReference, ByFlux, ByFluxHelm, ByArgoCD, ByNone}

// String is the claim as it stands in reports.
func (c Claim) String() string {
	switch c.By {
	case ByOwner, ByReference:
		return c.By + ":" + c.Kind
	case ByNone:
		return c.By
	}
	return "deployer:" + c.By
}

// writeRules are the rules that may refuse a Secret, beside those of formats.
var writeRules = []string{
	"type-guard", "copy-annotation", "last-applied", "untrusted-writer", "writer-identity", "writer-scope", "writer-claim", "writer-source", "undecided",
}

// RefusingRules are the ids of all rules that modes and exceptions may name.
func RefusingRules() []string {
	out := slices.Clone(writeRules)
	for _, f := range manifest.FaultRules() {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return out
}

// Mode is what happens to a write that a rule refuses. The zero Mode audits.
type Mode int

// The modes, the mildest first.
const (
	ModeAudit   Mode = iota // recorded
	ModeWarn                // and the writer is told
	ModeEnforce             // and it is refused
)

var modeWords = []string{"audit", "warn", "enforce"}

// String is the word of the policy file.
func (m Mode) String() string { return modeWords[m] }

// Modes say how strict the rules are. Namespaces are exact names, since the API
// server selects them by name.
type Modes struct {
	Default    Mode
	Rules      map[string]Mode // a rule named here is at most this strict
	Namespaces map[string]NamespaceMode
}

// NamespaceMode is how strict one namespace is.
type NamespaceMode struct {
	Mode  Mode
	Rules map[string]Mode // a rule named here is at most this strict
}

// Of is the mode of a rule in a namespace: that of the namespace, or a milder
// one where the rule is named.
func (m Modes) Of(rule, namespace string) Mode {
	mode := m.Default
	n, named := m.Namespaces[namespace]
	if named {
		mode = n.Mode
	}
	for _, milder := range []map[string]Mode{m.Rules, n.Rules} {
		if at, is := milder[rule]; is {
			mode = min(mode, at)
		}
	}
	return mode
}

// Enforcing lists the namespaces that enforce by name; the rest follow Default.
func (m Modes) Enforcing() []string { return m.inMode(func(n Mode) bool { return n == ModeEnforce }) }

// Mild lists the namespaces that are named and do not enforce.
func (m Modes) Mild() []string { return m.inMode(func(n Mode) bool { return n != ModeEnforce }) }

func (m Modes) inMode(wanted func(Mode) bool) (out []string) {
	for _, name := range sortedKeys(m.Namespaces) {
		if wanted(m.Namespaces[name].Mode) {
			out = append(out, name)
		}
	}
	return out
}

// BreakGlass lets people write in an emergency, on the record: the request has
// to say why and until when.
type BreakGlass struct {
	Users    []string
	Groups   []string
	MaxHours int // the farthest end of an emergency
}

// WriteException lets a subject write what a rule refuses, until a day.
type WriteException struct {
	Rule       string
	Namespaces []Glob   // at least one
	Names      []Glob   // empty: every Secret
	Subjects   []string // "user:NAME", "group:NAME" or "serviceaccount:NAMESPACE/NAME"; empty: anyone
	Reason     string
	Owner      string
	// Expires is the last day, in UTC, on which the exception holds.
	Expires time.Time
	Line    int
}

// Who is whom an exception may speak of. The zero value is nobody in particular.
type Who struct {
	Name   string
	Groups []string
	// Account is the "namespace/name" of a service account whose own token it is. One
	// that is impersonated has its name alone: that somebody may impersonate it, as an
	// administrator of its namespace may, does not make him it.
	Account string
}

// Covers reports whether the exception speaks of a write, expired or not.
func (e WriteException) Covers(rule, namespace, name string, who Who) bool {
	return e.Rule == rule && matchAny(e.Namespaces, namespace) &&
		(len(e.Names) == 0 || matchAny(e.Names, name)) && e.speaksOf(who)
}

// Expired reports whether the last day of the exception is over.
func (e WriteException) Expired(now time.Time) bool { return !now.Before(e.Expires.AddDate(0, 0, 1)) }

func (e WriteException) speaksOf(who Who) bool {
	return len(e.Subjects) == 0 || slices.ContainsFunc(e.Subjects, func(subject string) bool {
		kind, name, _ := strings.Cut(subject, ":")
		switch kind {
		case "user":
			return who.Name == name
		case "group":
			return slices.Contains(who.Groups, name)
		}
		return who.Account != "" && who.Account == name
	})
}

// serviceAccountPrefix starts the user name of every service account.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
const serviceAccountPrefix = "system:serviceaccount:"

// ServiceAccountUser is the user name of the service account "namespace/name".
func ServiceAccountUser(account string) string {
	return serviceAccountPrefix + strings.Replace(account, "/", ":", 1)
}

// ServiceAccount is the "namespace/name" behind a user name, "" if it is none.
func ServiceAccount(user string) string {
	rest, is := strings.CutPrefix(user, serviceAccountPrefix)
	namespace, name, whole := strings.Cut(rest, ":")
	if !is || !whole || namespace == "" || name == "" {
		return ""
	}
	return namespace + "/" + name
}

// Matches reports whether any of the globs covers the name.
func Matches(globs []Glob, name string) bool { return matchAny(globs, name) }
