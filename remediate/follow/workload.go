package follow

import (
	"context"
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"
)

var workloads = map[string]string{
	"deployment":  "/apis/apps/v1/namespaces/NAMESPACE/deployments",
	"statefulset": "/apis/apps/v1/namespaces/NAMESPACE/statefulsets",
	"daemonset":   "/apis/apps/v1/namespaces/NAMESPACE/daemonsets",
}

// restartedAt is what kubectl rollout restart sets.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// judgeWorkload asks whether every pod of a workload is ready and was made after
// the Secret was written. A process reads its Secret when it starts, at the latest.
func (r *run) judgeWorkload(ctx context.Context, workload string) (Verdict, string) {
	path, err := pathOf(r.Namespace, workload, workloads)
	if err != nil {
		return CannotTell, err.Error()
	}
	object, err := r.Cluster.Get(ctx, path)
	if err != nil {
		return CannotTell, err.Error()
	}
	pods, err := r.pods(ctx, object)
	if err != nil {
		return CannotTell, "its pods: " + err.Error()
	}
	v, why := r.judgePods(object, pods)
	if v == NotYet && r.Restart && !r.idle && !r.again[workload] && r.stale(pods) {
		if err := r.restart(ctx, path, object); err != nil {
			return CannotTell, "it cannot be restarted: " + err.Error()
		}
		r.again[workload] = true
		return NotYet, why + "; it is being restarted"
	}
	return v, why
}

// restart gives the workload new pods, unless somebody did since the Secret was written.
func (r *run) restart(ctx context.Context, path string, object map[string]any) error {
	annotations := at(object, "spec", "template", "metadata", "annotations")
	if moment(at(annotations, restartedAt)).After(r.changed) {
		return nil
	}
	now := r.Clock.Now().UTC().Format(time.RFC3339)
	_, err := r.Cluster.Merge(ctx, path, map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{restartedAt: now}},
	}}})
	return err
}

func (r *run) pods(ctx context.Context, object map[string]any) ([]any, error) {
	selector, err := selectorOf(object)
	if err != nil {
		return nil, err
	}
	list, err := r.Cluster.Get(ctx, "/api/v1/namespaces/"+r.Namespace+"/pods?labelSelector="+url.QueryEscape(selector))
	if err != nil {
		return nil, err
	}
	if word(at(list, "metadata", "continue")) != "" {
		return nil, fmt.Errorf("there are more than one page of them")
	}
	items, ok := list["items"].([]any)
	if !ok {
		return nil, fmt.Errorf("the answer is no list")
	}
	var pods []any
	for _, pod := range items {
		if phase := word(at(pod, "status", "phase")); phase != "Succeeded" && phase != "Failed" { // these run no more
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// selectorOf writes the labels by which a workload knows its pods.
func selectorOf(object map[string]any) (string, error) {
	if more, _ := at(object, "spec", "selector", "matchExpressions").([]any); len(more) > 0 {
		return "", fmt.Errorf("matchExpressions are not followed")
	}
	labels, _ := at(object, "spec", "selector", "matchLabels").(map[string]any)
	var terms []string
	for name, value := range labels {
		terms = append(terms, name+"="+word(value))
	}
	if len(terms) == 0 {
		return "", fmt.Errorf("it has no selector")
	}
	sort.Strings(terms)
	return strings.Join(terms, ","), nil
}

// fresh reports whether a pod was certainly made after the Secret was written: both
// times are whole seconds of the API server's clock.
func (r *run) fresh(pod any) bool {
	made := moment(at(pod, "metadata", "creationTimestamp"))
	return made.After(r.changed)
}

func (r *run) stale(pods []any) bool {
	for _, pod := range pods {
		if !r.fresh(pod) {
			return true
		}
	}
	return false
}

func (r *run) judgePods(object map[string]any, pods []any) (Verdict, string) {
	want := number(at(object, "spec", "replicas"))
	if want < 0 { // of a daemonset
		want = number(at(object, "status", "desiredNumberScheduled"))
	}
	if want < 0 {
		return CannotTell, "it does not say how many pods it wants"
	}
	if number(at(object, "status", "observedGeneration")) < number(at(object, "metadata", "generation")) {
		return NotYet, "its controller has not taken in its specification"
	}
	old, ready := 0, 0
	for _, pod := range pods {
		p, _ := pod.(map[string]any)
		if !r.fresh(pod) {
			old++
		} else if status, _ := condition(p, "Ready"); status == "True" {
			ready++
		}
	}
	switch {
	case old > 0:
		return NotYet, fmt.Sprintf("%d of %d pods are older than the value", old, len(pods))
	case ready < want:
		return NotYet, fmt.Sprintf("%d of %d pods are ready", ready, want)
	}
	return Proven, fmt.Sprintf("%d pods are ready and younger than the value", ready)
}
