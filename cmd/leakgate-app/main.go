// Command leakgate-app is the GitHub App: it judges every push and pull request of the
// organisations that installed it, and tells of it in check runs. It plans what
// may be done about them where an operator says so, and never does it.
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
)

// version is set by the release build.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := &world{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, hostname: os.Hostname, now: time.Now,
		terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	code := w.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// world is everything outside that a command may use.
type world struct {
	stdout   io.Writer
	stderr   io.Writer
	env      func(string) string
	hostname func() (string, error)
	now      func() time.Time
	terminal bool // stderr is one, so that a line can change
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
