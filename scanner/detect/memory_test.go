package detect

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// remembered lists what a Memory finds, as listing does for a Detector.
func remembered(t testing.TB, m *Memory, s *Scratch, text string) []string {
	t.Helper()
	found, err := m.Text(context.Background(), s, []byte(text), nil, nil)
	if err != nil {
		t.Error(err)
	}
	return described(found)
}

func sameRemembered(t testing.TB, m *Memory, s *Scratch, text string) int {
	t.Helper()
	want := listing(t, m.d, s, text)
	for _, again := range []string{"first", "second"} {
		if diff := cmp.Diff(want, remembered(t, m, s, text)); diff != "" {
			t.Errorf("the %s look through memory changes the matches in %q (-text +memory):\n%s", again, shorten(text), diff)
		}
	}
	return len(want)
}

func TestMemoryFindsWhatTheWholeTextHolds(t *testing.T) {
	d, _ := pair(t)
	m, s := d.NewMemory(), &Scratch{}
	rnd, found := rand.New(rand.NewPCG(5, 6)), 0
	fillers := []string{"filler text without anything %d\n", "\tkey, token %d ey\n", "password: secret %d kind\n", "}\n", "x = \"%d\" # api\n", "U+0041\n"}
	pad := func() string {
		var b strings.Builder
		for range rnd.IntN(120) {
			line := fillers[rnd.IntN(len(fillers))]
			if strings.Contains(line, "%d") {
				line = fmt.Sprintf(line, rnd.IntN(50))
			}
			b.WriteString(line)
		}
		return b.String()
	}
	for _, r := range d.set.Rules {
		if r.Regex == nil {
			continue
		}
		for range 2 {
			g := &generator{rnd: rnd}
			var text strings.Builder
			for range 1 + rnd.IntN(3) {
				text.WriteString(pad())
				text.WriteString(g.wrap(generate(t, rnd, r.Regex.String())))
				text.WriteString(pad())
			}
			found += sameRemembered(t, m, s, text.String())
		}
	}
	if found < 500 {
		t.Errorf("only %d matches: the generator is broken", found)
	}
	t.Logf("%d matches", found)
}

// TestValuesOfAListAreAllFound: each stands on a line of its own, so that the newline
// behind one is the newline before the next, wherever a section ends.
func TestValuesOfAListAreAllFound(t *testing.T) {
	d, _ := pair(t)
	m, s, rnd := d.NewMemory(), &Scratch{}, rand.New(rand.NewPCG(3, 9))
	i := slices.IndexFunc(d.rules, func(c *compiled) bool { return c.ID == "azure-ad-client-secret" })
	for filler := range 40 {
		text, values := strings.Repeat("filler of some words\n", filler), 6
		for range values {
			text += strings.Trim(generate(t, rnd, d.rules[i].Regex.String()), "'\"` \t\n\r\f\v>=:(,)<\\") + "\n"
		}
		if found := sameRemembered(t, m, s, text); found < values {
			t.Errorf("%d of %d values are found behind %d lines in %q", found, values, filler, text)
		}
	}
}

// TestMemoryFindsWhatRealFilesHold goes through the versions of the files of
// the repositories below LEAKGATE_REPOS.
func TestMemoryFindsWhatRealFilesHold(t *testing.T) {
	folder := os.Getenv("LEAKGATE_REPOS")
	if folder == "" {
		t.Skip("LEAKGATE_REPOS names no folder of repositories")
	}
	repos, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := pair(t)
	for _, repo := range repos {
		m, s, blobs, found := d.NewMemory(), &Scratch{}, 0, 0
		for _, text := range someBlobs(t, repo, 20<<20) {
			found += sameRemembered(t, m, s, text)
			blobs++
		}
		t.Logf("%s: %d blobs, %d matches", filepath.Base(repo), blobs, found)
	}
}

// someBlobs reads blobs in the order of their names, up to so many bytes.
func someBlobs(t *testing.T, repo string, limit int) []string {
	t.Helper()
	list, err := exec.Command("git", "-C", repo, "cat-file", "--batch-all-objects", "--batch-check").Output()
	if err != nil {
		t.Logf("%s is skipped: %v", repo, err)
		return nil
	}
	var ids bytes.Buffer
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 3 && f[1] == "blob" && len(f[2]) < 7 && limit > 0 {
			var size int
			fmt.Sscan(f[2], &size)
			limit -= size
			fmt.Fprintln(&ids, f[0])
		}
	}
	cmd := exec.Command("git", "-C", repo, "cat-file", "--batch")
	cmd.Stdin = &ids
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for len(out) > 0 {
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		var id, kind string
		var size int
		if _, err := fmt.Sscan(string(header), &id, &kind, &size); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(rest[:size]))
		out = rest[size+1:]
	}
	return texts
}

// FuzzMemoryIsLossless changes a text line by line, as the versions of a file
// differ, and compares with the whole-text search.
func FuzzMemoryIsLossless(f *testing.F) {
	d, _ := pair(f)
	m, s := d.NewMemory(), &Scratch{}
	f.Add(uint64(1), uint16(3), "key = ")
	f.Add(uint64(2), uint16(90), "-----BEGIN")
	f.Add(uint64(3), uint16(200), "\u017f\xff%41")
	f.Fuzz(func(t *testing.T, seed uint64, which uint16, extra string) {
		if len(extra) > 200 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		g := &generator{rnd: rnd}
		var lines []string
		for range 30 + rnd.IntN(200) {
			lines = append(lines, fmt.Sprintf("line %d of %s", rnd.IntN(9), extra))
		}
		rule := d.rules[int(which)%len(d.rules)]
		lines[rnd.IntN(len(lines))] = g.wrap(generate(t, rnd, rule.Regex.String()))
		for range 3 {
			if text := strings.Join(lines, "\n"); len(text) < 60_000 {
				sameRemembered(t, m, s, text)
			}
			lines[rnd.IntN(len(lines))] = extra
		}
	})
}
