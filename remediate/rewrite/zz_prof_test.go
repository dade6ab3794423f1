package rewrite

import (
	"context"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"os"
	"strings"
	"testing"
)

func BenchmarkRun(b *testing.B) {
	f, _ := os.ReadFile(os.Getenv("RW_TEXT"))
	spec, err := ReadText(strings.NewReader(string(f)))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		repo, err := gitrepo.Open(os.Getenv("RW_REPO"))
		if err != nil {
			b.Fatal(err)
		}
		r, err := Run(context.Background(), repo, &spec, Options{Write: os.Getenv("RW_WRITE") != "", Notice: func(s string) { println(s) }})
		if err != nil {
			b.Fatal(err)
		}
		removePack(r.Pack)
		b.ReportMetric(float64(r.Changed), "changed")
		repo.Close()
	}
}
