package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func folder(t *testing.T) (Folder, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return Folder{Path: filepath.Join(t.TempDir(), "a", "b"), Log: log}, &said
}

func content(text string) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := io.WriteString(to, text)
		return err
	}
}

func TestWhatIsStoredIsLoaded(t *testing.T) {
	f, said := folder(t)
	if got := f.Load("x"); got != nil {
		t.Errorf("an empty cache gives %q", got)
	}
	f.Store("x", content("one"))
	f.Store("y", content("other"))
	f.Store("x", content("two"))
	if got := f.Load("x"); string(got) != "two" {
		t.Errorf("loaded %q", got)
	}
	if said.Len() > 0 {
		t.Errorf("said %s", said)
	}
}

func TestOnlyTheOwnerMayLook(t *testing.T) {
	f, _ := folder(t)
	f.Store("x", content("one"))
	for path, want := range map[string]fs.FileMode{f.Path: 0o700, filepath.Join(f.Path, "x"+suffix): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v (%v)", path, info.Mode(), want, err)
		}
	}
}

func TestDamageIsNotTrusted(t *testing.T) {
	f, said := folder(t)
	f.Store("x", content("some facts"))
	path := filepath.Join(f.Path, "x"+suffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{append(bytes.Clone(whole), 0), bytes.Replace(whole, []byte("cache 1"), []byte("cache 2"), 1)}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		damaged = append(damaged, whole[:i], flipped)
	}
	for _, d := range damaged {
		said.Reset()
		if err := os.WriteFile(path, d, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := f.Load("x"); got != nil {
			t.Errorf("%q is taken for %q", d, got)
		}
		if !strings.Contains(said.String(), "not used") {
			t.Errorf("nothing is said of %q: %s", d, said)
		}
	}
	f.Store("x", content("new facts"))
	if got := f.Load("x"); string(got) != "new facts" {
		t.Errorf("after damage %q is loaded", got)
	}
}

func TestWhatOthersMayWriteIsNotTrusted(t *testing.T) {
	link := func(f Folder) error {
		path := filepath.Join(f.Path, "x"+suffix)
		return errors.Join(os.Rename(path, path+"-real"), os.Symlink(path+"-real", path))
	}
	for name, open := range map[string]func(f Folder) error{
		"a folder that the group may write": func(f Folder) error { return os.Chmod(f.Path, 0o770) },
		"a folder that all may write":       func(f Folder) error { return os.Chmod(f.Path, 0o702) },
		"a folder that all may read":        func(f Folder) error { return os.Chmod(f.Path, 0o755) },
		"a file that the group may write":   func(f Folder) error { return os.Chmod(filepath.Join(f.Path, "x"+suffix), 0o620) },
		"a symbolic link":                   link,
		"a folder of another user":          func(f Folder) error { return chown(f.Path) },
		"a file of another user":            func(f Folder) error { return chown(filepath.Join(f.Path, "x"+suffix)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, said := folder(t)
			f.Store("x", content("facts"))
			if err := open(f); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("only root can make it")
			} else if err != nil {
				t.Fatal(err)
			}
			if got := f.Load("x"); got != nil || said.Len() == 0 {
				t.Errorf("loaded %q, said %q", got, said)
			}
		})
	}
}

func chown(path string) error {
	if os.Geteuid() != 0 {
		return errors.ErrUnsupported
	}
	return os.Chown(path, 12345, 12345)
}

func TestAFailedStoreLeavesWhatWasThere(t *testing.T) {
	f, said := folder(t)
	f.Store("x", content("old"))
	f.Store("x", func(to io.Writer) error {
		_, _ = to.Write([]byte("half"))
		return errors.New("it broke")
	})
	small := f
	small.Max = 100
	small.Store("x", content(strings.Repeat("a", 60)))
	if got := f.Load("x"); string(got) != "old" {
		t.Errorf("loaded %q", got)
	}
	if n := len(list(t, f)); n != 1 {
		t.Errorf("%d files are left", n)
	}
	if !strings.Contains(said.String(), "it broke") || !strings.Contains(said.String(), "too large") {
		t.Errorf("said %s", said)
	}
}

func list(t *testing.T, f Folder) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestFilesUnusedForLongestGoFirst(t *testing.T) {
	f, _ := folder(t)
	text := strings.Repeat("a", 1000)
	for i := range 4 {
		f.Store(fmt.Sprint(i), content(text))
		old := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(f.Path, fmt.Sprint(i)+suffix), old, old); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(f.Path, "9"+suffix+temporary+"1-1")
	if err := errors.Join(os.WriteFile(stale, []byte("x"), 0o600), os.Chtimes(stale, time.Time{}, time.Now().Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	f.Load("0")
	f.Max = 3400
	f.Store("new", content(text))
	var left []string
	for _, e := range list(t, f) {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "0.facts 3.facts new.facts" {
		t.Errorf("left are %s", got)
	}
}

func TestManyAtOnceGiveWholeFiles(t *testing.T) {
	f, _ := folder(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			text := strings.Repeat(fmt.Sprint(i), 100_000)
			for range 20 {
				f.Store("x", content(text))
				if got := string(f.Load("x")); len(got) != len(text) || strings.Trim(got, got[:1]) != "" {
					t.Errorf("loaded %d bytes of several writers", len(got))
				}
			}
		})
	}
	group.Wait()
	if n := len(list(t, f)); n != 1 {
		t.Errorf("%d files are left", n)
	}
}

// A writer that is killed leaves the file as it was before, or as it is after.
func TestAKilledWriterLeavesAWholeFile(t *testing.T) {
	if path := os.Getenv("TEST_CACHE_FOLDER"); path != "" {
		f := Folder{Path: path, Log: slog.New(slog.DiscardHandler)}
		for i := 0; ; i++ {
			f.Store("x", content(strings.Repeat(string(rune('a'+i%26)), 3_000_000)))
		}
	}
	f, said := folder(t)
	for i := range 10 {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "TEST_CACHE_FOLDER="+f.Path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for f.Load("x") == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(i*7) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if got := string(f.Load("x")); len(got) != 3_000_000 || strings.Trim(got, got[:1]) != "" {
			t.Errorf("loaded %d bytes", len(got))
		}
	}
	if said.Len() > 0 {
		t.Errorf("said %s", said)
	}
}
