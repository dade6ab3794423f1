package webhook_test

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// metric is a number of /metrics: the sum of the samples whose name, with its
// labels, holds all the parts.
func (w *world) metric(t *testing.T, parts ...string) float64 {
	t.Helper()
	text, err := w.get("/metrics")
	must(t, err)
	sum, found := 0.0, false
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		name, number, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "#") || !holds(name, parts) {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		must(t, err)
		sum, found = sum+n, true
	}
	if !found {
		t.Fatalf("no %v in the metrics", parts)
	}
	return sum
}

func holds(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// live is the heap that the webhook has in use after a collection, in bytes: it
// is given reviews until it has collected three times more.
func (w *world) live(t *testing.T) float64 {
	t.Helper()
	const collections = "go_gc_duration_seconds_count"
	for start := w.metric(t, collections); w.metric(t, collections) < start+3; {
		for i := range 50 {
			secret := kube.Object{"metadata": kube.Object{"name": fmt.Sprint("measure-", i)}, "stringData": kube.Object{"note": strings.Repeat(value, 100)}}
			_, err := w.Admin().Create(w, "/api/v1/namespaces/other/secrets?dryRun=All", secret)
			must(t, err)
		}
	}
	return w.metric(t, "go_gc_heap_live_bytes")
}

// fill makes objects by several clients at once.
func (w *world) fill(t *testing.T, number int, path string, object func(i int) kube.Object) {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			client := w.Admin()
			for i := worker; i < number; i += 8 {
				if _, err := client.Create(w, path, object(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %s after %.0f s", number, path, time.Since(begin).Seconds())
}
