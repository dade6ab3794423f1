package gitrepo

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
)

// BenchmarkScan reads every blob of the repository that LEAKGATE_BENCH_REPO names.
func BenchmarkScan(b *testing.B) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		b.Skip("set LEAKGATE_BENCH_REPO to a repository")
	}
	for b.Loop() {
		r, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		var bytes, objects, failed atomic.Int64
		err = r.Scan(context.Background(), nil, ScanOptions{All: true, Only: TypeBlob, Workers: 2}, func(_ int, o Packed) (any, error) {
			bytes.Add(int64(len(o.Data)))
			objects.Add(1)
			if o.Err != nil {
				failed.Add(1)
			}
			return nil, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(objects.Load()), "objects")
		b.ReportMetric(float64(failed.Load()), "failed")
		b.SetBytes(bytes.Load())
		r.Close()
	}
}
