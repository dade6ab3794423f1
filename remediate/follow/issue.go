package follow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// certificates are cert-manager's.
const certificates = "/apis/cert-manager.io/v1/namespaces/NAMESPACE/certificates"

// force tells cert-manager to issue the certificate anew, as its own command does:
// by the condition Issuing. Only one that holds what leaked is renewed.
// https://github.com/cert-manager/cmctl/blob/main/pkg/renew/renew.go
func (r *renewing) force(ctx context.Context) {
	object, err := r.Cluster.Get(ctx, r.path)
	if err != nil {
		r.forced = err
		return
	}
	chain, err := r.held(ctx, word(at(object, "spec", "secretName")))
	if err != nil {
		r.forced = err
		return
	}
	if !sameKey(chain[0], r.Leaked) {
		return // another one took its place
	}
	if word(at(object, "spec", "privateKey", "rotationPolicy")) == "Never" {
		r.never = "its privateKey.rotationPolicy is Never: it would get the leaked key again; set Always"
		return
	}
	if status, _ := condition(object, "Issuing"); status == "True" {
		return // it is under way
	}
	patch := map[string]any{
		"metadata": map[string]any{"resourceVersion": at(object, "metadata", "resourceVersion")}, // refused when somebody was faster
		"status":   map[string]any{"conditions": issuing(object, r.Clock.Now())},
	}
	if _, err := r.Cluster.Merge(ctx, r.path+"/status", patch); err != nil {
		r.forced = fmt.Errorf("it cannot be told to issue: %w", err)
	}
}

// issuing are the conditions of a Certificate, and that it is to be issued.
func issuing(object map[string]any, now time.Time) (all []any) {
	before, _ := at(object, "status", "conditions").([]any)
	for _, item := range before {
		if c, _ := item.(map[string]any); word(c["type"]) != "Issuing" {
			all = append(all, item)
		}
	}
	return append(all, map[string]any{
		"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "Certificate re-issuance manually triggered",
		"lastTransitionTime": now.UTC().Format(time.RFC3339), "observedGeneration": at(object, "metadata", "generation"),
	})
}

// judgeCertificate asks whether cert-manager is done with it.
func (r *renewing) judgeCertificate(object map[string]any, err error) (Verdict, string) {
	if r.forced != nil {
		err = r.forced
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return NotYet, "there is no such object"
	case err != nil:
		return CannotTell, err.Error()
	case r.never != "":
		return NotYet, r.never
	}
	issuing, why := condition(object, "Issuing")
	ready, reason := condition(object, "Ready")
	failed := moment(at(object, "status", "lastFailureTime"))
	switch {
	case issuing == "False" && !failed.IsZero() && !failed.Before(r.started.Truncate(time.Second)):
		r.never = "it could not be issued: " + why
		return NotYet, r.never
	case issuing == "True":
		return NotYet, "it is being issued"
	case ready != "True":
		return NotYet, "its condition Ready is not True: " + reason
	}
	return Proven, fmt.Sprintf("it is ready, revision %d", number(at(object, "status", "revision")))
}
