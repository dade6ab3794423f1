package follow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// source is an operator that copies values out of a store.
type source struct {
	paths map[string]string
	force func(before map[string]any) (annotation, never string) // the annotation that makes it sync, and why it never does
	judge func(now map[string]any, f forced) (Verdict, string)
}

// forced is what a source was before it was told to sync.
type forced struct {
	before map[string]any
	err    error
	path   string
}

var sources = map[string]source{"externalsecret": external, "vaultstaticsecret": vaultStatic}

// external is External Secrets. It refreshes when labels or annotations change, and
// then keeps which version of them it synced.
// https://external-secrets.io/latest/introduction/faq/#can-i-manually-trigger-a-secret-refresh
var external = source{
	paths: map[string]string{"externalsecret": "/apis/external-secrets.io/v1/namespaces/NAMESPACE/externalsecrets"},
	force: func(before map[string]any) (string, string) {
		switch policy := word(at(before, "spec", "refreshPolicy")); {
		case policy == "CreatedOnce":
			return "", "its refreshPolicy is CreatedOnce: it never follows"
		case policy != "OnChange" && never(word(at(before, "spec", "refreshInterval"))) && word(at(before, "status", "syncedResourceVersion")) != "":
			return "", "its refreshInterval is 0: it never follows"
		}
		return "force-sync", ""
	},
	judge: func(now map[string]any, f forced) (Verdict, string) {
		status, reason := condition(now, "Ready")
		synced := word(at(now, "status", "syncedResourceVersion"))
		refreshed, before := moment(at(now, "status", "refreshTime")), moment(at(f.before, "status", "refreshTime"))
		switch {
		case status == "False":
			return NotYet, "its condition Ready is False: " + reason
		case status != "True" || reason != "SecretSynced":
			return NotYet, "it has not synced"
		case f.before != nil && synced == word(at(f.before, "status", "syncedResourceVersion")):
			return NotYet, "it has not synced since it was told to"
		case refreshed.IsZero() || refreshed.Before(before):
			return CannotTell, "it does not say when it refreshed"
		}
		return Proven, "it synced at " + word(at(now, "status", "refreshTime"))
	},
}

// vaultStatic is the Vault Secrets Operator. Nobody can tell it to sync: it looks
// every refreshAfter, and ignores annotations.
// https://developer.hashicorp.com/vault/docs/platform/k8s/vso/api-reference
var vaultStatic = source{
	paths: map[string]string{"vaultstaticsecret": "/apis/secrets.hashicorp.com/v1beta1/namespaces/NAMESPACE/vaultstaticsecrets"},
	force: func(before map[string]any) (string, string) {
		if word(at(before, "spec", "refreshAfter")) == "" && at(before, "spec", "syncConfig", "instantUpdates") != true {
			return "", "it has neither refreshAfter nor instantUpdates: it does not follow by itself"
		}
		return "", ""
	},
	judge: func(now map[string]any, _ forced) (Verdict, string) {
		for _, kind := range []string{"Ready", "Synced", "SecretSynced", "Healthy"} {
			if status, reason := condition(now, kind); status == "False" {
				return NotYet, "its condition " + kind + " is False: " + reason
			}
		}
		if number(at(now, "status", "lastGeneration")) != number(at(now, "metadata", "generation")) {
			return NotYet, "it has not taken in its specification"
		}
		return Proven, "it reports no fault; whether it synced is what the Secret says"
	},
}

// never reports whether an interval is none.
func never(interval string) bool {
	for _, zero := range []string{"0", "0s", "0m", "0h", "0h0m0s", "0m0s"} {
		if interval == zero {
			return true
		}
	}
	return false
}

// condition is the status and the reason of a condition, "" when there is none.
func condition(object map[string]any, kind string) (status, reason string) {
	list, _ := at(object, "status", "conditions").([]any)
	for _, item := range list {
		if c, _ := item.(map[string]any); word(c["type"]) == kind {
			return word(c["status"]), word(c["reason"])
		}
	}
	return "", ""
}

// force tells the source to sync. What goes wrong is said by the fact.
func (r *run) force(ctx context.Context) {
	if r.source.judge == nil {
		return
	}
	r.forced.path, r.forced.err = pathOf(r.Namespace, r.Source, r.source.paths)
	if r.forced.err == nil {
		r.forced.before, r.forced.err = r.Cluster.Get(ctx, r.forced.path)
	}
	if r.forced.err != nil {
		r.never = "it cannot be read"
		return
	}
	annotation, never := r.source.force(r.forced.before)
	if r.never = never; annotation == "" {
		return
	}
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		annotation: strconv.FormatInt(r.Clock.Now().UnixNano(), 10), // new every time
	}}}
	if _, err := r.Cluster.Merge(ctx, r.forced.path, patch); err != nil {
		r.forced.err = fmt.Errorf("it cannot be told to sync: %w", err)
	}
}

func (r *run) judgeSource(ctx context.Context) (Verdict, string) {
	if r.forced.err != nil {
		if errors.Is(r.forced.err, ErrNotFound) {
			return NotYet, "there is no such object"
		}
		return CannotTell, r.forced.err.Error()
	}
	if r.never != "" {
		return NotYet, r.never
	}
	path, err := pathOf(r.Namespace, r.Source, r.source.paths)
	if err != nil {
		return CannotTell, err.Error()
	}
	now, err := r.Cluster.Get(ctx, path)
	if err != nil {
		return CannotTell, err.Error()
	}
	return r.source.judge(now, r.forced)
}
