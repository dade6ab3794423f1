package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leakgate/leakgate/internal/store"
)

// metrics are what /metrics tells.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	took       prometheus.Histogram
	verdicts   *prometheus.CounterVec
}

func newMetrics(s *store.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_app_deliveries_total", Help: "Deliveries by the status that GitHub was answered with.",
		}, []string{"status"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leakgate_app_delivery_seconds", Help: "How long GitHub waited for an answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leakgate_app_verdicts_total", Help: "Questions that were answered, by conclusion.",
		}, []string{"conclusion"}),
	}
	m.registry.MustRegister(m.deliveries, m.took, m.verdicts, questions{s})
	return m
}

func (m *metrics) delivery(status int, took time.Duration) {
	m.deliveries.WithLabelValues(strconv.Itoa(status)).Inc()
	m.took.Observe(took.Seconds())
}

func (m *metrics) verdict(conclusion string) { m.verdicts.WithLabelValues(conclusion).Inc() }

// questions counts the questions in the database whenever somebody asks.
type questions struct{ store *store.Store }

var questionsDesc = prometheus.NewDesc("leakgate_app_questions", "Questions in the database, by state.", []string{"state"}, nil)

// Describe implements [prometheus.Collector].
func (q questions) Describe(out chan<- *prometheus.Desc) { out <- questionsDesc }

// Collect implements [prometheus.Collector].
func (q questions) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var count map[store.Progress]int
	err := q.store.Tx(ctx, func(t *store.Tx) (err error) { count, err = t.Pending(ctx); return err })
	if err != nil {
		out <- prometheus.NewInvalidMetric(questionsDesc, err)
		return
	}
	for _, state := range []store.Progress{store.Waiting, store.Running, store.Done, store.Cancelled} {
		out <- prometheus.MustNewConstMetric(questionsDesc, prometheus.GaugeValue, float64(count[state]), string(state))
	}
}

// handler answers who looks after the process. It lives as long as it answers; it is
// ready while its database answers.
func (m *metrics) handler(s *store.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := s.DB().PingContext(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
