package gitrepo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAddedLinesOfSmallPairs(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []LineRange
	}{
		{"both empty", "", "", nil},
		{"equal", "a\nb\n", "a\nb\n", nil},
		{"created", "", "a\nb", []LineRange{{0, 2}}},
		{"emptied", "a\n", "", nil},
		{"lost its last line end", "a\nb\n", "a\nb", []LineRange{{1, 2}}},
		{"gained a last line end", "a\nb", "a\nb\n", []LineRange{{1, 2}}},
		{"carriage returns are bytes", "a\nb\n", "a\r\nb\n", []LineRange{{0, 1}}},
		{"two hunks", "a\nb\nc\n", "x\nb\ny\n", []LineRange{{0, 1}, {2, 3}}},
		{"a moved block", "a\nb\nc\nd\n", "c\nd\na\nb\n", []LineRange{{2, 4}}},
		{"an inserted function", "f {\n}\n\ng {\n}\n", "f {\n}\n\nh {\n}\n\ng {\n}\n", []LineRange{{3, 6}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, AddedLines([]byte(c.old), []byte(c.new))); diff != "" {
				t.Errorf("added lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllLinesAreAddedOfAFileTooLargeToDiff(t *testing.T) {
	old, new := []byte("a\nb\nc\n"), []byte("a\nb\n")
	for limit, want := range map[int][]LineRange{6: nil, 5: {{0, 2}}} {
		if diff := cmp.Diff(want, addedWithin(limit, old, new)); diff != "" {
			t.Errorf("limit %d: added lines (-want +got):\n%s", limit, diff)
		}
	}
	if got := addedWithin(1, old, nil); got != nil {
		t.Errorf("an empty file has added lines %v", got)
	}
}

func TestBinaryIsANulInTheFirst8000Bytes(t *testing.T) {
	text := bytes.Repeat([]byte{'a'}, 9000)
	at := func(i int) []byte { data := bytes.Clone(text); data[i] = 0; return data }
	for _, c := range []struct {
		name string
		data []byte
		want bool
	}{
		{"nothing", nil, false}, {"text", text, false}, {"first byte", at(0), true},
		{"byte 7999", at(7999), true}, {"byte 8000", at(8000), false},
	} {
		if got := IsBinary(c.data); got != c.want {
			t.Errorf("%s: IsBinary is %v", c.name, got)
		}
	}
}

// pair is the two versions of a file.
type pair struct{ old, new []byte }

func TestAddedLinesAreThoseOfGitOnRandomPairs(t *testing.T) {
	needGit(t)
	seed := uint64(20240229)
	if os.Getenv("LEAKGATE_DIFF_SEED") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var pairs []pair
	for range 1500 {
		pairs = append(pairs, randomPair(rng, 1+rng.IntN(60)))
	}
	for range 40 {
		pairs = append(pairs, randomPair(rng, 200+rng.IntN(3000)))
	}
	compareWithGit(t, pairs)
}

// TestAddedLinesAreThoseOfGitWhereTheSearchGivesUp has pairs so different that
// git's search leaves the shortest path, by a long snake or by its cost cap.
func TestAddedLinesAreThoseOfGitWhereTheSearchGivesUp(t *testing.T) {
	needGit(t)
	rng := rand.New(rand.NewPCG(7, 7))
	var pairs []pair
	for _, alphabet := range []int{2, 3, 5, 40, 400, 2000} {
		for _, snake := range []int{0, 19, 20, 21, 30, 400} {
			pairs = append(pairs, costlyPair(rng, 6000, alphabet, snake))
		}
	}
	compareWithGit(t, pairs)
}

// costlyPair is two unrelated runs of lines with common stretches set in here and there.
func costlyPair(rng *rand.Rand, lines, alphabet, snake int) pair {
	var old, new []byte
	for n := 0; n < lines; n += 50 {
		for range 50 {
			old = fmt.Appendf(old, "%d\n", rng.IntN(alphabet))
			new = fmt.Appendf(new, "%d\n", rng.IntN(alphabet))
		}
		if snake > 0 && rng.IntN(8) == 0 {
			var common []byte
			for range snake {
				common = fmt.Appendf(common, "%d\n", rng.IntN(alphabet))
			}
			old, new = append(old, common...), append(new, common...)
		}
	}
	return pair{old, new}
}

// randomPair writes a file from a small stock of lines and edits it: lines and
// blocks are inserted, deleted, repeated and moved.
func randomPair(rng *rand.Rand, lines int) pair {
	stock := randomStock(rng)
	pick := func(n int) (picked []string) {
		for range n {
			picked = append(picked, stock[rng.IntN(len(stock))])
		}
		return picked
	}
	old := pick(rng.IntN(lines + 1))
	new := append([]string(nil), old...)
	for range 1 + rng.IntN(1+lines/4) {
		at, n := rng.IntN(len(new)+1), rng.IntN(1+min(12, lines/2))
		end := min(len(new), at+n)
		switch block := append([]string(nil), new[at:end]...); rng.IntN(5) {
		case 0:
			new = splice(new, at, at, pick(n))
		case 1:
			new = splice(new, at, end, nil)
		case 2:
			new = splice(new, at, at, block)
		case 3:
			new = splice(new, at, end, nil)
			to := rng.IntN(len(new) + 1)
			new = splice(new, to, to, block)
		default:
			new = splice(new, at, end, pick(n))
		}
	}
	return pair{joinLines(rng, old), joinLines(rng, new)}
}

func splice(lines []string, start, end int, with []string) []string {
	return append(append(append([]string(nil), lines[:start]...), with...), lines[end:]...)
}

// randomStock has words at several indents, blank lines of several sorts, and now
// and then many long lines, so that git's cut of a common tail comes into play.
func randomStock(rng *rand.Rand) []string {
	words := []string{"a", "b", "}", "{", "end", "if x", "return", "x := y"}
	indents := []string{"", "", " ", "  ", "    ", "\t", "\t\t", " \t", strings.Repeat(" ", 210), "\v", "\f"}
	blanks := []string{"", "", " ", "\t", "\r", "  \r", "\v"}
	var stock []string
	for range 1 + rng.IntN(8) {
		if rng.IntN(4) == 0 {
			stock = append(stock, blanks[rng.IntN(len(blanks))])
			continue
		}
		line := indents[rng.IntN(len(indents))] + words[rng.IntN(len(words))]
		if rng.IntN(12) == 0 {
			line += strings.Repeat("long", rng.IntN(120))
		}
		stock = append(stock, line)
	}
	for n := range rng.IntN(2) * rng.IntN(40) {
		stock = append(stock, fmt.Sprintf("%sunlike %d", indents[rng.IntN(len(indents))], n))
	}
	return stock
}

func joinLines(rng *rand.Rand, lines []string) []byte {
	if len(lines) == 0 {
		return nil
	}
	text := strings.Join(lines, "\n")
	if rng.IntN(5) > 0 {
		text += "\n"
	}
	return []byte(text)
}

// compareWithGit writes the pairs as two folders and lets git diff these at once.
func compareWithGit(t *testing.T, pairs []pair) {
	t.Helper()
	dir := t.TempDir()
	for i, p := range pairs {
		writeFile(t, filepath.Join(dir, "old", pairName(i)), p.old)
		writeFile(t, filepath.Join(dir, "new", pairName(i)), p.new)
	}
	cmd := gitCommand(dir, append(append([]string{"diff", "--no-index"}, patchFlags...), "old", "new")...)
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 {
		t.Fatalf("git diff: %v", err)
	}
	want := map[string][]LineRange{}
	err = readPatches(bytes.NewReader(out), func(p filePatch) error {
		want[filepath.Base(p.name)] = p.added
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i, p := range pairs {
		diff := cmp.Diff(want[pairName(i)], AddedLines(p.old, p.new))
		if diff == "" {
			continue
		}
		if failed++; failed <= 3 {
			t.Errorf("pair %d: added lines (-git +ours):\n%s\nold %.400q\nnew %.400q", i, diff, p.old, p.new)
		}
	}
	t.Logf("%d pairs, %d with added lines in git's diff, %d mismatches", len(pairs), len(want), failed)
}

func pairName(i int) string { return fmt.Sprintf("f%06d", i) }

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: nothing to compare with")
	}
}
