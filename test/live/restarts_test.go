package live

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

const restartPolicy = `version: 1
kubernetes:
  presets: {kubernetes: {}, sealed-secrets: {}}
  modes: {default: enforce}
`

// tally is what came of the writes of one kind.
type tally struct {
	name             string
	rule             string // that has to refuse them, "" where they have to go through
	client           *kube.Client
	body             func(i int) kube.Object
	sent, wrong, bad atomic.Int64
	first            sync.Once
	said             string // of the first that failed
}

// TestRestartsUnderLoad replaces both replicas, which are processes behind a proxy that
// follows their readiness, twice, and gives them a new authority in between, while writes
// come without a pause. No write may fail, and none may be decided wrongly: also not where
// the API server goes on without an answer, which the audit log tells. make bench-admission
// runs it.
func TestRestartsUnderLoad(t *testing.T) {
	if os.Getenv("LEAKGATE_BENCH") != "true" {
		t.Skip("takes three minutes: make bench-admission")
	}
	folder := t.TempDir()
	flags, err := auditFlags(folder)
	must(t, err)
	ctx, c := kube.Test(t, kube.Options{Flags: flags})
	door, err := Build(ctx, c)
	must(t, err)
	kinds := writesUnderLoad(ctx, t, c)
	must(t, door.Open(ctx, restartPolicy))

	loading, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	begin := time.Now()
	for _, k := range kinds {
		for worker := range 2 {
			wg.Go(func() { k.send(loading, worker) })
		}
	}
	must(t, door.Restart(ctx))
	signs, err := door.Rotate(ctx, time.Now().Add(90*time.Second))
	must(t, err)
	waiting, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	must(t, signs(waiting))
	must(t, door.Restart(ctx))
	took := time.Since(begin)
	stop()
	wg.Wait()

	all, err := writes(folder)
	must(t, err)
	unasked := 0
	for _, one := range all {
		if one.Begin.After(begin) && one.open() {
			unasked++
		}
	}
	fmt.Printf("\n| writes through the API server in %.0f s, in which both replicas restarted twice and got a new authority | sent | failed | wrongly decided |\n|---|---:|---:|---:|\n", took.Seconds())
	for _, k := range kinds {
		fmt.Printf("| %s | %d | %d | %d |\n", k.name, k.sent.Load(), k.bad.Load(), k.wrong.Load())
		if k.bad.Load() > 0 || k.wrong.Load() > 0 || k.sent.Load() < 100 {
			t.Errorf("%s: of %d writes %d failed and %d were decided wrongly: %s", k.name, k.sent.Load(), k.bad.Load(), k.wrong.Load(), k.said)
		}
	}
	fmt.Printf("| of all, without an answer of the webhook, by the audit log | | %d | |\n", unasked)
	if unasked > 0 {
		t.Errorf("%d writes went on without an answer", unasked)
	}
}

// writesUnderLoad are those of a trusted writer, by the entry that lets through what is
// not answered, and of anybody, by the entry that does not; each rightly and not.
func writesUnderLoad(ctx context.Context, t *testing.T, c *kube.Cluster) []*tally {
	t.Helper()
	must(t, c.Apply(ctx, sealedKind(t)))
	a, err := c.Account(ctx, "kube-system", "sealed-secrets-controller")
	must(t, err)
	must(t, c.Namespace(ctx, "shop", nil))
	for _, user := range []string{a.User(), "dev"} {
		must(t, c.Grant(ctx, "cluster-admin", user, ""))
	}
	token, err := c.PodToken(ctx, a)
	must(t, err)
	dev, err := c.WithCertificate("dev")
	must(t, err)
	made, err := c.Admin().Create(ctx, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets", kube.Object{
		"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": kube.Object{"name": "db"}, "spec": kube.Object{"encryptedData": kube.Object{"password": sealedForm()}}})
	must(t, err)
	owned := func(i int) kube.Object {
		o := secret(fmt.Sprint("owned-", i), "password")
		o["metadata"].(kube.Object)["ownerReferences"] = []kube.Object{{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": kube.UID(made), "controller": true}}
		return o
	}
	return []*tally{
		{name: "a trusted writer, with its claim", client: c.WithToken(token), body: owned},
		{name: "a trusted writer, for nothing", rule: "writer-claim", client: c.WithToken(token), body: func(i int) kube.Object { return secret(fmt.Sprint("forged-", i), "password") }},
		{name: "anybody, nothing in it", client: dev, body: func(i int) kube.Object { return kube.Object{"metadata": kube.Object{"name": fmt.Sprint("empty-", i)}} }},
		{name: "anybody, by a copying annotation", rule: "copy-annotation", client: dev, body: func(i int) kube.Object {
			return kube.Object{"metadata": kube.Object{"name": fmt.Sprint("copy-", i), "annotations": kube.Object{"replicator.v1.mittwald.de/replicate-from": "prod/db"}}}
		}},
	}
}

// send writes as dry runs until the context ends. What ends with it is no failure.
func (k *tally) send(ctx context.Context, worker int) {
	for i := worker; ctx.Err() == nil; i += 2 {
		_, err := k.client.Create(ctx, secretsIn("shop")+"?dryRun=All", k.body(i))
		if ctx.Err() != nil {
			return
		}
		k.sent.Add(1)
		var status *kube.StatusError
		refused := errors.As(err, &status) && strings.Contains(status.Message, "leakgate "+k.rule+":")
		switch {
		case k.rule == "" && err == nil, k.rule != "" && refused:
			continue
		case err == nil, strings.Contains(err.Error(), "leakgate "):
			k.wrong.Add(1)
		default:
			k.bad.Add(1)
		}
		k.first.Do(func() { k.said = fmt.Sprint(err) })
	}
}

// sealedKind is a file that defines SealedSecrets with any content.
func sealedKind(t *testing.T) string {
	t.Helper()
	file := t.TempDir() + "/sealed.yaml"
	must(t, os.WriteFile(file, []byte(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sealedsecrets.bitnami.com}
spec:
  group: bitnami.com
  scope: Namespaced
  names: {kind: SealedSecret, plural: sealedsecrets}
  versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`), 0o600))
	return file
}

// sealedForm has the form of a value sealed for a key of 2048 bits.
func sealedForm() string {
	raw := make([]byte, 2+256+20+16)
	raw[0] = 1
	for i := range raw[2:] {
		raw[2+i] = byte(7*i + i/250)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
