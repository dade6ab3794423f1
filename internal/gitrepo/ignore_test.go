package gitrepo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestGlobsOfIgnoreFiles(t *testing.T) {
	for _, c := range []struct{ pattern, matches, others string }{
		{"*.log", "a.log .log", "a.logs"},
		{"a?c", "abc a-c", "ac a/c abbc"},
		{"[a-c]x", "ax cx", "dx x"},
		{"[!a-c]x", "dx", "ax cx /x"},
		{"[]a]x", "]x ax", "bx"},
		{"[a-]x", "ax -x", "bx"},
		{"[[:digit:][:upper:]]", "1 Z", "z"},
		{"[[:nonsense:]]", "", "n :"},
		{"[[a]", "[ a", ":"},
		{"[a", "", "a [a"},
		{`\*\?`, "*?", "ab"},
		{`a\`, "", `a a\`},
		{"x/**/y", "x/y x/a/y x/a/b/y", "x/ay xy"},
		{"**/y", "y a/y a/b/y", "ay"},
		{"x/**", "x/a x/a/b", "x"},
		{"x/a**", "x/a x/ab x/ab/c", "x/b"},
		{"x/?**", "x/a x/ab", "x/ab/c"},
		{"x/*/z", "x/y/z", "x/z x/y/y/z"},
		{"***/y", "y a/b/y", ""},
	} {
		g := compileWildcard(c.pattern)
		for _, text := range strings.Fields(c.matches) {
			if !g.match(text) {
				t.Errorf("%q does not match %q", c.pattern, text)
			}
		}
		for _, text := range strings.Fields(c.others) {
			if g.match(text) {
				t.Errorf("%q matches %q", c.pattern, text)
			}
		}
	}
}

func TestHostileGlobTakesBoundedTime(t *testing.T) {
	start := time.Now()
	g := compileWildcard(strings.Repeat("**/*a", 300) + "b")
	if g.match(strings.Repeat("a/", 2000)) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// trickyIgnores are files with what is easily read in another way than git does.
var trickyIgnores = []string{
	"*.log\n!keep.log\n",
	"/a\n",
	"b/\n",
	"a/**\n!a/b\n!a/b/keep.log\n",
	"**/c\n",
	"a/**/c\n",
	"foo \n",
	"foo\\ \n",
	"foo\\  \n",
	"\\#hash\n\\!bang\n",
	"#hash\n!bang\n",
	"\xef\xbb\xbffoo\n",
	"a\r\nfoo\r\n",
	"*\n!*/\n!c\n",
	"a/b\nfoo",
	"[a-b]/c\n",
	"?\n",
	"*/c\n",
	"/*\n!/a\n/a/*\n!/a/b\n",
	"\\a/b\n",
	"a//b\n",
	"/\n!\n!/\n\\\n",
	"**\n!keep.log\n",
	"a/b/\n",
	"fo\t\n",
	"c\n!a/c\n",
}

func TestUntrackedFilesAreThoseOfGitWithTrickyIgnoreFiles(t *testing.T) {
	r := newIgnoreRepo(t)
	for i, text := range trickyIgnores {
		t.Run(fmt.Sprintf("%d %.20q", i, text), func(t *testing.T) {
			r.t = t
			r.write(".gitignore", text)
			r.wantUntrackedAsGit()
		})
	}
}

func TestUntrackedFilesAreThoseOfGitWithRandomIgnoreFiles(t *testing.T) {
	r := newIgnoreRepo(t)
	rng := rand.New(rand.NewPCG(11, 4))
	for range 120 {
		var files []string
		for _, name := range []string{".gitignore", "a/.gitignore", "a/b/.gitignore", ".git/info/exclude", ".git/global"} {
			files = append(files, name+":\n"+randomIgnores(rng))
			_, text, _ := strings.Cut(files[len(files)-1], "\n")
			r.write(name, text)
		}
		r.git("config", "core.excludesFile", filepath.Join(r.dir, ".git/global"))
		if r.wantUntrackedAsGit(); t.Failed() {
			t.Fatalf("with the ignore files\n%s", strings.Join(files, "\n"))
		}
	}
}

func randomIgnores(rng *rand.Rand) string {
	parts := []string{"a", "b", "c", "foo", "*", "**", "?", "/", "/", "[ab]", "[!a]", ".log", "keep", "*.", "\\", " ", "a*", "[[:alpha:]]", "fo[n-p]"}
	var text strings.Builder
	for range rng.IntN(4) {
		if rng.IntN(3) == 0 {
			text.WriteByte('!')
		}
		for range 1 + rng.IntN(5) {
			text.WriteString(parts[rng.IntN(len(parts))])
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// newIgnoreRepo has the same few names in several folders, some of them tracked.
func newIgnoreRepo(t *testing.T) testRepo {
	r := newTestRepo(t, "sha1")
	names := []string{"foo", "foo ", "foo  ", "fo\t", "#hash", "!bang", "keep.log", "x.log", "c", "\\a", "line\nbreak", "invalid\xff"}
	for _, folder := range []string{"", "a", "a/b", "a/b/c", "b", "b/a", "d/a/b", "d/c"} {
		for _, name := range names {
			if folder != "a/b" && folder != "d" || name != "c" {
				r.write(filepath.Join(folder, name), folder+name)
			}
		}
	}
	if err := os.Symlink("a", filepath.Join(r.dir, "linked")); err != nil {
		t.Fatal(err)
	}
	r.git("add", "-f", "a/foo", "b/a/c", "x.log")
	return r
}

func (r testRepo) wantUntrackedAsGit() {
	r.t.Helper()
	want := strings.Split(r.git("ls-files", "--others", "--exclude-standard", "-z"), "\x00")
	want = want[:len(want)-1]
	slices.Sort(want)
	opts := WorkOptions{Untracked: true}
	for _, name := range []string{"global", "info/exclude"} {
		if data, err := r.openGitFile(name); err == nil {
			opts.Excludes = append(opts.Excludes, data)
		}
	}
	var got []string
	_, err := Worktree(context.Background(), r.dir, r.index().Entries, r.hashSize, opts, func(f WorkFile) error {
		if f.Staged == (IndexEntry{}) {
			got = append(got, f.Path)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		r.t.Errorf("untracked files (-git +ours):\n%s", diff)
	}
}

// FuzzIgnorePattern: a name written with a backslash before every byte is a pattern
// that matches this name, whatever else the list says before, and not a longer one.
func FuzzIgnorePattern(f *testing.F) {
	f.Add("*.log\n!a/**/[b-d]", "name")
	f.Add("[[:alpha:]\\", "#a b!")
	f.Fuzz(func(t *testing.T, before, name string) {
		if name == "" || strings.ContainsAny(name, "/\n\r\x00") {
			return
		}
		var escaped strings.Builder
		for i := range len(name) {
			escaped.WriteByte('\\')
			escaped.WriteByte(name[i])
		}
		list := parseIgnore("dir/", []byte(escaped.String()))
		for path, want := range map[string]bool{"dir/" + name: true, "dir/x/" + name: true, "dir/" + name + "+": false, name: false} {
			if _, decided := list.decide(path, false); decided != want {
				t.Errorf("%q decides %q: %v", escaped.String(), path, decided)
			}
		}
		list = parseIgnore("", []byte("\n"+before+"\n"+escaped.String()))
		if ignored, decided := list.decide(name, false); !ignored || !decided {
			t.Errorf("%q after %q: ignored %v, decided %v", escaped.String(), before, ignored, decided)
		}
	})
}
