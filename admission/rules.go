package admission

import (
	"slices"

	"github.com/leakgate/leakgate/internal/manifest"
)

// Rule is one reason for an answer.
type Rule struct {
	ID      string
	Refuses bool
	Title   string
}

// The rules of Secrets. Those of other kinds are the rules of formats.
const (
	ruleUnchanged       = "unchanged"
	ruleNoValues        = "no-values"
	rulePlaceholder     = "placeholder"
	ruleSOPSUndecrypted = "sops-undecrypted"
	ruleTrusted         = "trusted-writer"
	ruleBreakGlass      = "break-glass"
	ruleException       = "exception"
	ruleSound           = "sound"
	ruleTypeGuard       = "type-guard"
	ruleCopy            = "copy-annotation"
	ruleLastApplied     = "last-applied"
	ruleUntrusted       = "untrusted-writer"
	ruleIdentity        = "writer-identity"
	ruleScope           = "writer-scope"
	ruleClaim           = "writer-claim"
	ruleSource          = "writer-source"
	ruleUndecided       = "undecided"
	ruleBadReview       = "bad-review"
)

// Rules are all rules of Secrets, in the order in which they decide.
var Rules = []Rule{
	{ruleBadReview, true, "The request or its object cannot be read"},
	{ruleUnchanged, false, "No value is new"},
	{ruleTypeGuard, true, "The type gives access to the cluster and is for named identities only"},
	{ruleCopy, true, "An annotation copies values or takes over the Secret"},
	{ruleLastApplied, true, "An annotation repeats values in the clear"},
	{ruleTrusted, false, "A trusted writer, on behalf of something that obeys the policy"},
	{ruleNoValues, false, "There is no value in it"},
	{rulePlaceholder, false, "Every value is filled in later"},
	{ruleSOPSUndecrypted, false, "Every value is still encrypted by sops, which nothing decrypts in a cluster"},
	{ruleIdentity, true, "The name of a trusted writer, but not its identity"},
	{ruleScope, true, "A trusted writer outside of what it may write"},
	{ruleClaim, true, "A trusted writer on behalf of nothing that can be found"},
	{ruleSource, true, "A trusted writer on behalf of something that breaks the policy"},
	{ruleUntrusted, true, "Plain values from somebody who is no trusted writer"},
	{ruleUndecided, true, "The cluster did not answer, so it could not be decided"},
	{ruleBreakGlass, false, "An emergency, on the record"},
	{ruleException, false, "An exception of the policy"},
	{ruleSound, false, "The object obeys the policy"},
}

// guardedTypes give access to the cluster itself, so a trusted writer that obeys
// somebody's SealedSecret or ExternalSecret would hand it out.
// https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
var guardedTypes = []string{"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}

// copying are annotations that make a controller copy values into or out of a
// Secret, or take it over. A "/" at the end stands for every name of the group.
var copying = []string{
	"sealedsecrets.bitnami.com/managed", // https://github.com/bitnami-labs/sealed-secrets#managing-existing-secrets
	"sealedsecrets.bitnami.com/patch",
	"sopssecret/managed",                     // https://github.com/isindir/sops-secrets-operator
	"reflector.v1.k8s.emberstack.com/",       // https://github.com/emberstack/kubernetes-reflector
	"replicator.v1.mittwald.de/",             // https://github.com/mittwald/kubernetes-replicator
	"kubernetes.io/service-account.name",     // the token of that account is filled in
	"cert-manager.io/inject-ca-from-secret",  // copies into webhooks
	"cert-manager.io/allow-direct-injection", // lets it be copied
	"secrets.hashicorp.com/vso-ownerRefUID",  // claims an owner
}

// finding is what the rules make of a request before modes and exceptions.
type finding struct {
	rule    string
	refused bool
	reason  string // for a refusal: what is wrong, with names only
	fix     string
	writer  string
	claim   string
	warn    []string
	code    int32
	fault   *manifest.Fault // of an object that is no Secret
}

func allowed(rule string) finding { return finding{rule: rule} }

func refuse(rule, reason, fix string) finding {
	return finding{rule: rule, refused: true, reason: reason, fix: fix, code: 403}
}

// unbreakable are refusals that no emergency lifts.
func unbreakable(rule string) bool { return rule == ruleTypeGuard || rule == ruleBadReview }

// GuardedTypes are the types of Secrets that give access to the cluster itself.
func GuardedTypes() []string { return slices.Clone(guardedTypes) }
