package admission

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Grade says how well it is known who writes a Secret that exists already.
type Grade int

// The grades, from nothing to a claim that was resolved.
const (
	Unknown Grade = iota
	Claimed       // somebody says so: a label, an owner, a type
	Proven        // a claim of a trusted writer was resolved in the cluster
)

// String is the word of reports.
func (g Grade) String() string { return [...]string{"unknown", "claimed", "proven"}[g] }

// Standing is what can be told of a Secret that exists.
type Standing struct {
	Grade  Grade
	Writer string // of the policy, or ""
	Claim  string
	Why    string // what is missing for a better grade
}

// Attribute grades the writer of a Secret that exists. Who wrote it is no longer
// known, so identities are not asked for, and a claim of none proves nothing.
func Attribute(ctx context.Context, s manifest.LiveSecret, p gate.Kubernetes, c Cluster, now time.Time) (Standing, error) {
	d := decider{review: Review{Operation: "CREATE", Kind: secretKind, Namespace: s.Namespace, Name: s.Name, Secret: s}, policy: p, cluster: c, now: now}
	keys := s.Gained(manifest.LiveSecret{})
	if len(keys) == 0 || s.Form(keys, p.Formats.Placeholders) != manifest.Plain {
		return Standing{Grade: Claimed, Why: "there is no plain value in it"}, nil
	}
	best := Standing{Why: "no writer of the policy makes it"}
	for _, w := range p.Writers {
		if slices.Contains(w.GuardedTypes, s.Type) && len(w.Claims) > 0 && d.outside(w) == "" {
			return Standing{Grade: Claimed, Writer: w.Name, Claim: "none", Why: "its type is that of " + w.Name}, nil
		}
		if d.outside(w) != "" {
			continue
		}
		for _, claim := range w.Claims {
			st, err := d.standing(ctx, w, claim, keys)
			if err != nil {
				return Standing{}, err
			}
			if st.Grade > best.Grade {
				best = st
			}
		}
	}
	return best, nil
}

// standing is that by one claim of one writer.
func (d decider) standing(ctx context.Context, w gate.Writer, c gate.Claim, keys []string) (Standing, error) {
	if c.By == gate.ByNone {
		if narrow := len(w.Names) > 0 || len(w.Types) > 0; narrow {
			return Standing{Claimed, w.Name, c.String(), "identity alone would prove it"}, nil
		}
		return Standing{}, nil
	}
	d.review.User.Name = accountOf(w) // the Applications of Argo CD are in its own namespace
	t := d.claim(ctx, w, c, byAccount, keys)
	switch {
	case t.err != nil:
		return Standing{}, errors.New("the cluster did not answer: " + t.err.Error())
	case t.fault == "":
		return Standing{Proven, w.Name, c.String(), ""}, nil
	case t.stage == stageSource || d.points(c):
		return Standing{Claimed, w.Name, c.String(), t.reason}, nil
	}
	return Standing{}, nil
}

func accountOf(w gate.Writer) string {
	if len(w.ServiceAccounts) == 0 {
		return ""
	}
	return gate.ServiceAccountUser(w.ServiceAccounts[0].String())
}

// points reports whether the Secret itself says that it belongs to a claim.
func (d decider) points(c gate.Claim) bool {
	s := d.review.Secret
	switch c.By {
	case gate.ByOwner:
		kind := parseKind(c.Kind)
		return slices.ContainsFunc(s.Owners, func(o manifest.Owner) bool { return o.Kind == kind.Kind && groupOf(o.APIVersion) == kind.Group })
	case gate.ByFlux:
		return s.Labels[kustomization.Group+"/name"] != ""
	case gate.ByFluxHelm:
		return s.Labels[helmRelease.Group+"/name"] != ""
	case gate.ByArgoCD:
		return s.Annotations[trackingID] != ""
	}
	return false
}

// Deployer is what deploys a Secret by what the Secret says, as "Kustomization
// flux-system/apps", or "".
func Deployer(s manifest.LiveSecret) string {
	for _, kind := range []Kind{kustomization, helmRelease} {
		if name := s.Labels[kind.Group+"/name"]; name != "" {
			return kind.Kind + " " + s.Labels[kind.Group+"/namespace"] + "/" + name
		}
	}
	d := decider{review: Review{Namespace: s.Namespace, Secret: s}}
	if namespace, app := d.tracked(); app != "" {
		return "Application " + namespace + "/" + app
	}
	if s.Labels["app.kubernetes.io/managed-by"] == "Helm" {
		return "Helm release " + s.Namespace + "/" + s.Annotations["meta.helm.sh/release-name"]
	}
	return ""
}

// EmergencyEnd is when the emergency ends that a Secret was written in, zero
// where it was not.
func EmergencyEnd(s manifest.LiveSecret) time.Time {
	end, err := time.Parse(time.RFC3339, s.Annotations[AnnotationExpires])
	if err != nil {
		return time.Time{}
	}
	return end
}
