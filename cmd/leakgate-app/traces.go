package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/leakgate/leakgate/internal/inspect"
)

// traces sends spans to where the standard variables say, and nowhere without them. end
// sends what is left.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
func (w *world) traces(ctx context.Context, name string, log *slog.Logger) (tracer trace.Tracer, end func(), err error) {
	if !w.traced() {
		return noop.NewTracerProvider().Tracer(""), func() {}, nil
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if protocol := w.env(variable); protocol != "" && protocol != "http/protobuf" {
			return nil, nil, badFlag("%s: traces are sent by http/protobuf alone", variable)
		}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces could not be sent", "error", inspect.Clean(fmt.Sprint(err)))
	}))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, badFlag("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attribute.String("service.name", "leakgate-app"),
		attribute.String("service.version", toolVersion()), attribute.String("service.instance.id", name)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, badFlag("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return provider.Tracer("github.com/leakgate/leakgate/app"), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces could not be sent", "error", inspect.Clean(err.Error()))
		}
	}, nil
}

// traced reports whether anybody wants traces.
func (w *world) traced() bool {
	if strings.EqualFold(w.env("OTEL_SDK_DISABLED"), "true") || w.env("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return w.env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || w.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}
