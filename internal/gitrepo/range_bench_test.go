package gitrepo

import (
	"context"
	"os"
	"testing"
)

// BenchmarkRange walks the last fifty commits of LEAKGATE_BENCH_REPO, everything below hidden.
func BenchmarkRange(b *testing.B) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		b.Skip("set LEAKGATE_BENCH_REPO to a repository")
	}
	for b.Loop() {
		r := open(b, path)
		report, err := r.Walk(context.Background(), []ID{mustResolve(b, r, "HEAD")}, []ID{mustResolve(b, r, "HEAD~50")}, func(*Commit) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(report.Commits), "commits")
	}
}
