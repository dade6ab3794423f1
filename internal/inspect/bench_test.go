package inspect_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
)

// BenchmarkHistory scans the whole history of the repository that
// LEAKGATE_BENCH_REPO names.
func BenchmarkHistory(b *testing.B) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		b.Skip("LEAKGATE_BENCH_REPO names no repository")
	}
	key, err := secret.NewKey()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := inspect.Run(context.Background(), inspect.Question{Path: path}, inspect.World{
			Key: key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(r.Result.Coverage.Bytes)
		b.ReportMetric(float64(len(r.Result.Findings)), "findings")
	}
}
