package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// seen is what a walk told, in words.
type seen struct {
	Files, Missed, Excluded, Deleted []string
}

// worktree runs Worktree with the index time that git left.
func (r testRepo) worktree(opts WorkOptions) (seen, WorkReport) {
	r.t.Helper()
	info, err := os.Stat(filepath.Join(r.dir, ".git", "index"))
	if err != nil {
		r.t.Fatal(err)
	}
	opts.IndexTime = info.ModTime()
	var s seen
	report, err := Worktree(context.Background(), r.dir, r.index().Entries, r.hashSize, opts, s.add)
	if err != nil {
		r.t.Fatal(err)
	}
	s.skips(report)
	return s, report
}

func (s *seen) add(f WorkFile) error {
	s.Files = append(s.Files, fmt.Sprintf("%06o %s %q", f.Mode, f.Path, f.Data))
	return nil
}

func (s *seen) skips(report WorkReport) {
	for _, skip := range report.Missed {
		s.Missed = append(s.Missed, skip.Path)
	}
	for _, skip := range report.Excluded {
		s.Excluded = append(s.Excluded, skip.Path+": "+skip.Reason.Error())
	}
	s.Deleted = report.Deleted
}

func (s seen) want(t *testing.T, want seen) {
	t.Helper()
	if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what was seen (-want +got):\n%s", diff)
	}
}

func (r testRepo) symlink(target, name string) {
	r.t.Helper()
	if err := os.Symlink(target, filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

func TestWorktreeVisitsWhatDiffersFromTheIndex(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newTestRepo(t, format)
			for _, name := range []string{"same", "touched", "edited", "gone", "folder/edited", "line\n\"break\"", "invalid \xff", "mode", "replaced"} {
				r.write(name, "old")
			}
			r.symlink("old target", "link")
			r.symlink("same target", "same link")
			r.git("add", "-A")
			r.write("same size", "old")
			r.git("add", "same size")
			for _, name := range []string{"edited", "folder/edited", "line\n\"break\"", "invalid \xff"} {
				r.write(name, "new\x00text")
			}
			r.write("same size", "new")
			r.write("added", "intended")
			r.git("add", "--intent-to-add", "added")
			os.Chtimes(filepath.Join(r.dir, "touched"), time.Unix(1, 0), time.Unix(1, 0))
			os.Chmod(filepath.Join(r.dir, "mode"), 0o755)
			os.Remove(filepath.Join(r.dir, "gone"))
			os.Remove(filepath.Join(r.dir, "link"))
			r.symlink("new target", "link")
			os.Remove(filepath.Join(r.dir, "replaced"))
			r.write("replaced/inside", "untracked")
			got, _ := r.worktree(WorkOptions{})
			got.want(t, seen{
				Files: []string{
					`100644 added "intended"`,
					`100644 edited "new\x00text"`,
					`100644 folder/edited "new\x00text"`,
					"100644 invalid \xff " + `"new\x00text"`,
					"100644 line\n\"break\" " + `"new\x00text"`,
					`120000 link "new target"`,
					`100644 same size "new"`,
				},
				Deleted: []string{"gone", "replaced"},
			})
			r.wantModifiedAsGit(got)
		})
	}
}

// wantModifiedAsGit compares with git's own list, which also has mode changes.
func (r testRepo) wantModifiedAsGit(got seen) {
	r.t.Helper()
	var ours []string
	for _, file := range got.Files {
		path := file[len("100644 "):strings.LastIndex(file, ` "`)]
		ours = append(ours, path)
	}
	ours = append(ours, got.Deleted...)
	slices.Sort(ours)
	theirs := strings.Split(r.git("diff", "--name-only", "-z"), "\x00")
	theirs = slices.DeleteFunc(theirs, func(path string) bool { return path == "" || path == "mode" })
	if diff := cmp.Diff(theirs, ours); diff != "" {
		r.t.Errorf("changed paths (-git +ours):\n%s", diff)
	}
}

func TestWorktreeIgnoresFlagsThatHideChanges(t *testing.T) {
	r := newTestRepo(t, "sha1")
	for _, name := range []string{"assumed", "skipped", "absent"} {
		r.write(name, "old")
	}
	r.git("add", "-A")
	r.git("update-index", "--assume-unchanged", "assumed")
	r.git("update-index", "--skip-worktree", "skipped", "absent")
	r.write("assumed", "changed")
	r.write("skipped", "changed")
	os.Remove(filepath.Join(r.dir, "absent"))
	got, _ := r.worktree(WorkOptions{})
	got.want(t, seen{Files: []string{`100644 assumed "changed"`, `100644 skipped "changed"`}})
}

func TestWorktreeFindsAChangeThatKeepsSizeAndTime(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("file", "old")
	then := time.Now().Add(-time.Hour)
	name := filepath.Join(r.dir, "file")
	os.Chtimes(name, then, then)
	r.git("add", "-A")
	r.write("file", "new")
	os.Chtimes(name, then, then)
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("the time of the last change is not known on this system")
	}
	got, _ := r.worktree(WorkOptions{})
	got.want(t, seen{Files: []string{`100644 file "new"`}})
}

