package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// root is the repository that holds action.yml, seen from here.
const root = "../.."

// lints are the checks of actionlint: what runs below, and what the pages show.
// Two workflows with a mistake prove that action.yml is read.
func lints(tools string) []check {
	lint := func(change func(string) string, want string) func() error {
		return func() error { return lintWorkflow(tools, change, want) }
	}
	same := func(text string) string { return text }
	checks := []check{
		{"actionlint: action.yml and the workflow that uses it", lint(same, "")},
		{"actionlint: an input that action.yml lacks is noticed", lint(replace("binary-path:", "binary:"), `input "binary" is not defined`)},
		{"actionlint: an output that action.yml lacks is noticed", lint(replace("outputs.blocked", "outputs.block"), `property "block" is not defined`)},
	}
	for _, page := range []string{"action.md", "ci.md"} {
		checks = append(checks, check{"actionlint: the workflows of docs/" + page, func() error { return lintPage(tools, page) }})
	}
	return checks
}

func replace(old, new string) func(string) string {
	return func(text string) string { return strings.ReplaceAll(text, old, new) }
}

// lintWorkflow lints the changed workflow in a repository with action.yml; want
// is what actionlint has to say, "" for nothing.
func lintWorkflow(tools string, change func(string) string, want string) error {
	dir, err := os.MkdirTemp(tools, "lint-")
	if err != nil {
		return err
	}
	if err := plant(dir, change); err != nil {
		return err
	}
	out, err := actionlint(tools, dir)
	if want == "" && err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if !strings.Contains(out, want) {
		return fmt.Errorf("actionlint does not say %q:\n%s", want, out)
	}
	return nil
}

func actionlint(tools, dir string) (string, error) {
	cmd := exec.Command(filepath.Join(tools, "actionlint"), "-no-color", "-shellcheck=", "-pyflakes=")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lintPage lints the workflows among the examples of a page.
func lintPage(tools, page string) error {
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(tools, "page-")
	if err != nil {
		return err
	}
	if err := plant(dir, func(string) string { return "" }); err != nil {
		return err
	}
	workflows := filepath.Join(dir, ".github", "workflows")
	os.Remove(filepath.Join(workflows, "gate.yml"))
	n := 0
	for i, part := range strings.Split(string(text), "```") {
		example, ok := strings.CutPrefix(part, "yaml\n")
		if i%2 == 0 || !ok || !strings.Contains(example, "runs-on:") {
			continue
		}
		n++
		if err := os.WriteFile(filepath.Join(workflows, fmt.Sprintf("example-%d.yml", n)), []byte(example), 0o644); err != nil {
			return err
		}
	}
	if n == 0 {
		return errors.New("the page shows no workflow")
	}
	if out, err := actionlint(tools, dir); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// plant makes a repository with the action and the workflow in dir.
func plant(dir string, change func(string) string) error {
	for from, to := range map[string]string{
		root + "/action.yml": "action.yml", root + "/scripts/action-install": "scripts/action-install", "workflows/gate.yml": ".github/workflows/gate.yml",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if to == ".github/workflows/gate.yml" {
			text = []byte(change(string(text)))
		}
		if err := write(filepath.Join(dir, to), string(text)); err != nil {
			return err
		}
	}
	return git(dir, "init", "-q", "-b", "main")
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
