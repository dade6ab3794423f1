package rewrite

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/gittest"
)

// What is compressed and then in base64 is seen and told, as a release of Helm in a Secret.
func TestCompressedInBase64IsTold(t *testing.T) {
	g := newGround(t, "sha1")
	filler := strings.Repeat("a line that is compressed well\n", 100)
	release := func(v string) string {
		return "kind: Secret\ndata:\n  release: " + std(std(gzipped(t, `{"manifest": "`+filler+v+`"}`))) + "\n"
	}
	tainted := map[string]string{
		"helm.yaml":   release(g.value),
		"lines.txt":   "see below\n\n  " + folded(std(gzipped(t, gittest.Letters(300)+g.value)), 64, "\n  ") + "\n",
		"zip.json":    `{"body": "` + strings.ReplaceAll(std(zipped(t, "a", filler+g.value)), "/", `\/`) + `"}`,
		"url.txt":     "https://h/#" + base64.RawURLEncoding.EncodeToString([]byte(gzipped(t, filler+g.value))),
		"coded.txt":   std(gzipped(t, filler+std("x"+g.value+"yy"))),
		"layered.txt": std(gzipped(t, filler+std(gzipped(t, filler+g.value)))),
		"packed.gz":   gzipped(t, filler+std(gzipped(t, filler+g.value))),
		"second.txt":  std(gzipped(t, filler)) + " " + std(gzipped(t, filler+g.value)),
	}
	for name, text := range tainted {
		g.Write(name, text)
	}
	g.Write("clean.yaml", release("nothing"))
	g.Write("chance.txt", "H4sI"+gittest.Letters(3000)+" and UEsD")
	g.Write("cut.txt", std(gzipped(t, gittest.Letters(4000)))[:900])
	g.File("plain", g.value)
	want := map[string]bool{}
	for name := range tainted {
		want[g.Git("rev-parse", "HEAD:"+name)] = true
	}
	r, err := Run(t.Context(), open(t, g.Dir), &g.spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range r.Archives.Tainted {
		if !want[id.String()] {
			t.Errorf("%s holds no value", id)
		}
		delete(want, id.String())
	}
	if len(want) > 0 {
		t.Errorf("not told: %d", len(want))
	}
	if cut := g.Git("rev-parse", "HEAD:cut.txt"); len(r.Archives.Unread) != 1 || r.Archives.Unread[0].ID.String() != cut {
		t.Errorf("unread: %+v", r.Archives.Unread)
	}
}

// A version that changes what follows a mark is looked into again.
func TestCompressedInBase64OfDeltas(t *testing.T) {
	g := newGround(t, "sha1")
	around, same := gittest.Letters(20000), gittest.Letters(9000)
	for _, v := range []string{gittest.Letters(200), g.value, gittest.Letters(300)} {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, err := w.Write([]byte(same))
		err = errors.Join(err, w.Flush()) // a block of its own: its bytes stay
		_, more := w.Write([]byte(v))
		if err := errors.Join(err, more, w.Close()); err != nil {
			t.Fatal(err)
		}
		g.File("release", around+"\n"+std(out.String())+"\n"+around)
	}
	want := g.Git("rev-parse", "HEAD~1:release")
	g.Git("repack", "-adfq")
	g.Git("prune")
	if left, err := Verify(t.Context(), open(t, g.Dir), &g.spec); err != nil || len(left.Archives.Tainted) != 1 || left.Archives.Tainted[0].String() != want {
		t.Errorf("%v, %+v", err, left)
	}
}

// Endless work is not done, and told.
func TestManyMarksAreTold(t *testing.T) {
	a := Archives{}
	text := []byte(strings.Repeat("H4sI", 1<<17))
	if err := a.look(t.Context(), newEditor(&Spec{Literals: []Literal{lit(gittest.Letters(20))}}), gitrepo.ID{}, text, traits{packed: true}); err != nil || len(a.Unread) != 1 {
		t.Errorf("%v, %+v", err, a)
	}
}
