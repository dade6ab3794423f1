// Command act runs the GitHub Action as a workflow does: a server with a pull
// request, a clone of it, nektos/act on this machine, and the binary under test.
// It looks at what a person would see: annotations, outputs, summary, exit code.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: test/act/run BINARY")
		os.Exit(2)
	}
	tools, err := os.MkdirTemp("", "leakgate-act-")
	if err != nil {
		fmt.Println("FAIL act:", err)
		os.Exit(1)
	}
	code := run(os.Args[1], tools)
	os.RemoveAll(tools)
	os.Exit(code)
}

func run(binary, tools string) int {
	if why := build(tools); why != "" {
		if os.Getenv("CI") == "true" {
			fmt.Println("FAIL act:", why)
			return 1
		}
		fmt.Println("skip act:", why)
		return 0
	}
	failed := 0
	for _, c := range append(lints(tools), scenarios(binary, tools)...) {
		if err := c.run(); err != nil {
			failed++
			fmt.Printf("FAIL act: %s\n     %s\n", c.name, strings.ReplaceAll(err.Error(), "\n", "\n     "))
			continue
		}
		fmt.Println("ok   act:", c.name)
	}
	if failed > 0 {
		return 1
	}
	return 0
}

// check is one line of the result.
type check struct {
	name string
	run  func() error
}

// build makes act and actionlint from the versions that go.mod pins, and says
// why it cannot.
func build(tools string) string {
	if _, err := exec.LookPath("git"); err != nil {
		return "there is no git"
	}
	cmd := exec.Command("go", "build", "-o", tools+string(filepath.Separator),
		"github.com/nektos/act", "github.com/rhysd/actionlint/cmd/actionlint")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("act and actionlint cannot be built (%v): %s", err, lastLines(string(out), 1))
	}
	return ""
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
