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
	var git, ours, theirs []sample
	for range b.runs {
		read, err := b.measure("git", "-C", path, "cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer")
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
		git, ours, theirs = append(git, read), append(ours, our), append(theirs, their)
	}
	return b.report(title, median(git), median(ours), median(theirs))
}

// leakgateArgs make it search the whole history with gitleaks' default rules and
// those of its own, without what the repository itself would say about it.
func (b *bench) leakgateArgs(path string) []string {
	args := []string{"scan", "--quiet", "--gitleaks-config", b.file("rules.toml"), "--gitleaks-ignore", b.file("ignore"),
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
func (b *bench) report(title string, git, ours, theirs sample) error {
	our, err := readLeakgate(b.file("leakgate.json"))
	if err != nil {
		return err
	}
	their, err := readGitleaks(b.file("gitleaks.json"))
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "\n## %s\n\nMedians of %d runs each, in turns.\n\n", title, b.runs)
	fmt.Fprintln(os.Stdout, "| | wall s | CPU s | peak MB | findings |\n|---|---:|---:|---:|---:|")
	row("leakgate", ours, fmt.Sprint(len(our.Findings)))
	row("gitleaks", theirs, fmt.Sprint(len(their)))
	fmt.Fprintf(os.Stdout, "| leakgate ÷ gitleaks | %.2f | %.2f | %.2f | |\n", ours.wall.Seconds()/theirs.wall.Seconds(),
		ours.cpu.Seconds()/theirs.cpu.Seconds(), float64(ours.peak)/float64(theirs.peak))
	row("git reads every object", git, "")
	if !our.Coverage.Complete {
		return fmt.Errorf("leakgate's scan is not complete: the numbers do not count")
	}
	if b.superset {
		return compare(our.Findings, their)
	}
	return nil
}

func row(name string, s sample, findings string) {
	fmt.Fprintf(os.Stdout, "| %s | %.2f | %.2f | %.0f | %s |\n", name, s.wall.Seconds(), s.cpu.Seconds(), s.peakMB(), findings)
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
