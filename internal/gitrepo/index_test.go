package gitrepo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testRepo is a repository made by the real git in a temporary folder.
type testRepo struct {
	t        *testing.T
	dir      string
	hashSize int
}

func newTestRepo(t *testing.T, format string) testRepo {
	t.Helper()
	needGit(t)
	r := testRepo{t, t.TempDir(), map[string]int{"sha1": 20, "sha256": 32}[format]}
	if out, err := gitCommand(r.dir, "init", "-q", "--object-format="+format).CombinedOutput(); err != nil {
		t.Skipf("git init --object-format=%s: %s", format, out)
	}
	return r
}

func (r testRepo) git(args ...string) string {
	r.t.Helper()
	return r.gitWith("", args...)
}

func (r testRepo) gitWith(stdin string, args ...string) string {
	r.t.Helper()
	cmd := gitCommand(r.dir, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok {
			detail = string(exit.Stderr)
		}
		r.t.Fatalf("git %s: %v %s", strings.Join(args, " "), err, detail)
	}
	return string(out)
}

func (r testRepo) write(name, content string) {
	r.t.Helper()
	writeFile(r.t, filepath.Join(r.dir, name), []byte(content))
}

func (r testRepo) openGitFile(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.dir, ".git", name))
}

func (r testRepo) index() Index {
	r.t.Helper()
	data, err := r.openGitFile("index")
	if err != nil {
		r.t.Fatal(err)
	}
	ix, err := ReadIndex(data, r.hashSize, r.openGitFile)
	if err != nil {
		r.t.Fatal(err)
	}
	return ix
}

// lsFiles writes the entries as `git ls-files --stage -z -v` with its flag letters.
func lsFiles(ix Index) string {
	var out strings.Builder
	for _, e := range ix.Entries {
		letter := "H"
		switch {
		case e.Stage > 0:
			letter = "M"
		case e.SkipWorktree:
			letter = "S"
		}
		if e.AssumeValid {
			letter = strings.ToLower(letter)
		}
		fmt.Fprintf(&out, "%s %06o %s %d\t%s\x00", letter, e.Mode, e.ID, e.Stage, e.Path)
	}
	return out.String()
}

func (r testRepo) wantIndexAsGit() {
	r.t.Helper()
	if diff := cmp.Diff(r.git("ls-files", "--stage", "-z", "-v"), lsFiles(r.index())); diff != "" {
		r.t.Errorf("entries (-git +ours):\n%s", diff)
	}
}

// fill stages files of every sort that the index tells apart.
func (r testRepo) fill() {
	r.t.Helper()
	for i := range 200 {
		r.write(fmt.Sprintf("dir%d/sub/file%03d.txt", i%7, i), fmt.Sprint(i))
	}
	r.write("line\nbreak", "a")
	r.write("invalid \xff\xfe", "b")
	if err := os.Symlink("target", filepath.Join(r.dir, "link")); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "-A")
	r.write("later", "content")
	r.git("add", "--intent-to-add", "later")
	r.git("update-index", "--assume-unchanged", "dir1/sub/file001.txt")
	r.git("update-index", "--skip-worktree", "dir2/sub/file002.txt")
	r.conflict("both")
}

// conflict stages three versions of a path, a submodule, and a path too long for
// the length that an entry has room for.
func (r testRepo) conflict(path string) {
	r.t.Helper()
	var lines strings.Builder
	for stage := 1; stage <= 3; stage++ {
		id := strings.TrimSpace(r.gitWith(fmt.Sprint(path, stage), "hash-object", "-w", "--stdin"))
		fmt.Fprintf(&lines, "100644 %s %d\t%s\n", id, stage, path)
	}
	fmt.Fprintf(&lines, "160000 %s 0\tmodule\n", strings.Repeat("12", r.hashSize))
	fmt.Fprintf(&lines, "100644 %s 0\t%spath\n", strings.Repeat("34", r.hashSize), strings.Repeat("long/", 1000))
	r.gitWith(lines.String(), "update-index", "--index-info")
}

func TestIndexIsReadAsGitReadsIt(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		for _, version := range []string{"2", "4"} {
			t.Run(format+" version "+version, func(t *testing.T) {
				r := newTestRepo(t, format)
				r.git("update-index", "--index-version", version)
				r.fill()
				r.wantIndexAsGit()
				for _, e := range r.index().Entries {
					if e.IntentToAdd != (e.Path == "later") {
						t.Errorf("%q: intent-to-add is %v", e.Path, e.IntentToAdd)
					}
				}
			})
		}
	}
}

func TestSplitIndexIsReadAsGitReadsIt(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newTestRepo(t, format)
			r.git("config", "splitIndex.maxPercentChange", "100")
			r.fill()
			r.git("update-index", "--split-index")
			r.wantIndexAsGit()
			r.write("dir3/sub/file003.txt", "replaced")
			r.write("dir0/new", "new")
			r.write("zzz", "new")
			r.git("add", "dir3/sub/file003.txt", "dir0/new", "zzz")
			r.git("rm", "-q", "--cached", "dir4/sub/file004.txt", "dir4/sub/file011.txt")
			if data, _ := r.openGitFile("index"); !bytes.Contains(data, []byte("link")) {
				t.Fatal("git did not write a split index")
			}
			r.wantIndexAsGit()
			r.git("rm", "-q", "--cached", "-r", "dir0", "dir1", "dir2", "dir3", "dir5")
			r.wantIndexAsGit()
		})
	}
}

