package unpack

import (
	"strings"
	"testing"
)

// BenchmarkOrdinaryText is what every source file pays.
func BenchmarkOrdinaryText(b *testing.B) {
	text := []byte(strings.Repeat("if err != nil { return err } // an ordinary line\n", 2000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Views(b.Context(), "a.go", text, Limits{}, func(View) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
