package main

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/rules"
)

// repository writes a dataset of one repository and one file; its id is 20
// bytes in hexadecimal and begins with the digit.
func repository(t *testing.T, digit byte, text string, rows ...string) string {
	t.Helper()
	id := bytes.Repeat([]byte{digit<<4 | digit}, 32)
	name := fmt.Sprintf("%08x", crc32.ChecksumIEEE(id))
	folder := t.TempDir()
	head := "Id,FileID,Domain,RepoName,FilePath,LineStart,LineEnd,GroundTruth,ValueStart,ValueEnd,CryptographyKey,PredefinedPattern,Category\n"
	files := map[string]string{
		"snapshot.json":         fmt.Sprintf(`{"%x": "https://example.com/repository"}`, id),
		"meta/" + name + ".csv": head + strings.Join(rows, "\n") + "\n",
		"data/a/b.txt":          text,
	}
	for path, content := range files {
		full := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func row(line int, truth, kind string) string {
	return fmt.Sprintf("1,2,GitHub,x,data/a/b.txt,%d,%d,%s,,,,,%s", line, line, truth, kind)
}

func TestLinesAreCountedByTierAndLabel(t *testing.T) {
	token, err := rules.ExpandExample("ghp_{alnum:30}{check:github}", 1)
	if err != nil {
		t.Fatal(err)
	}
	text := "token = " + token + "\nnothing\ntoken: " + token + "\nmissed\n"
	folder := repository(t, 3, text, row(1, "T", "Token:Github Classic Token"), row(3, "F", "Token"), row(4, "T", "Slack Token"), row(2, "X", "Other"))
	var out, errs bytes.Buffer
	if code := run([]string{"-data", folder, "-ids", "3", "-rules"}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	for _, want := range []string{
		"3 labelled lines (2 credentials, 1 others) in 1 files of 1 repositories",
		"certain   1   1         50.0 %",
		"block   1   1   1     50.0 %  50.0 %",
		"github-pat",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), token) {
		t.Error("the report shows a value")
	}
}

func TestOnlyTheNamedRepositoriesAreRead(t *testing.T) {
	folder := repository(t, 9, "x\n", row(1, "T", "Token"))
	var out, errs bytes.Buffer
	if code := run([]string{"-data", folder, "-ids", "012345"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "0 labelled lines") {
		t.Errorf("exit %d, %s%s", code, out.String(), errs.String())
	}
}

func TestAMissingDatasetIsAnErrorThatNamesIt(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-data", t.TempDir()}, &out, &errs); code != 3 || !strings.Contains(errs.String(), "snapshot.json") {
		t.Errorf("exit %d, %s", code, errs.String())
	}
	if code := run(nil, &out, &errs); code != 2 {
		t.Errorf("exit %d without -data, want 2", code)
	}
}
