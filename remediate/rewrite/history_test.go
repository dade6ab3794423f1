package rewrite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

func lit(v string) Literal { return Literal{secret.New(v), Placeholder} }

const who = "A U Thor <a@example.com> 1700000000 +051800"

// TestTexts has values in messages, names, headers and names of files.
func TestTexts(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		g.Commit("Use " + g.value + "\n\nand " + g.other)
		g.Git("-c", "user.name="+g.value, "commit", "-q", "--allow-empty", "--author", g.value+" <x@example.com>", "-m", "A name")
		g.File("leak", g.value)
		tree := g.Git("rev-parse", "HEAD^{tree}")
		head := g.raw("commit", "tree "+tree+"\nparent "+g.Git("rev-parse", "HEAD")+"\nauthor "+who+"\ncommitter "+who+
			"\nencoding ISO-8859-1\nHG:extra some "+g.value+"\n\ncaf\xe9 without an end")
		g.Git("update-ref", "refs/heads/main", head)
		g.Git("tag", "-a", "-m", "Tag with "+g.value, "v1")
		g.Git("tag", "-a", "-m", "Tag of a tag", "v2", "v1")
		g.Git("tag", "blob", g.raw("blob", "x "+g.value))
		g.Git("tag", "-a", "-m", "Tag of a tree", "tree", "HEAD^{tree}")
		g.Git("tag", "light")
		r, moves := g.holdsLaw()
		if got := g.Git("cat-file", "-p", "main"); !strings.Contains(got, "HG:extra some "+Placeholder) || !strings.Contains(got, "+051800") || !strings.HasSuffix(got, "caf\xe9 without an end") {
			t.Errorf("the commit with odd headers becomes %q", got)
		}
		if g.Git("rev-parse", "v2^{commit}") != moves[head] || g.Git("rev-parse", "light") != moves[head] {
			t.Error("tags do not follow their commit")
		}
		if r.Tags != 3 {
			t.Errorf("%d annotated tags changed, not 3", r.Tags)
		}
	})
}

// TestNameOfFile has a value in the name of a file.
func TestNameOfFile(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		g.value, g.other = "zz"+strings.Repeat("q", 9), "aa"+strings.Repeat("w", 9)
		g.spec = Spec{Literals: []Literal{lit(g.value), lit(g.other)}}
		g.File("dir/b"+g.value, "x\n")
		g.File("dir/"+g.value+"/x/y", "x\n")
		g.File("dir/m", "x\n")
		g.holdsLaw()
		if got := g.Git("ls-tree", "-r", "--name-only", "main", "dir/"); got != "dir/***REMOVED***/x/y\ndir/b***REMOVED***\ndir/m" {
			t.Errorf("the files are now %q", got)
		}
	})
}

// TestShapes has merges of many parents, empty commits, submodules, and commits beside and before the value.
func TestShapes(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		base := g.Git("rev-parse", "HEAD")
		for i := range 4 {
			g.Git("checkout", "-q", "-b", fmt.Sprint("b", i), base)
			g.File(fmt.Sprint("file", i), "x\n")
			if i == 2 {
				g.File("leak", g.value)
			}
		}
		g.Git("checkout", "-q", "main")
		g.Git("merge", "-q", "-m", "Octopus", "b0", "b1", "b2", "b3")
		g.Commit("Empty")
		g.Git("update-index", "--add", "--cacheinfo", "160000,"+base+",module")
		g.Git("commit", "-q", "-m", "Submodule")
		g.Git("rm", "-q", "--cached", "module")
		g.Git("rm", "-q", "leak")
		g.Commit("Gone")
		r, moves := g.holdsLaw()
		if got := len(strings.Fields(g.Git("log", "--format=%P", "-1", "main~3"))); got != 4 {
			t.Errorf("the octopus has %d parents", got)
		}
		for _, b := range []string{"b0", "b1", "b3"} {
			if id := g.Git("rev-parse", b); moves[id] != id {
				t.Errorf("%s changed and had no reason to", b)
			}
		}
		if r.Submodules != 1 || len(r.First) != 1 {
			t.Errorf("submodules %d, first %d", r.Submodules, len(r.First))
		}
		if !strings.Contains(g.Git("ls-tree", "main~1"), "commit "+base) {
			t.Error("the submodule names another commit")
		}
	})
}

// signature is one that nobody made.
const signature = "-----BEGIN PGP SIGNATURE-----\n \n AAAA\n =x\n -----END PGP SIGNATURE-----"

