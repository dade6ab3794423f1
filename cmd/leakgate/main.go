// Command leakgate finds secrets in git histories, changes, folders and streams
// and refuses them. The commands only wire: what they ask is answered by
// internal/inspect, what they print is written by internal/report.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// version is set by the release build.
var version = ""

func main() {
	paceMemory(os.Getenv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := newWorld().run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// world is everything outside that a command may use.
type world struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
	now    func() time.Time
	width  int  // columns of the terminal that stdout is, 0 when it is none
	status bool // stderr is a terminal, so progress can be shown
	// account by whose key credentials are known, where it is not the installation's; 0 for none.
	account int64
	issuer  remediate.Issuer // of tests; nil: the issuers themselves
	client  *revoke.Client   // of tests; nil: one that reaches the world

	program, called string // the file of this program and the name it was called by; "" in tests
}

func newWorld() *world {
	w := &world{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, now: time.Now,
		status: term.IsTerminal(int(os.Stderr.Fd())), called: os.Args[0],
	}
	if program, err := os.Executable(); err == nil {
		w.program = program
	}
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		w.width = columns
	}
	return w
}

// toolVersion is the released version, or what the build knows of its module.
func toolVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
