package survey

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	k8stesting "k8s.io/client-go/testing"
)

const apiServer = `- {apiVersion: v1, kind: Pod, metadata: {name: NAME, namespace: kube-system, labels: {component: kube-apiserver}}, spec: {containers: [{name: a, command: [kube-apiserver, FLAGS]}, {name: sidecar, command: [proxy]}]}}
`

// One API server that does not encrypt is enough to store a Secret in the clear.
func TestEncryptionAtRestOfSeveralAPIServers(t *testing.T) {
	const with, apart, without = "--encryption-provider-config=/etc/e.yaml", "--encryption-provider-config, /etc/e.yaml", "--v=2"
	for want, servers := range map[string][][]string{
		"configured":     {{with}, {apart}, {with, apart}},
		"not configured": {{without}, {with, without}, {without, with}},
	} {
		for _, flags := range servers {
			var world strings.Builder
			for i, f := range flags {
				world.WriteString(strings.NewReplacer("NAME", string(rune('a'+i)), "FLAGS", f).Replace(apiServer))
			}
			if got, err := surveyOf(t, world.String()).atRest(context.Background()); got != want || err != nil {
				t.Errorf("%v: %q, %v", flags, got, err)
			}
		}
	}
	s := surveyOf(t, strings.NewReplacer("NAME", "a", "FLAGS", with).Replace(apiServer))
	s.Client.(*fake.FakeDynamicClient).PrependReactor("list", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
	})
	if got, err := s.atRest(context.Background()); got != "cannot tell" || err != nil {
		t.Errorf("of pods that cannot be seen: %q, %v", got, err)
	}
}

// What runs without a Deployment has an environment too; what a workload owns is said once.
func TestEnvironmentOfJobsAndPods(t *testing.T) {
	const container = `{containers: [{name: c, envFrom: [{secretRef: {name: s}}]}]}`
	world := strings.ReplaceAll(`
- {apiVersion: v1, kind: Pod, metadata: {name: alone, namespace: shop}, spec: SPEC}
- {apiVersion: v1, kind: Pod, metadata: {name: odd, namespace: shop, ownerReferences: [{apiVersion: batch.example/v1, kind: Job, name: a, uid: a}]}, spec: SPEC}
- {apiVersion: v1, kind: Pod, metadata: {name: owned, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a, uid: a}]}, spec: SPEC}
- {apiVersion: batch/v1, kind: Job, metadata: {name: once, namespace: shop}, spec: {template: {spec: SPEC}}}
- {apiVersion: batch/v1, kind: Job, metadata: {name: again, namespace: shop, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: a, uid: a}]}, spec: {template: {spec: SPEC}}}
`, "SPEC", container)
	uses, err := surveyOf(t, world).environment(context.Background(), "shop")
	var got []string
	for _, u := range uses {
		got = append(got, u.Workload)
	}
	if want := "Job once, Pod alone, Pod odd"; err != nil || strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s: %v", got, want, err)
	}
}
