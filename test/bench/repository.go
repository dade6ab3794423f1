//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository measures both tools on the history at path in turns, prints the table,
// and compares the findings of the last turn when asked.
func (b *bench) repository(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	title, err := describe(path)
	if err != nil {
		return err
	}
	// The first reading also brings the packs into memory, for both.
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var git, least, ours, theirs []sample
	for range b.runs {
		read, err := b.measure("git", "-C", path, "cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer")
		if err != nil {
			return err
		}
		inflate, err := b.measure(self, "-floor", path)
		if err != nil {
			return err
		}
		our, err := b.measure(b.leakgate, b.leakgateArgs(path)...)
		if err != nil {
			return err
		}
		their, err := b.measure(b.gitleaks, b.gitleaksArgs(path)...)
		if err != nil {
			return err
		}
		git, least, ours, theirs = append(git, read), append(least, inflate), append(ours, our), append(theirs, their)
	}
	return b.report(title, median(git), median(least), median(ours), median(theirs))
}

// leakgateArgs make it search the whole history with gitleaks' default rules and
// those of its own, without what the repository itself would say about it.
func (b *bench) leakgateArgs(path string) []string {
	args := []string{"scan", "--quiet", "--no-cache", "--gitleaks-config", b.file("rules.toml"), "--gitleaks-ignore", b.file("ignore"),
		"--policy", b.file("policy.yaml"), "--report", "json=" + b.file("leakgate.json")}
	if b.engine != "" {
		args = append(args, "--engine", b.engine)
	}
	return append(args, path)
}

func (b *bench) gitleaksArgs(path string) []string {
	return []string{"git", "--no-banner", "--log-level", "error", "--config", b.file("rules.toml"),
		"--gitleaks-ignore-path", b.file("ignore"), "--ignore-gitleaks-allow", "--exit-code", "0",
		"--report-format", "json", "--report-path", b.file("gitleaks.json"), path}
}

// report prints the table, then reads what the tools found.
func (b *bench) report(title string, git, least, ours, theirs sample) error {
	our, err := readLeakgate(b.file("leakgate.json"))
	if err != nil {
		return err
	}
	their, err := readGitleaks(b.file("gitleaks.json"))
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "\n## %s\n\nMedians of %d runs each, in turns.\n\n", title, b.runs)
	fmt.Fprintln(os.Stdout, "| | wall s | CPU s | peak MB | of it anonymous | findings |\n|---|---:|---:|---:|---:|---:|")
	row("leakgate", ours, fmt.Sprint(len(our.Findings)))
	row("gitleaks", theirs, fmt.Sprint(len(their)))
	row("git reads every object", git, "")
	row("leakgate only reads every object", least, "")
	fmt.Fprintf(os.Stdout, "\nleakgate is %.1f times as fast as gitleaks by wall and %.1f by CPU; it takes %.2f of the time in which git reads every object.\n",
		theirs.wall.Seconds()/ours.wall.Seconds(), theirs.cpu.Seconds()/ours.cpu.Seconds(), ours.wall.Seconds()/git.wall.Seconds())
	if !our.Coverage.Complete {
		return fmt.Errorf("leakgate's scan is not complete: the numbers do not count")
	}
	if b.superset {
		return compare(our.Findings, their)
	}
	return nil
}

func row(name string, s sample, findings string) {
	fmt.Fprintf(os.Stdout, "| %s | %.2f | %.2f | %.0f | %.0f | %s |\n", name, s.wall.Seconds(), s.cpu.Seconds(), s.peakMB(), float64(s.anonymous)/1e6, findings)
}

// describe names the repository so that another can fetch the same.
func describe(path string) (string, error) {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", path}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	tip, err := git("rev-parse", "HEAD")
	if err != nil {
		return "", fmt.Errorf("find the tip: %w", err)
	}
	commits, err := git("rev-list", "--all", "--count")
	if err != nil {
		return "", fmt.Errorf("count the commits: %w", err)
	}
	name := strings.TrimSuffix(filepath.Base(path), ".git")
	if origin, err := git("config", "remote.origin.url"); err == nil && strings.HasPrefix(origin, "https://") {
		name = strings.TrimSuffix(strings.TrimPrefix(origin, "https://"), ".git")
	}
	return fmt.Sprintf("%s, tip %s, %s commits", name, tip, commits), nil
}