func TestSplitIndexWithoutItsSharedFileIsAnError(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.fill()
	r.git("update-index", "--split-index")
	data, _ := r.openGitFile("index")
	missing := func(name string) ([]byte, error) { return nil, os.ErrNotExist }
	for name, open := range map[string]func(string) ([]byte, error){"missing": missing, "no opener": nil} {
		if _, err := ReadIndex(data, 20, open); err == nil || !strings.Contains(err.Error(), "sharedindex.") {
			t.Errorf("%s: error %v does not name the shared index", name, err)
		}
	}
}

func TestSparseIndexHasFoldersAsEntries(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("in/a", "a")
	r.write("out/b", "b")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "m")
	r.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
	var modes []string
	for _, e := range r.index().Entries {
		modes = append(modes, fmt.Sprintf("%06o %s %v", e.Mode, e.Path, e.SkipWorktree))
	}
	if diff := cmp.Diff([]string{"100644 in/a false", "040000 out/ true"}, modes); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestIndexWithoutChecksumIsRead(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.fill()
	want := r.index()
	data, _ := r.openGitFile("index")
	clear(data[len(data)-20:])
	got, err := ReadIndex(data, 20, nil)
	if err != nil || lsFiles(got) != lsFiles(want) {
		t.Errorf("other entries, or error %v", err)
	}
}

// sealIndex adds the checksum that body should have.
func sealIndex(body string) []byte {
	return append([]byte(body), hashOf(20, []byte(body))...)
}

func indexHeader(version, entries byte) string {
	return "DIRC\x00\x00\x00" + string(rune(version)) + "\x00\x00\x00" + string(rune(entries))
}

func TestDamagedIndexIsAClearError(t *testing.T) {
	entry := strings.Repeat("\x00", 40) + strings.Repeat("i", 20)
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "ends early", nil},
		{"checksum", "checksum", append([]byte(indexHeader(2, 0)), bytes.Repeat([]byte{1}, 20)...)},
		{"signature", "not an index", sealIndex("DIRK\x00\x00\x00\x02\x00\x00\x00\x00")},
		{"version 5", "version 2 to 4", sealIndex(indexHeader(5, 0))},
		{"too few entries", "do not fit", sealIndex(indexHeader(2, 9) + entry)},
		{"path without end", "entry 1", sealIndex(indexHeader(2, 1) + entry + "\x00\x01aaaaaaaa")},
		{"extended flags in version 2", "extended", sealIndex(indexHeader(2, 1) + entry + "\x40\x01\x00\x00a\x00\x00\x00\x00\x00\x00\x00")},
		{"path shortened below nothing", "shortens", sealIndex(indexHeader(4, 1) + entry + "\x00\x01\x05a\x00")},
		{"extension cut short", `"TREE"`, sealIndex(indexHeader(2, 0) + "TREE\x00\x00\x00\x09")},
		{"unknown needed extension", `"zzzz"`, sealIndex(indexHeader(2, 0) + "zzzz\x00\x00\x00\x00")},
		{"link cut short", `"link"`, sealIndex(indexHeader(2, 0) + "link\x00\x00\x00\x01x")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ReadIndex(c.data, 20, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
}

func TestUnknownOptionalExtensionIsSteppedOver(t *testing.T) {
	ix, err := ReadIndex(sealIndex(indexHeader(2, 0)+"ZZZZ\x00\x00\x00\x01xTREE\x00\x00\x00\x00"), 20, nil)
	if err != nil || len(ix.Entries) != 0 {
		t.Errorf("entries %v, error %v", ix.Entries, err)
	}
}

func TestBitmapRunsAndLiterals(t *testing.T) {
	// 200 bits: a run of one word of ones, one literal with bits 0 and 63, a run of
	// one word of zeros, one literal with bit 7.
	raw, _ := hex.DecodeString("000000c8" + "00000004" + "0000000200000003" + "8000000000000001" +
		"0000000200000002" + "0000000000000080" + "00000002")
	set, rest, err := readBitmap(append(raw, 'x'))
	if err != nil || string(rest) != "x" {
		t.Fatalf("rest %q, error %v", rest, err)
	}
	var want []int
	for i := range 64 {
		want = append(want, i)
	}
	if diff := cmp.Diff(append(want, 64, 127, 199), set); diff != "" {
		t.Errorf("bits (-want +got):\n%s", diff)
	}
}

// FuzzReadIndex holds what was read against its promises: ids of the size asked
// for, stages 0 to 3, paths without NUL, and no more entries than the files hold.
func FuzzReadIndex(f *testing.F) {
	entry := strings.Repeat("\x00", 40) + strings.Repeat("i", 20)
	f.Add([]byte(indexHeader(2, 1)+entry+"\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte(""))
	f.Add([]byte(indexHeader(4, 2)+entry+"\x00\x02\x00ab\x00"+entry+"\x00\x02\x01c\x00"), []byte(""))
	f.Add([]byte(indexHeader(2, 0)+"link\x00\x00\x00\x14"+strings.Repeat("s", 20)),
		[]byte(indexHeader(2, 1)+entry+"\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, body, shared []byte) {
		none := make([]byte, 20)
		open := func(string) ([]byte, error) { return append(bytes.Clone(shared), none...), nil }
		ix, err := ReadIndex(append(bytes.Clone(body), none...), 20, open)
		if err != nil {
			return
		}
		if len(ix.Entries)*62 > len(body)+len(shared) {
			t.Fatalf("%d entries from %d bytes", len(ix.Entries), len(body)+len(shared))
		}
		for _, e := range ix.Entries {
			if len(e.ID.Bytes()) != 20 || e.Stage > 3 || strings.Contains(e.Path, "\x00") {
				t.Fatalf("entry %+v", e)
			}
		}
	})
}
