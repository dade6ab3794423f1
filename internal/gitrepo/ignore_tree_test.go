package gitrepo

import (
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// What the files of a tree ignore is what git ignores.
func TestIgnoreFilesOfATree(t *testing.T) {
	g := gittest.New(t)
	files := IgnoreFiles{"": []byte("*.pem\n/build/\n.env*\n!.env.example\n"), "a/": []byte("!keep.pem\nsub\n"), "a/sub/": []byte("!x\n")}
	for folder, text := range files {
		g.Write(folder+".gitignore", string(text))
	}
	for _, path := range []string{"x.pem", "a/x.pem", "a/keep.pem", "a/b/keep.pem", "build/a/b", "a/build/x", ".env", ".env.example", "a/.env.local", "a/sub/x", "a/b/sub/x", "fine"} {
		g.Write(path, "")
		want := g.Try("check-ignore", "-q", path)
		if files.Ignores(path) != want {
			t.Errorf("%s: git says %v", path, want)
		}
	}
}
