package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// load is writers that rotate Secrets through the API server, with the webhook and
// the floor and without them, in turns.
type load struct {
	*world
	clients   []*kube.Client // all of them the controller's pod, with a connection each
	owner     string         // uid
	installed []kube.Request
	took      map[cell][]time.Duration
	rates     map[cell][]float64
}

// cell is what is compared.
type cell struct {
	clients int
	webhook bool
}

var crowds = []int{1, 20, 100}

// TestAddedTime measures what the webhook adds to a write through the API server: a
// trusted writer rotates Secrets in a namespace that enforces, which is two
// registrations, the floor, an identity and a claim. make bench-admission runs it;
// LEAKGATE_BENCH_ROUNDS and LEAKGATE_BENCH_SECONDS say how often and how long.
func TestAddedTime(t *testing.T) {
	if os.Getenv("LEAKGATE_BENCH") != "true" {
		t.Skip("measures, and judges nothing: make bench-admission")
	}
	l := newLoad(t)
	rounds, seconds := setting(t, "LEAKGATE_BENCH_ROUNDS", 5), setting(t, "LEAKGATE_BENCH_SECONDS", 3)
	for round := range int(rounds) {
		for turn := range 2 {
			with := (round+turn)%2 == 0 // who is first changes
			l.turn(t, with)
			before := l.metric(t, "decisions_total")
			wrote := 0
			for _, n := range crowds {
				wrote += l.run(t, cell{n, with}, time.Duration(seconds*float64(time.Second)))
			}
			if seen := int(l.metric(t, "decisions_total") - before); with && seen < wrote || !with && seen != 0 {
				t.Errorf("webhook %v: %d of %d writes were judged", with, seen, wrote)
			}
		}
	}
	l.write()
}

func setting(t *testing.T, name string, otherwise float64) float64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	must(t, err)
	return n
}

func newLoad(t *testing.T) *load {
	t.Helper()
	l := &load{world: newWorld(t, policy, "info", often...), took: map[cell][]time.Duration{}, rates: map[cell][]float64{}}
	account, err := l.Account(l, "kube-system", "sealed-secrets-controller")
	must(t, err)
	must(t, l.Grant(l, "cluster-admin", account.User(), ""))
	token, err := l.PodToken(l, account)
	must(t, err)
	sealed, err := l.Admin().Create(l, "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets", kube.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
		"metadata": kube.Object{"name": "db"}, "spec": kube.Object{"encryptedData": kube.Object{"password": sealedValue()}}})
	must(t, err)
	l.owner = kube.UID(sealed)
	for i := range slices.Max(crowds) {
		l.clients = append(l.clients, l.WithToken(token))
		_, err := l.clients[i].Create(l, "/api/v1/namespaces/shop/secrets", l.rotated(i, 0))
		must(t, err)
	}
	l.remember(t)
	return l
}

// rotated is the Secret of a client with its next value, 4 KiB in all.
func (l *load) rotated(client, turn int) kube.Object {
	s := with(plain(fmt.Sprint("db-", client)), "ownerReferences", []kube.Object{{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": l.owner, "controller": true}})
	s["stringData"] = kube.Object{"password": fmt.Sprintf("%04096d", turn)}
	return s
}

// registered are the objects by which the API server knows of us, as paths.
var registered = []string{
	"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/leakgate-floor",
	"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/leakgate-floor",
	"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/leakgate-admission",
}

func (l *load) remember(t *testing.T) {
	t.Helper()
	for _, path := range registered {
		live, err := l.Admin().Get(l, path)
		must(t, err)
		live["metadata"] = kube.Object{"name": live["metadata"].(kube.Object)["name"], "labels": live["metadata"].(kube.Object)["labels"]}
		delete(live, "status")
		collection := path[:len(path)-len(live["metadata"].(kube.Object)["name"].(string))-1]
		l.installed = append(l.installed, kube.Request{Method: "POST", Path: collection, Body: live})
	}
}

// turn has the API server know of us, or not.
func (l *load) turn(t *testing.T, with bool) {
	t.Helper()
	for i, path := range registered {
		err := l.Admin().Delete(l, path)
		var gone *kube.StatusError
		if err != nil && !(errors.As(err, &gone) && gone.Code == 404) {
			t.Fatal(err)
		}
		if with {
			_, err := l.Admin().Do(l, l.installed[i])
			must(t, err)
		}
	}
	refusals := 0 // several in a row, as the floor may be there before the webhook
	must(t, kube.Eventually(l, func(context.Context) error {
		_, err := l.Admin().Create(l, "/api/v1/namespaces/shop/secrets?dryRun=All", plain("probe"))
		if refused := err != nil; refused != with {
			refusals = 0
			return fmt.Errorf("refused: %v", refused)
		}
		if refusals++; refusals < 20 {
			return errors.New("just so")
		}
		return nil
	}))
}

// run has so many clients rotate, each one Secret, as fast as they are answered.
func (l *load) run(t *testing.T, c cell, long time.Duration) (wrote int) {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	begin := time.Now()
	var wg sync.WaitGroup
	for i, client := range l.clients[:c.clients] {
		wg.Go(func() {
			var took []time.Duration
			for turn := 1; time.Since(begin) < long; turn++ {
				start := time.Now()
				_, err := client.Do(l, kube.Request{Method: "PUT", Path: fmt.Sprint("/api/v1/namespaces/shop/secrets/db-", i), Body: l.rotated(i, int(start.UnixNano()))})
				if err != nil {
					t.Error(err)
					return
				}
				took = append(took, time.Since(start))
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	l.took[c] = append(l.took[c], all...)
	l.rates[c] = append(l.rates[c], float64(len(all))/time.Since(begin).Seconds())
	return len(all)
}

// write prints the table.
func (l *load) write() {
	fmt.Printf("\n| clients | without, p50 | with, p50 | added | without, p99 | with, p99 | added | writes a second, without and with |\n|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	added := func(without, with time.Duration) string {
		return fmt.Sprintf("**%+.1f ms** (%.2f×)", float64((with-without).Microseconds())/1000, float64(with)/float64(without))
	}
	for _, n := range crowds {
		without, with := cell{n, false}, cell{n, true}
		p50, p50with, p99, p99with := rank(l.took[without], 50), rank(l.took[with], 50), rank(l.took[without], 99), rank(l.took[with], 99)
		fmt.Printf("| %d | %s | %s | %s | %s | %s | %s | %.0f, %.0f |\n", n, ms(p50), ms(p50with), added(p50, p50with), ms(p99), ms(p99with), added(p99, p99with),
			median(l.rates[without]), median(l.rates[with]))
	}
}

func rank(all []time.Duration, percent int) time.Duration {
	slices.Sort(all)
	return all[len(all)*percent/100]
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
