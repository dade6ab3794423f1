// Package metrics measures the life of leaked credentials by the audit trail: each
// metric has a formula, a source, a threshold where there is one, and says when
// nobody can tell. A metric without samples is never 0, and one is never met that what
// is not known could make miss.
package metrics

import (
	"fmt"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// Definition is what a metric is.
type Definition struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	Unit      string     `json:"unit"` // seconds or ratio
	Formula   string     `json:"formula"`
	Source    string     `json:"source"`
	Threshold *Threshold `json:"threshold,omitempty"`
	Unknown   string     `json:"cannot_tell_when"`

	measure func(*input) sample
}

// Threshold is what the value should keep to.
type Threshold struct {
	Op    string  `json:"op"` // <, > or >=
	Value float64 `json:"value"`
}

func (t Threshold) meets(v float64) bool {
	switch t.Op {
	case "<":
		return v < t.Value
	case ">":
		return v > t.Value
	}
	return v >= t.Value
}

// Verdict holds a value against its threshold.
type Verdict string

// The zero Verdict is that nobody can tell.
const (
	CannotTell  Verdict = ""
	Met         Verdict = "met"
	Missed      Verdict = "missed"
	NoThreshold Verdict = "no threshold"
)

// String is the word for people.
func (v Verdict) String() string {
	if v == CannotTell {
		return "cannot tell"
	}
	return string(v)
}

// MarshalText writes that word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Measure is a metric with its value.
type Measure struct {
	Definition
	Value   *float64 `json:"value"`          // nil when nobody can tell
	Samples int      `json:"samples"`        // that the value is of
	Left    int      `json:"left,omitempty"` // that could not be counted
	Verdict Verdict  `json:"verdict"`
	Why     string   `json:"why,omitempty"`   // of "cannot tell", or what is left
	Worst   float64  `json:"worst,omitempty"` // of durations
}

// sample is what a formula gives.
type sample struct {
	value, worst float64
	n, left      int
	why          string
	cautious     *float64 // the value if all that is left missed; nil where what is left says nothing of it
}

// doubted reports whether what is left could make a value that meets a threshold miss it.
func (s sample) doubted(t Threshold) bool {
	return s.left > 0 && s.cautious != nil && t.meets(s.value) && !t.meets(*s.cautious)
}

// input is what formulas read.
type input struct {
	events []store.Event
	kept   []store.Kept
	base   store.Head
}

// Compute measures everything. The events are those of a verified trail, and kept are
// the records of its database.
func Compute(events []store.Event, kept []store.Kept, base store.Head) (all []Measure) {
	in := &input{events, kept, base}
	for _, d := range Definitions() {
		s := d.measure(in)
		m := Measure{Definition: d, Value: &s.value, Worst: s.worst, Samples: s.n, Left: s.left, Why: s.why}
		switch {
		case s.n == 0:
			m.Value, m.Worst = nil, 0
			if m.Why == "" {
				m.Why = d.Unknown
			}
		case d.Threshold == nil:
			m.Verdict = NoThreshold
		case s.doubted(*d.Threshold):
		case d.Threshold.meets(s.value):
			m.Verdict = Met
		default:
			m.Verdict = Missed
		}
		all = append(all, m)
	}
	return all
}

// Text is the value for people.
func (m Measure) Text() string {
	if m.Value == nil {
		return "cannot tell"
	}
	return m.text(*m.Value)
}

func (d Definition) text(v float64) string {
	if d.Unit == "ratio" {
		return fmt.Sprintf("%.4g %%", 100*v)
	}
	return time.Duration(v * float64(time.Second)).Round(time.Second).String()
}

// Bound is the threshold for people.
func (d Definition) Bound() string {
	if d.Threshold == nil {
		return "none"
	}
	return d.Threshold.Op + " " + d.text(d.Threshold.Value)
}
