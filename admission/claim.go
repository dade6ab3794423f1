package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// claim resolves one claim. gained are the keys that it has to cover.
func (d decider) claim(ctx context.Context, w gate.Writer, c gate.Claim, how identity, gained []string) trust {
	switch c.By {
	case gate.ByNone:
		return trust{writer: w}
	case gate.ByOwner:
		return d.owner(ctx, w, c, gained)
	case gate.ByReference:
		return d.reference(ctx, w, c, gained)
	}
	reason, err := d.deployer(ctx, w, c.By, how)
	if reason == "" && err == nil {
		return trust{writer: w}
	}
	t := lost(w, stageClaim, reason)
	t.err = err
	return t
}

// owner follows the ownerReferences of the claim's kind.
func (d decider) owner(ctx context.Context, w gate.Writer, c gate.Claim, gained []string) trust {
	kind := parseKind(c.Kind)
	best := lost(w, stageClaim, "no "+c.Kind+" owns it")
	for _, o := range d.review.Secret.Owners {
		if o.Kind != kind.Kind || groupOf(o.APIVersion) != kind.Group {
			continue
		}
		covered := false
		found, err := d.cluster.Find(ctx, kind, d.review.Namespace, o.Name, func(live Object) bool {
			covered = covers(live, c, gained)
			return o.UID != "" && text(live, "metadata.uid") == o.UID && covered
		})
		switch {
		case err != nil:
			return unanswered(w, kind)
		case found == nil && !covered:
			best = lost(w, stageClaim, c.Kind+" "+quoted(o.Name)+" does not exist, is another one, or does not have the keys "+list(gained))
		case found == nil:
			best = lost(w, stageClaim, "the "+c.Kind+" "+quoted(o.Name)+" that owns it does not exist, or has another uid")
		default:
			return d.source(w, found)
		}
	}
	return best
}

// reference looks for an object that names the Secret.
func (d decider) reference(ctx context.Context, w gate.Writer, c gate.Claim, gained []string) trust {
	kind := parseKind(c.Kind)
	named := false
	wanted := func(live Object) bool {
		if !slices.Contains(firstTexts(live, c.Names), d.review.Secret.Name) {
			return false
		}
		named = true
		return covers(live, c, gained)
	}
	// Most are called as their Secret. Only then are all of them looked at, which
	// takes long where there are thousands.
	found, err := d.cluster.Find(ctx, kind, d.review.Namespace, d.review.Secret.Name, wanted)
	if found == nil && err == nil {
		found, err = d.cluster.Find(ctx, kind, d.review.Namespace, "", wanted)
	}
	switch {
	case err != nil:
		return unanswered(w, kind)
	case found != nil:
		return d.source(w, found)
	case named:
		return lost(w, stageClaim, "the "+c.Kind+" that names it does not have the keys "+list(gained))
	}
	return lost(w, stageClaim, "no "+c.Kind+" in the namespace names it")
}

func unanswered(w gate.Writer, kind Kind) trust {
	t := lost(w, stageClaim, "")
	t.err = errors.New("the API server did not answer for " + kind.String())
	return t
}

// covers reports whether the object names every key, or cannot know them.
func covers(o Object, c gate.Claim, keys []string) bool {
	if len(c.Keys) == 0 || slices.ContainsFunc(c.Open, func(path string) bool { return len(values(o, path)) > 0 }) {
		return true
	}
	has := map[string]bool{}
	for _, path := range c.Keys {
		for _, key := range texts(o, path) {
			has[key] = true
		}
	}
	return !slices.ContainsFunc(keys, func(k string) bool { return !has[k] })
}

// source judges the object on whose behalf a Secret is written: a writer is
// only as trustworthy as what it obeys.
func (d decider) source(w gate.Writer, o Object) trust {
	raw, err := json.Marshal(o)
	if err != nil {
		return lost(w, stageSource, "what it is written for cannot be read")
	}
	faults, err := d.faults(raw)
	if err != nil {
		return lost(w, stageSource, "what it is written for cannot be read")
	}
	for _, f := range faults {
		if !f.Deny {
			continue
		}
		if owner, _ := d.exception(finding{rule: f.Rule, fault: &f}, text(o, "metadata.name")); owner == "" {
			return lost(w, stageSource, fmt.Sprintf("the %s %s breaks the rule %s: %s", f.Kind, quoted(f.Name), f.Rule, f.Reason))
		}
	}
	return trust{writer: w}
}

// faults are what the rules of formats say of one object.
func (d decider) faults(raw []byte) ([]manifest.Fault, error) {
	docs, err := manifest.Parse("object", raw)
	if err != nil {
		return nil, err
	}
	return manifest.Checker{Formats: d.policy.Formats, Known: d.known, Now: d.now, InCluster: true}.Faults(docs), nil
}

func parseKind(name string) Kind {
	group, kind, has := strings.Cut(name, "/")
	if !has {
		return Kind{Kind: name}
	}
	return Kind{Group: group, Kind: kind}
}

func groupOf(apiVersion string) string {
	group, _, has := strings.Cut(apiVersion, "/")
	if !has {
		return ""
	}
	return group
}
