package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// trust is what came of asking whether somebody is a trusted writer. The zero
// value says yes, so it is only made by functions here; fault is a rule, and ""
// only after everything was shown.
type trust struct {
	writer gate.Writer
	claim  string
	fault  string // the rule that was not met
	reason string // in words
	err    error  // the cluster did not answer
	stage  int    // how far it came: identity, scope, claim, source
}

// known reports whether the identity and the scope of a writer were shown.
func (t trust) known() bool { return t.fault == "" || t.stage > stageScope }

// The stages, each of which has a rule.
const (
	stageNobody = iota
	stageIdentity
	stageScope
	stageClaim
	stageSource
)

var stageRules = []string{ruleUntrusted, ruleIdentity, ruleScope, ruleClaim, ruleSource}

func lost(w gate.Writer, stage int, reason string) trust {
	return trust{writer: w, stage: stage, fault: stageRules[stage], reason: reason}
}

// trust asks every writer of the policy that the user may be. Of several that
// fail, the one that came farthest is told.
func (d decider) trust(ctx context.Context, gained []string) trust {
	best := lost(gate.Writer{}, stageNobody, "")
	for _, w := range d.policy.Writers {
		t := d.writer(ctx, w, gained)
		if t.err == nil && t.fault == "" {
			return t
		}
		if t.err != nil && best.err == nil || t.stage > best.stage && best.err == nil {
			best = t
		}
	}
	return best
}

// writer asks one writer: identity, scope, then each claim.
func (d decider) writer(ctx context.Context, w gate.Writer, gained []string) trust {
	how := identify(w, d.review.User)
	if how == nobody {
		return lost(w, stageNobody, "")
	}
	if reason, err := d.proven(ctx, w, how); reason != "" || err != nil {
		t := lost(w, stageIdentity, reason)
		t.err = err
		return t
	}
	if reason := d.outside(w); reason != "" {
		return lost(w, stageScope, reason)
	}
	best := lost(w, stageClaim, "")
	for _, c := range w.Claims {
		t := d.claim(ctx, w, c, how, gained)
		if t.err == nil && t.fault == "" {
			t.claim = c.String()
			return t
		}
		if t.err != nil && best.err == nil || best.reason == "" || t.stage > best.stage && best.err == nil {
			best = t
		}
	}
	return best
}

// identity is how a user was recognised.
type identity int

const (
	nobody identity = iota
	byAccount
	byImpersonation
	byName // of a user or group
)

func identify(w gate.Writer, u User) identity {
	if account := gate.ServiceAccount(u.Name); account != "" {
		switch {
		case gate.Matches(w.ServiceAccounts, account):
			return byAccount
		case gate.Matches(w.Impersonated, account):
			return byImpersonation
		}
	}
	if slices.Contains(w.Users, u.Name) || slices.ContainsFunc(w.Groups, func(g string) bool { return slices.Contains(u.Groups, g) }) {
		return byName
	}
	return nobody
}

// What the API server says of a token. The uid is set by the authenticator of
// service account tokens, and dropped by impersonation and by x509.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
const (
	extraPod        = "authentication.kubernetes.io/pod-name"
	extraPodUID     = "authentication.kubernetes.io/pod-uid"
	extraCredential = "authentication.kubernetes.io/credential-id"
)

// proven says why a name alone is not enough, or "".
func (d decider) proven(ctx context.Context, w gate.Writer, how identity) (string, error) {
	u := d.review.User
	if how == byImpersonation && (u.UID != "" || len(u.Extra) > 0) {
		return "the account is listed as impersonated, and this is a token of its own", nil
	}
	if how != byAccount {
		return "", nil
	}
	if u.UID == "" {
		return "the request carries no uid of the account, as when it is impersonated", nil
	}
	namespace, name, _ := strings.Cut(gate.ServiceAccount(u.Name), "/")
	live, err := d.cluster.Find(ctx, Kind{Kind: "ServiceAccount"}, namespace, name, func(o Object) bool { return text(o, "metadata.uid") == u.UID })
	switch {
	case err != nil:
		return "", errors.New("the service account could not be read")
	case live == nil:
		return "the uid is not that of the live service account", nil
	case w.PodBound && !podBound(u):
		return "the token is not bound to a pod", nil
	}
	return "", nil
}

func podBound(u User) bool {
	credential := u.Extra[extraCredential]
	return first(u.Extra[extraPod]) != "" && first(u.Extra[extraPodUID]) != "" && len(credential) == 1 && strings.HasPrefix(credential[0], "JTI=")
}

func first(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// outside says what of the Secret the writer may not write, or "".
func (d decider) outside(w gate.Writer) string {
	s := d.review.Secret
	guarded := slices.Contains(guardedTypes, s.Type)
	switch {
	case len(w.Namespaces) > 0 && !gate.Matches(w.Namespaces, d.review.Namespace):
		return "not in this namespace"
	case len(w.Names) > 0 && !gate.Matches(w.Names, s.Name):
		return "not under this name"
	case guarded && !slices.Contains(w.GuardedTypes, s.Type), !guarded && len(w.Types) > 0 && !slices.Contains(w.Types, typeOf(s.Type)):
		return fmt.Sprintf("not the type %q", s.Type)
	}
	return ""
}

// typeOf is the type that the API server fills in.
func typeOf(secretType string) string {
	if secretType == "" {
		return "Opaque"
	}
	return secretType
}
