//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// growth measures histories in which one file changes again and again: the time
// should follow what is new in the pack, not the sizes of all versions.
func (b *bench) growth() error {
	fmt.Fprint(os.Stdout, "\n## One file that changes a line at a time\n\n"+
		"| file MB | versions | pack MB | sum of versions MB | leakgate wall s | CPU s | git reads every object, wall s |\n|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range []struct{ lines, versions int }{{20_000, 500}, {20_000, 1000}, {20_000, 2000}, {80_000, 500}, {80_000, 2000}} {
		if err := b.grown(c.lines, c.versions); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) grown(lines, versions int) error {
	dir := b.file(fmt.Sprintf("grown-%d-%d", lines, versions))
	defer os.RemoveAll(dir)
	total, err := grow(dir, lines, versions)
	if err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) == 0 {
		return errors.Join(errors.New("the history was not packed"), err)
	}
	info, err := os.Stat(packs[0])
	if err != nil {
		return err
	}
	var git, ours []sample
	for range b.runs {
		read, err := b.measure("git", "-C", dir, "cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer")
		if err != nil {
			return err
		}
		our, err := b.measure(b.leakgate, b.leakgateArgs(dir)...)
		if err != nil {
			return err
		}
		git, ours = append(git, read), append(ours, our)
	}
	our, read := median(ours), median(git)
	fmt.Fprintf(os.Stdout, "| %.1f | %d | %.1f | %.0f | %.2f | %.2f | %.2f |\n", float64(total)/float64(versions)/1e6, versions,
		float64(info.Size())/1e6, float64(total)/1e6, our.wall.Seconds(), our.cpu.Seconds(), read.wall.Seconds())
	return nil
}

// grow makes a bare repository by a stream for git fast-import, and returns the
// bytes of all versions of its one file.
func grow(dir string, lines, versions int) (total int64, err error) {
	if err := exec.Command("git", "init", "-q", "--bare", "-b", "main", dir).Run(); err != nil {
		return 0, fmt.Errorf("make a repository: %w", err)
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet", "--depth=50")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	total, err = writeVersions(in, lines, versions)
	if err = errors.Join(err, in.Close()); err != nil {
		return 0, fmt.Errorf("write the history: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("import the history: %w", err)
	}
	repack := exec.Command("git", "-C", dir, "repack", "-adfq", "--depth=50", "--window=10")
	if out, err := repack.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("pack the history: %w\n%s", err, out)
	}
	return total, nil
}

func writeVersions(to io.Writer, lines, versions int) (total int64, err error) {
	out := bufio.NewWriter(to)
	rnd := rand.New(rand.NewPCG(uint64(lines), uint64(versions)))
	line := func() string {
		return fmt.Sprintf("entry %d of the list: some words, a key or a token, and the number %d\n", rnd.IntN(1e6), rnd.IntN(1e9))
	}
	text := make([]string, lines)
	for i := range text {
		text[i] = line()
	}
	for n := range versions {
		text[rnd.IntN(lines)] = line()
		whole := strings.Join(text, "")
		total += int64(len(whole))
		fmt.Fprintf(out, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 1\nx\nM 100644 inline file.txt\ndata %d\n%s\n", 1_700_000_000+n, len(whole), whole)
	}
	return total, out.Flush()
}
