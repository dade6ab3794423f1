package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Decide is the answer to one request by a policy. It asks the cluster only
// where a claim or an identity has to be shown. now tells which exceptions and
// emergencies are over.
func Decide(ctx context.Context, r Review, p gate.Kubernetes, c Cluster, now time.Time) Answer {
	return decider{review: r, policy: p, cluster: c, now: now}.decide(ctx)
}

func (d decider) decide(ctx context.Context) Answer {
	if d.review.Kind != secretKind {
		return d.conclude(d.object(ctx))
	}
	return d.conclude(d.secret(ctx))
}

// decider holds one request while it is decided.
type decider struct {
	review  Review
	policy  gate.Kubernetes
	cluster Cluster
	now     time.Time
	known   func(value string) (rule string)
	judging *semaphore.Weighted // bytes of objects that are judged at once; nil for any
}

// secret judges what is new in a Secret: its values by the first rule that
// decides, and beside them what its annotations do.
func (d decider) secret(ctx context.Context) []finding {
	s, old := d.review.Secret, d.review.OldSecret
	gained, copied, taking, told := s.Gained(old), s.Copied(old, d.policy.Formats.Placeholders), takesOver(s, old), d.told(s, old)
	if d.review.Operation == "UPDATE" && len(gained)+len(copied)+len(taking)+len(told) == 0 {
		return []finding{allowed(ruleUnchanged)}
	}
	if slices.Contains(guardedTypes, s.Type) {
		return []finding{d.guarded(ctx)}
	}
	t := lost(gate.Writer{}, stageNobody, "")
	if len(gained)+len(taking)+len(told) > 0 {
		t = d.trust(ctx, gained)
	}
	if t.err != nil {
		return []finding{d.undecided(t)}
	}
	found := []finding{d.values(gained, t)}
	if len(taking) > 0 && !t.known() {
		found = append(found, d.refuseCopy(taking))
	}
	if len(copied) > 0 {
		found = append(found, d.refuseLastApplied(copied, t))
	}
	if len(told) > 0 && !t.known() {
		found = append(found, refuse(manifest.RulePlainValue, d.subject()+": the labels or annotations "+list(told)+" hold a known credential",
			"rotate it, and keep it under data by a trusted writer"))
	}
	return found
}

// shortestTold is the length from which a label or an annotation is looked at:
// issued credentials are longer, and most labels are not.
const shortestTold = 16

// told are the labels and annotations in which a known credential is new. What
// kubectl was given is told by [manifest.LiveSecret.Copied].
func (d decider) told(s, old manifest.LiveSecret) (names []string) {
	if d.known == nil {
		return nil
	}
	for _, of := range [][2]map[string]string{{s.Labels, old.Labels}, {s.Annotations, old.Annotations}} {
		for name, text := range of[0] {
			if text != of[1][name] && name != manifest.LastApplied && len(text) >= shortestTold && d.known(text) != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (d decider) values(gained []string, t trust) finding {
	switch {
	case len(gained) == 0:
		return allowed(ruleNoValues)
	case t.fault == "":
		return finding{rule: ruleTrusted, writer: t.writer.Name, claim: t.claim}
	}
	return d.content(gained, t)
}

// content judges values that no trusted writer vouches for.
func (d decider) content(gained []string, t trust) finding {
	switch d.review.Secret.Form(gained, d.policy.Formats.Placeholders) {
	case manifest.SOPS:
		return finding{rule: ruleSOPSUndecrypted, warn: []string{"the values are still encrypted by sops; nothing decrypts them here"}}
	case manifest.Reference:
		return allowed(rulePlaceholder)
	}
	f := refuse(t.fault, d.plainReason(gained, t), d.fix(t))
	f.writer = t.writer.Name
	return f
}

// guarded admits the identities that the policy names for a type.
func (d decider) guarded(ctx context.Context) finding {
	for _, w := range d.policy.Writers {
		if !slices.Contains(w.GuardedTypes, d.review.Secret.Type) {
			continue
		}
		t := d.writer(ctx, w, nil)
		if t.err != nil {
			return d.undecided(t)
		}
		if t.fault == "" {
			return finding{rule: ruleTrusted, writer: w.Name, claim: t.claim}
		}
	}
	return refuse(ruleTypeGuard, fmt.Sprintf("%s has the type %s, which gives access to the cluster", d.subject(), d.review.Secret.Type),
		"use a token from the TokenRequest API, as in: kubectl create token NAME")
}

// takesOver lists annotations of the table that are new or say something else.
func takesOver(s, old manifest.LiveSecret) (out []string) {
	for name, text := range s.Annotations {
		if was, is := old.Annotations[name]; is && was == text || !isCopying(name) {
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func isCopying(name string) bool {
	return slices.ContainsFunc(copying, func(c string) bool {
		return name == c || strings.HasSuffix(c, "/") && strings.HasPrefix(name, c)
	})
}

func (d decider) undecided(t trust) finding {
	f := refuse(ruleUndecided, "it could not be decided whether "+quoted(d.review.User.Name)+" may write "+d.subject()+": "+t.err.Error(), "try again; leakgate-admission doctor tells what is missing")
	f.writer, f.code = t.writer.Name, 500
	return f
}

func (d decider) refuseCopy(taking []string) finding {
	return refuse(ruleCopy, d.subject()+": the annotations "+list(taking)+" copy values or take over the Secret, and "+quoted(d.review.User.Name)+" is no trusted writer",
		"leave them out, or let a trusted writer set them")
}

// refuseLastApplied warns where a trusted writer copies values: Argo CD does so
// whenever it applies from the client's side, and stopping it would stop rotation.
func (d decider) refuseLastApplied(copied []string, t trust) finding {
	if t.fault == "" {
		return finding{rule: ruleLastApplied, writer: t.writer.Name, claim: t.claim,
			warn: []string{"an annotation repeats values in the clear; let the deployer use server-side apply"}}
	}
	return refuse(ruleLastApplied, d.subject()+": the annotations "+list(copied)+" repeat values in the clear",
		"use server-side apply: kubectl apply --server-side; and remove the annotation: kubectl annotate secret "+d.review.Secret.Name+" "+copied[0]+"-")
}
