package rewrite

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

func zipped(t *testing.T, name, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What is in an archive is seen and told, and what cannot be opened is told too.
func TestArchivesAreLookedInto(t *testing.T) {
	g := newGround(t, "sha1")
	text := strings.Repeat("a line that is compressed well\n", 100)
	g.Write("a.zip", zipped(t, "config", text+g.value))
	g.Write("b.gz", gzipped(t, text+g.value))
	g.Write("c.tar.gz", gzipped(t, zipped(t, "deep", text+"x"+g.value)))
	g.Write("clean.zip", zipped(t, "config", text))
	g.Write("name.zip", zipped(t, gittest.Letters(5)+strings.ReplaceAll(g.value, "/", "_"), text))
	g.Write("cut.gz", gzipped(t, gittest.Letters(4000))[:500])
	g.Write("closed.7z", "7z\xbc\xaf\x27\x1c"+gittest.Letters(100))
	g.File("plain", g.value)
	want := map[string]bool{}
	for _, name := range []string{"a.zip", "b.gz", "c.tar.gz"} {
		want[g.Git("rev-parse", "HEAD:"+name)] = true
	}
	r, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Archives.Tainted) != len(want) {
		t.Errorf("%d archives hold a value, not %d", len(r.Archives.Tainted), len(want))
	}
	for _, id := range r.Archives.Tainted {
		if !want[id.String()] {
			t.Errorf("%s holds no value", id)
		}
	}
	if len(r.Archives.Unread) != 2 {
		t.Errorf("unread: %+v", r.Archives.Unread)
	}
	if _, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	left, err := Verify(t.Context(), open(t, g.Dir), &g.spec)
	if err != nil || !left.Any() || len(left.Blobs) > 0 || len(left.Archives.Tainted) != 3 {
		t.Errorf("%+v, %v", left, err)
	}
	g.spec.Drop = []string{"a.zip", "b.gz", "c.tar.gz", "cut.gz", "closed.7z"}
	if _, err := Apply(t.Context(), open(t, g.Dir), &g.spec, Options{}, elsewhere(t)); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), open(t, g.Dir)); err != nil {
		t.Fatal(err)
	}
	if left, err := Verify(t.Context(), open(t, g.Dir), &g.spec); err != nil || left.Any() || len(left.Archives.Unread) > 0 {
		t.Errorf("%+v, %v", left, err)
	}
}