// TestSignatures has signed commits before, beside and behind the value, mergetags and signed tags.
func TestSignatures(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		key := map[string]string{"sha1": "gpgsig", "sha256": "gpgsig-sha256"}[g.format]
		signed := func(parent string) string {
			return g.raw("commit", "tree "+g.Git("rev-parse", parent+"^{tree}")+"\nparent "+g.Git("rev-parse", parent)+
				"\nauthor "+who+"\ncommitter "+who+"\n"+key+" "+signature+"\nx-behind it\n\nsigned\n")
		}
		early := signed("HEAD")
		g.Git("reset", "-q", "--hard", early)
		g.File("leak", g.value)
		late := signed("HEAD")
		body := strings.ReplaceAll(signature, "\n ", "\n") + "\n"
		g.Git("tag", "early", early)
		tag := func(name, target string) string {
			return "object " + target + "\ntype commit\ntag " + name + "\ntagger " + who + "\n\nsigned " + name + "\n" + body
		}
		g.Git("update-ref", "refs/tags/s-early", g.raw("tag", tag("s-early", early)))
		g.Git("update-ref", "refs/tags/s-late", g.raw("tag", tag("s-late", late)))
		embedded := func(target string) string {
			return "mergetag " + strings.ReplaceAll(strings.TrimSuffix(tag("m", target), "\n"), "\n", "\n ") + "\n"
		}
		merge := g.raw("commit", "tree "+g.Git("rev-parse", late+"^{tree}")+"\nparent "+late+"\nparent "+early+"\nauthor "+who+"\ncommitter "+who+
			"\n"+embedded(early)+embedded(late)+"\nMerge\n")
		g.Git("update-ref", "refs/heads/main", merge)
		g.Git("reset", "-q", "--hard")
		r, moves := g.holdsLaw()
		if moves[early] != early || g.Git("rev-parse", "s-early^{commit}") != early {
			t.Error("what was signed before the value changed")
		}
		if strings.Contains(g.Git("cat-file", "-p", moves[late]), "BEGIN") || !strings.Contains(g.Git("cat-file", "-p", moves[late]), "x-behind it") {
			t.Error("the commit behind the value has a signature that does not hold, or lost another header")
		}
		if got := g.Git("cat-file", "-p", "s-late"); strings.Contains(got, "BEGIN") || !strings.HasSuffix(got, "signed s-late") {
			t.Errorf("the tag behind the value becomes %q", got)
		}
		got := g.Git("cat-file", "-p", "main")
		if strings.Count(got, "BEGIN") != 1 || !strings.Contains(got, "mergetag object "+early) || !strings.Contains(got, "mergetag object "+moves[late]) {
			t.Errorf("the merge becomes %q", got)
		}
		if len(r.Signatures) != 2 {
			t.Errorf("%d signatures are listed, not 2", len(r.Signatures))
		}
	})
}

// TestQuotes has messages that quote ids, whole and abbreviated.
func TestQuotes(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		before := g.Git("rev-parse", "HEAD")
		leak := g.File("leak", g.value)
		quote := g.Commit("quotes " + leak + ", " + leak[:9] + " and " + before[:8] + "; not x" + leak[:9] + " or " + leak[:6])
		_, moves := g.holdsLaw()
		want := "quotes " + moves[leak] + ", " + moves[leak][:9] + " and " + before[:8] + "; not x" + leak[:9] + " or " + leak[:6]
		if got := g.Git("log", "-1", "--format=%B", moves[quote]); got != want {
			t.Errorf("the message is %q, not %q", got, want)
		}
	})
}

// TestNotes has notes and replaced objects, which are keyed by ids.
func TestNotes(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		clean := g.Git("rev-parse", "HEAD")
		g.Git("notes", "add", "-m", "on a clean one", clean)
		leak := g.File("leak", g.value)
		g.Git("notes", "add", "-m", "a note with "+g.value, leak)
		better := g.raw("commit", strings.Replace(g.Git("cat-file", "-p", leak), "Change", "Replace", 1)+"\n")
		g.Git("replace", leak, better)
		_, moves := g.holdsLaw()
		if got := g.Git("notes", "show", moves[leak]); got != "a note with "+Placeholder {
			t.Errorf("the note is %q", got)
		}
		if got := g.Git("notes", "show", clean); got != "on a clean one" {
			t.Errorf("the clean note is %q", got)
		}
		if got := g.Git("replace", "--list"); got != moves[leak] {
			t.Errorf("replaced is %s, not %s", got, moves[leak])
		}
		if got := g.Git("log", "-1", "--format=%s", moves[leak]); got != "Replace leak" {
			t.Errorf("the replacement reads %q", got)
		}
	})
}

// TestOddTrees has trees and commits that git would not write today.
func TestOddTrees(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		bin := func(id string) string {
			var out []byte
			for i := 0; i < len(id); i += 2 {
				var b byte
				fmt.Sscanf(id[i:i+2], "%02x", &b)
				out = append(out, b)
			}
			return string(out)
		}
		leak, fine := bin(g.raw("blob", g.value)), bin(g.raw("blob", "fine"))
		sub := g.raw("tree", "100644 x\x00"+leak)
		tree := g.raw("tree", "100664 a\x00"+fine+"100644 a\x00"+leak+"040000 d\x00"+bin(sub)+"100600 b\x00"+leak+"100755 e\x00"+leak)
		var last string
		for i, tail := range []string{"\n\nno end", "\n\n", "\n", "", "\nencoding latin1\n\n\xff\xfe", "\nodd\n\nx\n"} {
			parent := ""
			if last != "" {
				parent = "\nparent " + last
			}
			last = g.raw("commit", "tree "+tree+parent+"\nauthor "+who+"\ncommitter broken"+fmt.Sprint(i)+tail)
		}
		g.Git("update-ref", "refs/heads/odd", last)
		g.holdsLaw()
		raw := objects(t, g.Dir)[g.Git("rev-parse", "odd^{tree}")]
		for _, mode := range []string{"100664 a\x00", "100644 a\x00", "040000 d\x00", "100600 b\x00", "100755 e\x00"} {
			if !strings.Contains(raw, mode) {
				t.Errorf("the tree lost its entry %q", mode)
			}
		}
	})
}

// TestLongMessage has a message of ten megabytes.
func TestLongMessage(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		long := strings.Repeat("0123456789 abcdef\n", 10<<20/18)
		id := g.raw("commit", "tree "+g.Git("rev-parse", "HEAD^{tree}")+"\nauthor "+who+"\ncommitter "+who+"\n\n"+long+g.value+"\n")
		g.Git("update-ref", "refs/heads/long", id)
		_, moves := g.holdsLaw()
		if moves[id] == id {
			t.Error("the commit did not change")
		}
	})
}
