//go:build unix

package admission

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
)

// BenchmarkHandler is the whole handler without the network: decode, decide,
// answer. The JSON of the Secret has the size in the name, mostly one value in
// base64; an update holds two. Beside the mean it reports the 99th percentile and
// the rate.
func BenchmarkHandler(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		large := strings.Repeat("x", (size-around)*3/4)
		filled := account("kube-system/sealed-secrets-controller", "db").with(func(c *call) {
			c.owners = bySealed.owners
			c.data = map[string]string{"password": large}
		})
		for name, c := range map[string]call{
			"untrusted": filled.with(human),
			"trusted":   filled,
			"unchanged": filled.with(func(c *call) { c.old = &call{data: c.data}; human(c) }),
		} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, name), func(b *testing.B) { benchmark(b, c.review(b)) })
		}
	}
}

// around is what the Secret has beside its value, in bytes.
const around = 512

func benchmark(b *testing.B, body []byte) {
	p, err := gate.ParsePolicy("policy.yaml", []byte(corpusPolicy))
	if err != nil {
		b.Fatal(err)
	}
	h := NewHandler(Handler{Policy: func() gate.Kubernetes { return *p.Kubernetes }, Cluster: corpusCluster(), Now: time.Now,
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	took := make([]time.Duration, 0, b.N)
	b.SetBytes(int64(len(body)))
	before := cpuTime()
	b.ResetTimer()
	for range b.N {
		r := httptest.NewRequest(http.MethodPost, "/v1/review?timeout=5s", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		start := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), r)
		took = append(took, time.Since(start))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	used := cpuTime() - before // the machine may be busy with other things
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/used.Seconds(), "reviews/s/core")
}

// cpuTime is what the process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
