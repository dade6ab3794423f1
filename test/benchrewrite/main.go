//go:build unix

// Command benchrewrite measures leakgate beside git-filter-repo: one value is
// taken out of a copy of a repository's whole history, into which values were
// planted before, each from another commit on. It prints a Markdown table; where a
// tool leaves the value, or the trees of the branches' tips differ, it fails.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// shares are where in history the values begin, in percent of its commits: about all,
// half, a tenth and a hundredth of them come later.
var shares = []int{1, 50, 90, 99}

// room is how much memory leakgate may take, in bytes.
const room = 512 << 20

func main() {
	tool := flag.String("leakgate", "bin/leakgate", "the leakgate binary")
	folder := flag.String("folder", "", "`FOLDER` that keeps what was planted for the next run")
	runs := flag.Int("n", 3, "how often leakgate runs")
	only := flag.Int("from", 0, "measure the value from this `PERCENT` of the commits on alone; 0: all")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: benchrewrite [-n RUNS] [-leakgate FILE] [-folder FOLDER] [-from PERCENT] REPOSITORY")
		os.Exit(2)
	}
	if err := run(*tool, *folder, flag.Arg(0), *runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "benchrewrite:", err)
		os.Exit(1)
	}
}

// bench is one repository with values in it.
type bench struct {
	tool, folder, planted string
	runs                  int
	values                []string
}

func run(tool, folder, source string, runs, only int) error {
	temp, err := os.MkdirTemp("", "benchrewrite")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if folder == "" {
		folder = temp
	}
	tool, err = filepath.Abs(tool)
	if err != nil {
		return err
	}
	b := &bench{tool: tool, folder: temp, planted: filepath.Join(folder, filepath.Base(filepath.Dir(source))+"-planted.git"), runs: runs}
	if err := b.prepare(source); err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "| value from | commits that change | leakgate, wall (CPU) | memory, of it anonymous | git-filter-repo, wall (CPU) | of it, repacking | without repacking, times as fast |")
	fmt.Fprintln(os.Stdout, "|---:|---:|---:|---:|---:|---:|---:|")
	var grown []growth
	for i, share := range shares {
		if only != 0 && only != share {
			continue
		}
		g, err := b.measure(i, share, share == 1 || share == 99)
		if err != nil {
			return err
		}
		grown = append(grown, g)
	}
	return report(os.Stdout, grown)
}

// prepare plants values, or takes those that an earlier run has planted.
func (b *bench) prepare(source string) error {
	list := b.planted + ".values"
	if text, err := os.ReadFile(list); err == nil {
		b.values = strings.Fields(string(text))
		return nil
	}
	paths, starts, err := busiest(source, shares)
	if err != nil {
		return err
	}
	for range shares {
		raw := make([]byte, 20)
		if _, err := rand.Read(raw); err != nil {
			return err
		}
		b.values = append(b.values, "plant-"+hex.EncodeToString(raw))
	}
	fmt.Fprintf(os.Stderr, "planting in %v behind commits %v\n", paths, starts)
	if err := plant(source, b.planted, paths, starts, b.values); err != nil {
		return err
	}
	return os.WriteFile(list, []byte(strings.Join(b.values, "\n")), 0o600)
}

func tail(text string) string { return text[max(0, len(text)-500):] }

func (b *bench) copy(name string) (string, error) {
	target := filepath.Join(b.folder, name)
	return target, errors.Join(os.RemoveAll(target), exec.Command("cp", "-r", b.planted, target).Run())
}

func (b *bench) measure(i, share int, peer bool) (growth, error) {
	text := filepath.Join(b.folder, "text")
	if err := os.WriteFile(text, []byte(b.values[i]+"\n"), 0o600); err != nil {
		return growth{}, err
	}
	best, ours, err := b.ours(text)
	if err != nil {
		return growth{}, err
	}
	m := changes.FindStringSubmatch(best.said)
	if m == nil {
		return growth{}, fmt.Errorf("leakgate does not say what it changed: %s", tail(best.said))
	}
	commits, err := strconv.Atoi(m[1])
	if err != nil {
		return growth{}, err
	}
	row := fmt.Sprintf("| %d %% | %d | %.2f s (%.2f s) | %d MB, %d MB |", share, commits, best.wall.Seconds(), best.cpu.Seconds(), best.memory>>20, best.anonymous>>20)
	theirs := " | | |"
	if peer {
		if theirs, err = b.theirs(text, ours, best); err != nil {
			return growth{}, err
		}
	}
	fmt.Fprintln(os.Stdout, row+theirs)
	return growth{commits, best.memory, best.anonymous}, nil
}

// ours is the fastest of several runs, each on a fresh copy, and the most memory of any.
func (b *bench) ours(text string) (best cost, dir string, err error) {
	for range b.runs {
		if dir, err = b.copy("ours.git"); err != nil {
			return best, dir, err
		}
		c, err := timed(exec.Command(b.tool, "rewrite", "local", "--replace-text", text, dir))
		if err != nil {
			return best, dir, err
		}
		c.memory, c.anonymous = max(c.memory, best.memory), max(c.anonymous, best.anonymous)
		if best.wall != 0 && best.wall < c.wall {
			c.wall, c.cpu, c.said = best.wall, best.cpu, best.said
		}
		best = c
	}
	fresh := filepath.Join(b.folder, "fresh.git")
	if err := errors.Join(os.RemoveAll(fresh), exec.Command("git", "clone", "-q", "--mirror", "--no-local", "file://"+dir, fresh).Run()); err != nil {
		return best, dir, err
	}
	_, err = timed(exec.Command(b.tool, "rewrite", "verify", "--replace-text", text, fresh))
	return best, dir, err
}

var (
	changes = regexp.MustCompile(`(?m)^(\d+) of \d+ commits changed`)
	written = regexp.MustCompile(`New history written in ([0-9.]+) seconds`)
)

// theirs runs git-filter-repo on a copy and compares the trees of all refs.
func (b *bench) theirs(text, ours string, best cost) (string, error) {
	dir, err := b.copy("theirs.git")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("git", "filter-repo", "--force", "--replace-text", text)
	cmd.Dir = dir
	c, err := timed(cmd)
	if err != nil {
		return "", err
	}
	m := written.FindStringSubmatch(c.said)
	if m == nil {
		return "", fmt.Errorf("git-filter-repo does not say how long it took: %s", tail(c.said))
	}
	seconds, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return "", err
	}
	a, err := trees(ours)
	if err != nil {
		return "", err
	}
	other, err := trees(dir)
	if err != nil {
		return "", err
	}
	if a != other {
		return "", errors.New("the trees of the two results differ")
	}
	return fmt.Sprintf(" %.1f s (%.1f s) | %.1f s | %.0f × |", c.wall.Seconds(), c.cpu.Seconds(), c.wall.Seconds()-seconds, seconds/best.wall.Seconds()), nil
}

func trees(dir string) (string, error) {
	out, err := git(dir, "for-each-ref", "--format=%(refname) %(tree)%(*tree)", "refs/heads", "refs/tags").Output()
	return string(out), err
}
