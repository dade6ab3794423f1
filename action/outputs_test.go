package action

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readOutputs reads a file of outputs as the runner does:
// https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
func readOutputs(t *testing.T, text string) []Output {
	t.Helper()
	var out []Output
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		name, delimiter, ok := strings.Cut(line, "<<")
		if !ok {
			t.Fatalf("the line %q is no heredoc", line)
		}
		value, after, ok := strings.Cut("\n"+rest, "\n"+delimiter+"\n")
		if !ok {
			t.Fatalf("%q never ends", name)
		}
		out = append(out, Output{name, strings.TrimPrefix(value, "\n")})
		text = after
	}
	return out
}

func TestOutputsAreAppendedAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "output")
	want := []Output{{"first", "1"}, {"range", "a..b"}, {"empty", ""}, {"lines", "x\ny<<z\nfirst=2\n"}}
	for _, part := range [][]Output{want[:1], want[1:]} {
		if err := writeOutputs(path, part); err != nil {
			t.Fatal(err)
		}
	}
	text, _ := os.ReadFile(path)
	if diff := cmp.Diff(want, readOutputs(t, string(text))); diff != "" {
		t.Error(diff)
	}
}

func TestOutputsThatCannotBeWrittenAreAnError(t *testing.T) {
	if err := writeOutputs(filepath.Join(t.TempDir(), "no", "folder"), []Output{{"a", "b"}}); err == nil {
		t.Error("no error")
	}
	if err := writeOutputs("", []Output{{"a", "b"}}); err != nil {
		t.Errorf("outside of a workflow: %v", err)
	}
}

// FuzzOutputs holds that a value cannot end its heredoc and begin another output.
func FuzzOutputs(f *testing.F) {
	f.Add("value", "leakgate-AAAA\nblocked<<x\n0\nx")
	f.Add("", "\n\n<<\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		want := []Output{{"range", first}, {"blocked", second}}
		if diff := cmp.Diff(want, readOutputs(t, heredoc(want[0])+heredoc(want[1]))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheSummaryFitsBesideWhatIsThere(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for _, c := range []struct {
		there, text int // lines
		want        func(got string) bool
	}{
		{0, 10, func(got string) bool { return got == strings.Repeat(line, 10) }},
		{0, 20_000, func(got string) bool { return strings.HasSuffix(got, "\n"+summaryCut) && len(got) > maxSummary-200 }},
		{5000, 6000, func(got string) bool { return strings.HasSuffix(got, "\n"+summaryCut) }},
		{10_485, 10, func(got string) bool { return got == strings.Repeat(line, 10_485)+summaryCut }},
	} {
		path := filepath.Join(t.TempDir(), "summary")
		os.WriteFile(path, []byte(strings.Repeat(line, c.there)), 0o600)
		if err := writeSummary(path, strings.Repeat(line, c.text)); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(path)
		if len(got) > maxSummary || !c.want(string(got)) {
			t.Errorf("%d lines beside %d: %d bytes, ending in %q", c.text, c.there, len(got), got[max(0, len(got)-80):])
		}
	}
}

func TestAFullSummaryIsLeftAlone(t *testing.T) {
	for room := range len(summaryCut) + 1 {
		if got := fitting(strings.Repeat("x\n", 100), room); got != "" {
			t.Errorf("%d bytes of room: %q", room, got)
		}
	}
}
