package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

func TestWriteFileReplacesTheFileWholeAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, []byte(strings.Repeat("an older and longer report\n", 10000)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, "json", blocked()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != write(t, "json", blocked()) {
		t.Errorf("the file is not the report: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	onlyFile(t, path)
}

func TestAFileGetsNoColourAndNoValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.txt")
	r := blocked()
	want := write(t, "text", r)
	r.Color, r.Width = true, 60
	r.ShowValue = func(secret.Secret) string { return "the value" }
	if err := WriteFile(path, "text", r); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != want {
		t.Errorf("the file differs from plain text:\n%s", got)
	}
	if r.ShowValue == nil || !r.Color {
		t.Error("the report itself was changed")
	}
}

func TestWriteFileLeavesTheOldFileWhenWritingFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, "yaml", blocked()); err == nil {
		t.Error("an unknown format was written")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the old file became %q", got)
	}
	onlyFile(t, path)
}

func TestWriteFileReplacesASymbolicLinkAndDoesNotFollowIt(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(link, "text", clean()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(target); string(got) != "precious" {
		t.Errorf("the target of the link became %q", got)
	}
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is still there: %v", err)
	}
}

func TestWriteFileRefusesFoldersAndMissingFolders(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"":                               "no file name",
		dir:                              "this is a folder",
		filepath.Join(dir, "no", "file"): "no such file",
	} {
		if err := WriteFile(path, "text", clean()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
}

func TestReportPathErrorsHoldNoValue(t *testing.T) {
	r := blocked()
	err := WriteFile(filepath.Join(t.TempDir(), "missing", "x"), "text", r)
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	for _, f := range r.Verdict.Findings {
		for _, form := range secret.Forms(f.Secret) {
			if strings.Contains(err.Error(), form) {
				t.Error("the error holds a value")
			}
		}
	}
}

// onlyFile fails when a temporary file was left beside path.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestAHundredThousandFindingsTakeSecondsInEveryFormat(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand findings")
	}
	r := many(100_000)
	for _, format := range Formats() {
		var size counter
		start := time.Now()
		if err := Write(&size, format, r); err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		t.Logf("%-8s %6.1f MB in %v", format, float64(size)/1e6, took.Round(time.Millisecond))
		if took > 30*time.Second {
			t.Errorf("%s took %v", format, took)
		}
	}
}
