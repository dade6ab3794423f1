package detect

import (
	"context"
	"os"
	"testing"

	gitleaks "github.com/zricethezav/gitleaks/v8/detect"
)

// benchText is the file that $LEAKGATE_BENCH_TEXT names.
func benchText(b *testing.B) []byte {
	b.Helper()
	name := os.Getenv("LEAKGATE_BENCH_TEXT")
	if name == "" {
		b.Skip("LEAKGATE_BENCH_TEXT names no file")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// pieces cuts a text as a scanner of files would see it, at line ends.
func pieces(text []byte) [][]byte {
	const size = 64 << 10
	var out [][]byte
	for len(text) > size {
		n := size
		for n < len(text) && text[n-1] != '\n' {
			n++
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return append(out, text)
}

func BenchmarkKeywords(b *testing.B) {
	text := benchText(b)
	d := New(defaultSet(b), Options{})
	b.SetBytes(int64(len(text)))
	var hits []hit
	for b.Loop() {
		n, state := 0, uint32(0)
		for _, p := range pieces(text) {
			state, hits = d.auto.scan(p, 0, state, hits[:0], new(lanesOfHits))
			n += len(hits)
		}
		b.ReportMetric(float64(n), "hits")
	}
}

func BenchmarkCollect(b *testing.B) {
	text := benchText(b)
	d, s := New(defaultSet(b), Options{}), &Scratch{}
	s.use(d)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, p := range pieces(text) {
			pass := &pass{d: d, s: s, layer: &layer{text: p}}
			s.keywords(p, func(hits []hit) { pass.follow(hits, 0) })
			s.clear()
		}
	}
}

func benchmarkText(b *testing.B, o Options) {
	text := benchText(b)
	if o.Reference {
		text = text[:min(len(text), 4<<20)]
	}
	d, s := New(defaultSet(b), o), &Scratch{}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		n := 0
		for _, p := range pieces(text) {
			found, err := d.Text(context.Background(), s, p)
			if err != nil {
				b.Fatal(err)
			}
			n += len(found)
		}
		b.ReportMetric(float64(n), "matches")
	}
}

func BenchmarkWindowed(b *testing.B)        { benchmarkText(b, Options{}) }
func BenchmarkWindowedDecoded(b *testing.B) { benchmarkText(b, Options{Depth: 5}) }
func BenchmarkReference(b *testing.B)       { benchmarkText(b, Options{Reference: true}) }

func BenchmarkGitleaks(b *testing.B) {
	text := benchText(b)
	text = text[:min(len(text), 4<<20)]
	d := oracle(b)
	d.MaxDecodeDepth = 0
	defer func() { d.MaxDecodeDepth = 5 }()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		n := 0
		for _, p := range pieces(text) {
			n += len(d.DetectContext(context.Background(), gitleaks.Fragment{Raw: string(p)}))
		}
		b.ReportMetric(float64(n), "matches")
	}
}

func BenchmarkNew(b *testing.B) {
	set := defaultSet(b)
	for b.Loop() {
		New(set, Options{Depth: 5})
	}
}
