// Package seen counts the time in which a webhook was really asked, and what was
// refused in it. Replicas write it down, and who promotes a namespace reads it.
package seen

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Field is the key of the ConfigMap under which the spans stand.
const Field = "spans"

// Quiet is the longest time between two proofs that an API server asks of which it
// is still said that nothing was missed. Replicas ask for one every ten minutes.
const Quiet = 25 * time.Minute

// most is how many spans are kept: the oldest go first, so that what is said to
// be seen is never too much.
const most = 100

// Span is an unbroken time, from a proof to a proof.
type Span struct{ From, To time.Time }

// Spans are times that were seen, the earliest first, none touching another.
type Spans []Span

// Add is the spans with one more.
func (s Spans) Add(more Span) Spans {
	all := append(slices.Clone(s), more)
	slices.SortFunc(all, func(a, b Span) int { return a.From.Compare(b.From) })
	out := Spans{}
	for _, next := range all {
		if last := len(out) - 1; last >= 0 && !next.From.After(out[last].To) {
			out[last].To = later(out[last].To, next.To)
			continue
		}
		out = append(out, next)
	}
	return out[max(0, len(out)-most):]
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Since is what of the spans lies after a time.
func (s Spans) Since(start time.Time) (out Spans) {
	for _, span := range s {
		if span.From = later(span.From, start); span.To.After(span.From) {
			out = append(out, span)
		}
	}
	return out
}

// Days are the whole days of all spans together. What is in the future, as a wrong
// clock writes it, does not count.
func (s Spans) Days(now time.Time) int {
	var total time.Duration
	for _, span := range s {
		if end := span.To; span.From.Before(now) {
			if end.After(now) {
				end = now
			}
			total += end.Sub(span.From)
		}
	}
	return int(total / (24 * time.Hour))
}

// String is a line for each span, as ISO 8601 writes an interval.
func (s Spans) String() string {
	var b strings.Builder
	for _, span := range s {
		fmt.Fprintf(&b, "%s/%s\n", span.From.UTC().Format(time.RFC3339), span.To.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// Parse reads what String writes.
func Parse(text string) (Spans, error) {
	spans := Spans{}
	for line := range strings.Lines(text) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), "/")
		start, err := time.Parse(time.RFC3339, from)
		if err != nil {
			return nil, fmt.Errorf("%q is no interval of two times", clip(line))
		}
		end, err := time.Parse(time.RFC3339, to)
		if err != nil || end.Before(start) {
			return nil, fmt.Errorf("%q is no interval of two times", clip(line))
		}
		spans = spans.Add(Span{start, end})
	}
	return spans, nil
}

func clip(line string) string { return strings.TrimSpace(line[:min(len(line), 60)]) }
