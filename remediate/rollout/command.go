package rollout

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"
)

const (
	maxCommand = 10 * time.Minute
	maxOutput  = 64 << 10 // bytes
)

// Commands run on this machine, with an environment of its own: nil is this process's.
type Commands struct{ Env []string }

// Run is a [Run]. What a command says on standard error is not kept: it may hold a value.
func (c Commands) Run(ctx context.Context, command []string, stdin string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, maxCommand)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = c.Env
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 10 * time.Second
	var out limited
	cmd.Stdout = &out
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.Exited() {
		return "", Exit(e.ExitCode())
	}
	return out.String(), err
}

// limited keeps the beginning of what is written.
type limited struct{ bytes.Buffer }

func (l *limited) Write(text []byte) (int, error) {
	if room := maxOutput - l.Len(); room > 0 {
		l.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}
