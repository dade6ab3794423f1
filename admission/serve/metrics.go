package serve

import (
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/leakgate/leakgate/admission"
)

// metrics count what was decided. No label is free text of a request: rules,
// modes, decisions and the names of writers come from the policy.
type metrics struct {
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	latency   prometheus.Histogram
	reloads   *prometheus.CounterVec
}

// liveHeap is what the last collection found in use, go_gc_heap_live_bytes.
var liveHeap = regexp.MustCompile(`^/gc/heap/live:bytes$`)

func newMetrics(status func() CertificateStatus, policy *Policy, ready func() bool) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_admission_decisions_total", Help: "Requests by rule, mode, writer and decision; dry runs are not counted.",
		}, []string{"rule", "mode", "writer", "decision"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leakgate_admission_duration_seconds", Help: "Time from the decoded request to the decision.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_admission_policy_reloads_total", Help: "Changes of the policy file, by whether it could be read.",
		}, []string{"result"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "leakgate_admission_" + name, Help: help}, value)
	}
	m.registry.MustRegister(m.decisions, m.latency, m.reloads,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: liveHeap})), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("certificate_expiry_timestamp_seconds", "When the serving certificate ends, 0 without one.", func() float64 { return unix(status().Expires) }),
		gauge("webhook_configuration_present", "1 if our webhook configuration is registered.", func() float64 { return number(status().Present) }),
		gauge("certificate_trusted", "1 if the webhook configuration trusts the serving certificate.", func() float64 { return number(status().Trusted) }),
		gauge("policy_broken", "1 if the policy file is broken and an older policy holds.", func() float64 { _, broken := policy.Broken(); return number(broken != nil) }),
		gauge("policy_loaded_timestamp_seconds", "When the policy that holds was loaded.", func() float64 { loaded, _ := policy.Broken(); return unix(loaded) }),
		gauge("ready", "1 if the server is ready.", func() float64 { return number(ready()) }),
	)
	return m
}

func (m *metrics) observe(r admission.Review, a admission.Answer, took time.Duration) {
	m.latency.Observe(took.Seconds())
	if !r.DryRun {
		m.decisions.WithLabelValues(a.Rule, a.ModeWord(), a.Writer, a.Word()).Inc()
	}
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
