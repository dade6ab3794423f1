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

// BenchmarkFaults judges objects as an API server sends them. Parsing is
// measured too, apart.
func BenchmarkFaults(b *testing.B) {
	many := func(n int, item string) string {
		var s strings.Builder
		for i := range n {
			if i > 0 {
				s.WriteByte(',')
			}
			fmt.Fprintf(&s, item, i)
		}
		return s.String()
	}
	objects := map[string]string{
		"Secret 4 KiB":          `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{` + many(40, `"key%d":"c29tZSB2YWx1ZSB0aGF0IGlzIGxvbmcgZW5vdWdoIHRvIGJlIG9uZSBvZiB0aGVtIGhlcmU="`) + `}}`,
		"ConfigMap 64 KiB":      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{` + many(64, `"file%d":"`+strings.Repeat("level = debug\\n", 64)+`"`) + `}}`,
		"Deployment 64 KiB":     `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[{"name":"a","env":[` + many(900, `{"name":"SETTING_%d","value":"a value of some length that says nothing"}`) + `]}]}}}}`,
		"ExternalSecret 64 KiB": `{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","metadata":{"name":"a"},"spec":{"secretStoreRef":{"name":"a"},"data":[` + many(700, `{"secretKey":"key%d","remoteRef":{"key":"apps/a/b","property":"p","version":"1"}}`) + `]}}`,
	}
	for name, text := range objects {
		docs, err := Parse("in", []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Faults(docs, Formats{})
			}
		})
		b.Run("parse "+name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse("in", []byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
