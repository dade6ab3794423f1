//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// rescan measures on a clone of the repository what a scan takes when nothing is
// known of it, when all is, and after one more commit that changes one file.
func (b *bench) rescan(path string) error {
	title, err := describe(path)
	if err != nil {
		return err
	}
	clone, cache := b.file("clone"), b.file("cache")
	defer os.RemoveAll(clone)
	if err := gitIn("", "clone", "-q", "--mirror", path, clone); err != nil {
		return err
	}
	var first, nothing, one []sample
	for range b.runs {
		if err := os.RemoveAll(cache); err != nil {
			return err
		}
		for _, into := range []*[]sample{&first, &nothing, &one} {
			if into == &one {
				if err := oneMore(clone); err != nil {
					return err
				}
			}
			s, err := b.measure(b.leakgate, b.cachedArgs(clone)...)
			if err != nil {
				return err
			}
			*into = append(*into, s)
		}
	}
	size := int64(0)
	files, err := filepath.Glob(filepath.Join(cache, "*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	fmt.Fprintf(os.Stdout, "\n## %s: again\n\nMedians of %d runs each, in turns. What is kept takes %.1f MB.\n\n", title, b.runs, float64(size)/1e6)
	fmt.Fprintln(os.Stdout, "| | wall ms | of the first scan | CPU ms | of the first scan | anonymous MB |\n|---|---:|---:|---:|---:|---:|")
	whole := median(first)
	for _, row := range []struct {
		name string
		sample
	}{{"first scan", whole}, {"again, with nothing new", median(nothing)}, {"after one more commit", median(one)}} {
		fmt.Fprintf(os.Stdout, "| %s | %.0f | %.1f %% | %.0f | %.1f %% | %.0f |\n", row.name, row.wall.Seconds()*1e3, percent(row.wall.Seconds(), whole.wall.Seconds()),
			row.cpu.Seconds()*1e3, percent(row.cpu.Seconds(), whole.cpu.Seconds()), float64(row.anonymous)/1e6)
	}
	return err
}

func percent(part, whole float64) float64 { return 100 * part / whole }

// cachedArgs are those of any other measurement, but with a cache.
func (b *bench) cachedArgs(path string) []string {
	var args []string
	for _, a := range b.leakgateArgs(path) {
		if a != "--no-cache" {
			args = append(args, a)
		}
	}
	return args
}

// oneMore adds a line to a file of HEAD, in a commit of its own.
func oneMore(bare string) error {
	script := `set -e
export GIT_INDEX_FILE=$PWD/bench-index GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
git read-tree HEAD
file=$(git ls-tree -r --name-only HEAD | grep -E '\.(c|go|java|js|py|rb|rs|ts)$' | sed -n 5p)
blob=$( (git cat-file blob HEAD:"$file"; echo "# $(date +%N)") | git hash-object -w --stdin)
git update-index --cacheinfo "100644,$blob,$file"
git update-ref HEAD "$(git commit-tree -p HEAD -m "Change $file" "$(git write-tree)")"`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = bare
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("add a commit: %w: %s", err, out)
	}
	return nil
}

func gitIn(dir string, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("git %s: %w", args[0], err), errors.New(strings.TrimSpace(string(out))))
	}
	return nil
}