func TestWorktreeDoesNotReadWhatTheIndexVouchesFor(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("file", "content")
	r.git("add", "-A")
	entries := r.index().Entries
	entries[0].ID = ID{} // reading the file would show that it is another
	for vouched, indexTime := range map[bool]time.Time{true: entries[0].ModTime.Add(time.Nanosecond), false: entries[0].ModTime} {
		files := 0
		_, err := Worktree(context.Background(), r.dir, entries, 20, WorkOptions{IndexTime: indexTime}, func(WorkFile) error { files++; return nil })
		if err != nil || (files == 0) != vouched {
			t.Errorf("index vouches: %v, yet %d files visited, error %v", vouched, files, err)
		}
	}
}

func TestWorktreeShowsConflicts(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("both", "<<<<<<< ours")
	r.conflict("both")
	got, report := r.worktree(WorkOptions{})
	var stages []uint8
	for _, e := range report.Conflicts {
		stages = append(stages, e.Stage)
	}
	if diff := cmp.Diff([]uint8{1, 2, 3}, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	got.want(t, seen{
		Files:    []string{`100644 both "<<<<<<< ours"`},
		Excluded: []string{"module: a submodule, not followed"},
		Deleted:  []string{strings.Repeat("long/", 1000) + "path"},
	})
}

func TestWorktreeFollowsNoLink(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("folder/file", "old")
	r.write("other/file", "old")
	r.git("add", "-A")
	outside := t.TempDir()
	writeFile(t, filepath.Join(outside, "file"), []byte("outside"))
	os.RemoveAll(filepath.Join(r.dir, "folder"))
	r.symlink(outside, "folder")
	r.write("elsewhere/file", "inside")
	os.RemoveAll(filepath.Join(r.dir, "other"))
	r.symlink("elsewhere", "other")
	got, _ := r.worktree(WorkOptions{Untracked: true})
	got.want(t, seen{
		Files: []string{
			`100644 elsewhere/file "inside"`,
			fmt.Sprintf("120000 folder %q", outside),
			`120000 other "elsewhere"`,
		},
		Deleted: []string{"folder/file", "other/file"},
	})
}

func TestWorktreeRefusesPathsThatLeaveIt(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "secret"), []byte("outside"))
	writeFile(t, filepath.Join(dir, "tree", ".git", "config"), []byte("own"))
	var entries []IndexEntry
	for _, path := range []string{"../secret", "/etc/hostname", "a/../../secret", ".git/config", "x/.GIT/config", "", "a//b"} {
		entries = append(entries, IndexEntry{Path: path, Mode: modeFile})
	}
	var got seen
	report, err := Worktree(context.Background(), filepath.Join(dir, "tree"), entries, 20, WorkOptions{}, got.add)
	if err != nil || len(got.Files) > 0 || len(report.Missed) != len(entries) {
		t.Errorf("files %v, %d of %d missed, error %v", got.Files, len(report.Missed), len(entries), err)
	}
}

func TestWorktreeNamesNestedRepositories(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("tracked", "t")
	r.git("add", "-A")
	r.git("init", "-q", "nested")
	r.write("nested/file", "not ours")
	r.write("linked/.git", "gitdir: ../elsewhere\n")
	r.write("pretender/.git/empty", "no repository")
	r.write("pretender/file", "ours")
	got, _ := r.worktree(WorkOptions{Untracked: true})
	got.want(t, seen{
		Files: []string{`100644 pretender/file "ours"`},
		Excluded: []string{
			"linked: another repository, not followed",
			"nested: another repository, not followed",
		},
	})
}

func TestWorktreeLooksIntoFoldersOutsideASparseCheckout(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("in/a", "a")
	r.write("out/b", "b")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "m")
	r.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
	got, _ := r.worktree(WorkOptions{})
	got.want(t, seen{})
	r.write("out/b", "came back")
	got, _ = r.worktree(WorkOptions{})
	got.want(t, seen{Files: []string{`100644 out/b "came back"`}})
}

func TestWorktreeMissesWhatIsOverTheLimit(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("big", "old")
	r.write("small", "old")
	r.git("add", "-A")
	r.write("big", "12345")
	r.write("small", "1234")
	got, report := r.worktree(WorkOptions{Limit: 4})
	got.want(t, seen{Files: []string{`100644 small "1234"`}, Missed: []string{"big"}})
	if !errors.Is(report.Missed[0].Reason, ErrTooLarge) {
		t.Errorf("reason %v", report.Missed[0].Reason)
	}
}

func TestWorktreeStopsWhenTold(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("a", "old")
	r.git("add", "-A")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	visit := func(WorkFile) error { return nil }
	if _, err := Worktree(ctx, r.dir, r.index().Entries, 20, WorkOptions{}, visit); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if _, err := Files(ctx, r.dir, 0, visit); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	enough := errors.New("enough")
	if _, err := Files(context.Background(), r.dir, 0, func(WorkFile) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("visitor's error: error %v", err)
	}
}
