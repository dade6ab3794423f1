package webhook_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

const (
	mib        = 1 << 20
	many       = 10_000
	mostMemory = 64 * mib // resident, with no policed resources
	mostGrowth = 4 * mib  // of the live heap, by Secrets
)

const memoryPolicy = `version: 1
kubernetes:
  presets: {kubernetes: {}, external-secrets: {}}
  modes: {default: audit, namespaces: {shop: {mode: enforce}}}
`

// sample is the memory of the webhook at one moment, in bytes.
type sample struct {
	what                      string
	live, resident, mostSoFar float64
}

// The number of Secrets costs no memory: nothing is watched, and of what is asked
// only objects that carry claims are kept, for seconds.
func TestMemoryDoesNotFollowTheNumberOfSecrets(t *testing.T) {
	w := newWorld(t, memoryPolicy, "info", often...)
	few := w.sample(t, "nothing")
	if few.resident > mostMemory {
		t.Errorf("%.0f MiB resident with no policed resources", few.resident/mib)
	}
	w.fill(t, many, "/api/v1/namespaces/other/secrets", func(i int) kube.Object { return plain(fmt.Sprint("filled-", i)) })
	filled := w.sample(t, fmt.Sprintf("%d Secrets", many))
	if growth := filled.live - few.live; growth > mostGrowth || growth < -mostGrowth {
		t.Errorf("the live heap is %.1f MiB at no Secrets and %.1f MiB at %d", few.live/mib, filled.live/mib, many)
	}
	if filled.resident > mostMemory {
		t.Errorf("%.0f MiB resident at %d Secrets", filled.resident/mib, many)
	}
	if os.Getenv("LEAKGATE_BENCH") == "true" {
		show(few, filled, w.claims(t))
	}
}

// claims is the memory after claims that ask for every one of many ExternalSecrets
// in a namespace: a Secret without an owner is theirs when one of them names it.
func (w *world) claims(t *testing.T) sample {
	t.Helper()
	controller, err := w.Account(w, "external-secrets", "external-secrets")
	must(t, err)
	must(t, w.Grant(w, "cluster-admin", controller.User(), ""))
	token, err := w.PodToken(w, controller)
	must(t, err)
	w.fill(t, many, "/apis/external-secrets.io/v1/namespaces/shop/externalsecrets", func(i int) kube.Object {
		return kube.Object{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": kube.Object{"name": fmt.Sprint("from-", i)}, "spec": kube.Object{
			"refreshInterval": "1h", "secretStoreRef": kube.Object{"kind": "ClusterSecretStore", "name": "vault"},
			"target": kube.Object{"name": fmt.Sprint("made-", i), "creationPolicy": "Orphan"},
			"data":   []kube.Object{{"secretKey": "password", "remoteRef": kube.Object{"key": fmt.Sprint("apps/", i), "property": "password"}}},
		}}
	})
	admitted, took := 0, time.Duration(0)
	for i := range 20 {
		begin := time.Now()
		if _, err := w.WithToken(token).Create(w, "/api/v1/namespaces/shop/secrets", plain(fmt.Sprint("made-", many-1-i))); err == nil {
			admitted, took = admitted+1, took+time.Since(begin)
		}
	}
	return w.sample(t, fmt.Sprintf("and %d ExternalSecrets in one namespace, of which 20 Secrets named one each: %d admitted, in %.1f s each", many, admitted, took.Seconds()/float64(max(1, admitted))))
}

func (w *world) sample(t *testing.T, what string) sample {
	t.Helper()
	return sample{what, w.live(t), w.metric(t, "process_resident_memory_bytes"), float64(w.Memory()["webhook"])}
}

// write prints the table.
func show(samples ...sample) {
	fmt.Printf("\n| in the cluster | live heap after a collection, MiB | resident, MiB | most so far, MiB |\n|---|---:|---:|---:|\n")
	for _, s := range samples {
		fmt.Printf("| %s | %.1f | %.1f | %.1f |\n", s.what, s.live/mib, s.resident/mib, s.mostSoFar/mib)
	}
}
