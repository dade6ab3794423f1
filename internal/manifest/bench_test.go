package manifest

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkLooksAtSource(b *testing.B) {
	text := []byte(strings.Repeat("func (w *walker) stop(n *node, reason string) {\n\tif w.fault == nil { // kind of\n", 4000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if Looks(text) {
			b.Fatal("source is no manifest")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	var s strings.Builder
	for i := range 50 {
		fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a%d\ndata:\n  user: ZmFrZQ==\nstringData:\n  conf: |\n    a = b\n    c = d\n", i)
	}
	text := []byte(s.String())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("in.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}
