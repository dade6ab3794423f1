package metrics

import (
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// WritePrometheus writes the text format of Prometheus. What nobody can tell has no
// value, and leakgate_metric_known says 0.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func WritePrometheus(to io.Writer, all []Measure) error {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "leakgate_" + name, Help: help}, labels)
		registry.MustRegister(g)
		return g
	}
	known := gauge("metric_known", "1 when the metric has a value, 0 when nobody can tell.", "metric")
	met := gauge("metric_met", "1 when the metric keeps to its threshold, 0 when it does not; absent without a threshold, or when nobody can tell.", "metric")
	samples := gauge("metric_samples", "How many samples the value is of.", "metric")
	for _, m := range all {
		samples.WithLabelValues(m.Name).Set(float64(m.Samples))
		if m.Value == nil {
			known.WithLabelValues(m.Name).Set(0)
			continue
		}
		known.WithLabelValues(m.Name).Set(1)
		gauge(m.Name, strings.ReplaceAll(m.Title+": "+m.Formula, "`", "")+".").WithLabelValues().Set(*m.Value)
		switch m.Verdict {
		case Met:
			met.WithLabelValues(m.Name).Set(1)
		case Missed:
			met.WithLabelValues(m.Name).Set(0)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(to, f); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// Page is the documentation of all metrics in Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Written from the definitions in remediate/metrics; make docs writes it anew. -->

` + "`leakgate remediate metrics`" + ` measures from a verified audit trail; ` + "`--format json`" + ` and ` + "`--format prometheus`" + ` are for machines, and
` + "`--check`" + ` is for CI: exit code 1 when a threshold is missed, 3 when nobody can tell about one. A metric without samples is
"cannot tell": it has no value, in Prometheus too, where ` + "`leakgate_metric_known`" + ` is 0.

`)
	for _, d := range Definitions() {
		fmt.Fprintf(&b, "## %s\n\n`leakgate_%s`, in %s. Threshold: %s.\n\n- Formula: %s.\n- Source: %s.\n- Cannot tell when %s.\n\n", d.Title, d.Name, map[string]string{"seconds": "seconds", "ratio": "parts of one"}[d.Unit], d.Bound(), d.Formula, d.Source, d.Unknown)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
