//go:build unix

package gitrepo

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// filesOf runs Files on dir.
func filesOf(t *testing.T, dir string) (seen, WorkReport) {
	t.Helper()
	var s seen
	report, err := Files(context.Background(), dir, 0, s.add)
	if err != nil {
		t.Fatal(err)
	}
	s.skips(report)
	return s, report
}

func TestFilesVisitsEveryFileOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b/c/d", "line\nbreak", "it's \"quoted\"", "b/.git/config", "b/.gitignore", "x/.git"} {
		writeFile(t, filepath.Join(dir, name), []byte("*"))
	}
	os.Chmod(filepath.Join(dir, "a"), 0o755)
	for name, target := range map[string]string{"loop": "..", "dangling": "/nowhere/at all", "b/up": "../a"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := filesOf(t, dir)
	got.want(t, seen{
		Files: []string{
			`100755 a "*"`, `100644 b/.gitignore "*"`, `100644 b/c/d "*"`, `120000 b/up "../a"`,
			`120000 dangling "/nowhere/at all"`, `100644 it's "quoted" "*"`, "100644 line\nbreak \"*\"",
			`120000 loop ".."`, `100644 x/.git "*"`,
		},
		Excluded: []string{"b/.git: git's own folder, not part of the files"},
	})
}

func TestFilesKeepsTheBytesOfANameThatIsNoText(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "invalid \xff\xfe"), nil, 0o644); err != nil {
		t.Skipf("the file system takes text names only: %v", err)
	}
	got, _ := filesOf(t, dir)
	got.want(t, seen{Files: []string{"100644 invalid \xff\xfe \"\""}})
}

func TestPipesAndSocketsAreNotOpened(t *testing.T) {
	r := newTestRepo(t, "sha1")
	r.write("pipe", "was a file")
	r.git("add", "-A")
	os.Remove(filepath.Join(r.dir, "pipe"))
	if err := syscall.Mkfifo(filepath.Join(r.dir, "pipe"), 0o644); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	reason := ": a pipe, socket or device, not read"
	got, _ := r.worktree(WorkOptions{})
	got.want(t, seen{Excluded: []string{"pipe" + reason}})

	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Skipf("no sockets here: %v", err)
	}
	defer listener.Close()
	got, _ = filesOf(t, dir)
	got.want(t, seen{Excluded: []string{"pipe" + reason, "socket" + reason}})
}

func TestAPipeInPlaceOfAFileDoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), []byte("x"))
	f, err := newFolder(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	info, err := f.stat("file")
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "file"))
	if err := syscall.Mkfifo(filepath.Join(dir, "file"), 0o644); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	if _, err := f.content("file", info); !errors.Is(err, ErrNotAFile) {
		t.Errorf("error %v", err)
	}
}

func TestUnreadableFilesAndFoldersAreMissed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything: TestAFolderThatCannotBeReadIsMissed covers the reporting")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), []byte("x"))
	writeFile(t, filepath.Join(dir, "folder", "inside"), []byte("x"))
	os.Chmod(filepath.Join(dir, "file"), 0)
	os.Chmod(filepath.Join(dir, "folder"), 0)
	defer os.Chmod(filepath.Join(dir, "folder"), 0o755)
	got, _ := filesOf(t, dir)
	got.want(t, seen{Missed: []string{"file", "folder"}})
}

// TestAFolderThatCannotBeReadIsMissed nests folders beyond what is walked, which
// not even root may read.
func TestAFolderThatCannotBeReadIsMissed(t *testing.T) {
	dir := t.TempDir()
	at, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range maxDepth + 2 {
		if err := at.Mkdir("d", 0o755); err != nil {
			t.Fatal(err)
		}
		below, err := at.OpenRoot("d")
		if err != nil {
			t.Fatal(err)
		}
		at.Close()
		at = below
	}
	at.Close()
	got, report := filesOf(t, dir)
	if len(got.Files) > 0 || len(report.Missed) != 1 || !strings.Contains(report.Missed[0].Reason.Error(), "deeper") {
		t.Errorf("files %v, missed %.80v", got.Files, report.Missed)
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Files(context.Background(), filepath.Join(t.TempDir(), "none"), 0, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
