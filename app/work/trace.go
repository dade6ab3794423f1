package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/internal/store"
)

// origin is the delivery by which a question was asked. It is kept with the question, as
// jobs carry ids alone: when the delivery was kept, and the trace that it began.
type origin struct {
	Since int64  `json:"since,omitempty"` // in microseconds since 1970; 0: not known
	Trace string `json:"trace,omitempty"` // a traceparent; "" for none
}

// from is the origin of what is asked now, for a delivery that was kept at a time.
func from(ctx context.Context, kept time.Time) (o origin) {
	if !kept.IsZero() {
		o.Since = kept.UnixMicro()
	}
	o.Trace = traceparent(ctx)
	return o
}

// age is how long ago the delivery was kept.
func (o origin) age(now time.Time) time.Duration { return now.Sub(time.UnixMicro(o.Since)) }

// earlier orders origins.
func earlier(a, b origin) int { return cmp.Compare(a.Since, b.Since) }

// traceparent is the header of W3C Trace Context for the span at hand; "" without one.
// https://www.w3.org/TR/trace-context/#traceparent-header
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// under has spans be children of one that another job, or process, ended.
func under(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// span begins one. Its attributes are ids and words of our own: no name of anybody's
// repository or branch, no text of an error. The log has those, by the same ids.
func (e *Engine) span(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	ctx, span := e.Tracer.Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if span.IsRecording() {
			word := outcome(ctx, err)
			span.SetAttributes(attribute.String("leakgate.outcome", word))
			if word == failed || word == givenUp {
				span.SetStatus(codes.Error, word)
			}
		}
		span.End()
	}
}

// The outcomes of jobs that are errors.
const (
	failed  = "failed"
	givenUp = "given up"
)

// outcome says how a job ended, as [Engine.settle] takes it.
func outcome(ctx context.Context, err error) string {
	_, later := hub.AsLater(err)
	switch {
	case err == nil:
		return "done"
	case later:
		return "waits for GitHub"
	case errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely):
		return "replaced"
	case errors.Is(ctx.Err(), context.Canceled):
		return "cut off"
	case errors.Is(err, store.ErrBusy) || errors.Is(err, mirror.ErrInUse):
		return "waits its turn"
	case errors.Is(err, hub.ErrGone) || errors.Is(err, errGiveUp):
		return givenUp
	}
	return failed
}

// telling begins the span of a report: it goes on with the trace of the question that was
// asked last, and names those of the others.
func (e *Engine) telling(ctx context.Context, tip store.Tip, said saying, attempt int) (context.Context, func(error)) {
	attributes, last := []attribute.KeyValue{attribute.Int64("leakgate.tip", tip.ID), attribute.Int64("leakgate.repository", tip.Repository),
		attribute.Int64("leakgate.installation", tip.Installation), attribute.Int("leakgate.attempt", attempt)}, ""
	if n := len(said.origins); n > 0 {
		last = slices.MaxFunc(said.origins, earlier).Trace
	}
	ctx, end := e.span(under(ctx, last), "report", attributes...)
	for _, o := range said.origins {
		if other := trace.SpanContextFromContext(under(context.Background(), o.Trace)); o.Trace != last && other.IsValid() {
			trace.SpanFromContext(ctx).AddLink(trace.Link{SpanContext: other})
		}
	}
	return ctx, end
}
