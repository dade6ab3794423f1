package main

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// metrics are what /metrics tells. Labels have few values, all of them ours: no metric is
// about one repository, installation or person.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	took       prometheus.Histogram
	milestones map[work.Milestone]prometheus.Histogram
	verdicts   *prometheus.CounterVec
	replayed   prometheus.Counter
}

// people are the buckets, in seconds, of what people wait for. The bounds of the service
// levels in deploy/slo are among them.
var people = []float64{.25, .5, 1, 2, 3, 5, 10, 30, 60, 120, 300, 900, 3600}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_app_deliveries_total", Help: "Deliveries by the status that GitHub was answered with.",
		}, []string{"status"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leakgate_app_delivery_seconds", Help: "How long GitHub waited for an answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		milestones: map[work.Milestone]prometheus.Histogram{
			work.CheckMade: prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: "leakgate_app_check_seconds", Help: "From a delivery to the check run of its commit, queued or further.", Buckets: people}),
			work.VerdictTold: prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: "leakgate_app_verdict_seconds", Help: "From a delivery to the completed check run of its commit.", Buckets: people}),
		},
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_app_verdicts_total", Help: "Questions that were answered, by conclusion; action_required is a scan that is incomplete.",
		}, []string{"conclusion"}),
		replayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leakgate_app_replayed_total", Help: "Deliveries that did not arrive and were read from GitHub, or asked for again.",
		}),
	}
	for _, conclusion := range []string{report.Success, report.Failure, report.Neutral, report.ActionRequired} {
		m.verdicts.WithLabelValues(conclusion) // so that the first of a kind is an increase
	}
	for _, status := range []int{http.StatusAccepted, http.StatusUnauthorized, http.StatusServiceUnavailable} {
		m.deliveries.WithLabelValues(strconv.Itoa(status))
	}
	m.registry.MustRegister(m.deliveries, m.took, m.milestones[work.CheckMade], m.milestones[work.VerdictTold], m.verdicts, m.replayed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) delivery(status int, took time.Duration) {
	m.deliveries.WithLabelValues(strconv.Itoa(status)).Inc()
	m.took.Observe(took.Seconds())
}

func (m *metrics) verdict(conclusion string) { m.verdicts.WithLabelValues(conclusion).Inc() }

func (m *metrics) reached(at work.Milestone, took time.Duration) {
	m.milestones[at].Observe(took.Seconds())
}

func (m *metrics) replay(deliveries int) { m.replayed.Add(float64(deliveries)) }

// handler answers who looks after the process. It lives as long as it answers; it is
// ready while its database answers. What cannot be measured is left out, and the rest told.
func (m *metrics) handler(s *store.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if !answers(r.Context(), s) {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}
