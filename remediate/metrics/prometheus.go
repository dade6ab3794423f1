package metrics

import (
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// WritePrometheus writes the text format of Prometheus. What nobody can tell has no
// value, and leakgate_metric_known says 0.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func WritePrometheus(to io.Writer, all []Measure) error {
	known := family("metric_known", "1 when the metric has a value, 0 when nobody can tell.")
	met := family("metric_met", "1 when the metric keeps to its threshold, 0 when it does not; absent without a threshold, or when nobody can tell.")
	samples := family("metric_samples", "How many samples the value is of.")
	families := []*dto.MetricFamily{known, met, samples}
	for _, m := range all {
		add(samples, m.Name, float64(m.Samples))
		if m.Value == nil {
			add(known, m.Name, 0)
			continue
		}
		add(known, m.Name, 1)
		own := family(m.Name, strings.ReplaceAll(m.Title+": "+m.Formula, "`", "")+".")
		add(own, "", *m.Value)
		families = append(families, own)
		switch m.Verdict {
		case Met:
			add(met, m.Name, 1)
		case Missed:
			add(met, m.Name, 0)
		}
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, f := range families {
		if len(f.Metric) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(to, f); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

func family(name, help string) *dto.MetricFamily {
	return &dto.MetricFamily{Name: new("leakgate_" + name), Help: &help, Type: dto.MetricType_GAUGE.Enum()}
}

// add puts in a value; of names no metric but the family itself.
func add(f *dto.MetricFamily, of string, value float64) {
	m := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
	if of != "" {
		m.Label = []*dto.LabelPair{{Name: new("metric"), Value: &of}}
	}
	f.Metric = append(f.Metric, m)
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
