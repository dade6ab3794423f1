package kube

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child with a log of its own.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it has ended
	err       error         // why; to be read after done
}

// run starts a component whose log is NAME.log, and registers it with Stop.
func (c *Cluster) run(name, path string, args ...string) error {
	return c.Run(name, exec.Command(path, args...))
}

// Run starts a program that belongs to the cluster: its log is NAME.log, and Stop
// ends it before what was started earlier.
func (c *Cluster) Run(name string, cmd *exec.Cmd) error {
	p, err := startProcess(name, c.Log(name), cmd)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, p)
	return nil
}

func startProcess(name, log string, cmd *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = ownGroup()
	if err := onOneThread(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if p.err = cmd.Wait(); p.err == nil {
			p.err = errors.New("exit 0")
		}
	}()
	return p, nil
}

// ended is nil while the process runs, then why it ended and what it said last.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %w\n%s", p.name, p.err, tail(p.log, 10))
	default:
		return nil
	}
}

// stop asks, and after ten seconds insists. It counts by steps: where everything
// stood still for a while, a single timer is over at once.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	for range 200 {
		select {
		case <-p.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// onOneThread calls start on a thread that lives as long as we do: a child that is
// to die with us dies with the thread that made it (https://go.dev/issue/27505).
func onOneThread(start func() error) error {
	answer := make(chan error)
	threadOfChildren() <- func() { answer <- start() }
	return <-answer
}

var threadOfChildren = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})
