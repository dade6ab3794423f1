package rewrite

import (
	"os"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
)

// BenchmarkSearch reads the repository that LEAKGATE_BENCH_REPO names for a value
// that is not in it.
func BenchmarkSearch(b *testing.B) {
	path := os.Getenv("LEAKGATE_BENCH_REPO")
	if path == "" {
		b.Skip("set LEAKGATE_BENCH_REPO to a repository")
	}
	spec := &Spec{Literals: []Literal{lit(gittest.Letters(40))}}
	for b.Loop() {
		repo, err := gitrepo.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		stages := map[string]bool{}
		r, err := Run(b.Context(), repo, spec, Options{Notice: func(stage string) { stages[stage] = true }})
		if err != nil || !r.Clean() || len(stages) == 0 {
			b.Fatal(err)
		}
		repo.Close()
	}
}
