//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// cost is what a process took.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // bytes; mapped packs included
	anonymous int64 // bytes; the most that was seen, without mapped files; Linux only
	said      string
}

func timed(cmd *exec.Cmd) (cost, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	err := cmd.Start()
	if err != nil {
		return cost{}, err
	}
	most := watch(cmd.Process.Pid)
	err = cmd.Wait()
	c := cost{wall: time.Since(start), said: said.String(), anonymous: most()}
	if s := cmd.ProcessState; s != nil {
		c.cpu = s.UserTime() + s.SystemTime()
		if u, ok := s.SysUsage().(*syscall.Rusage); ok {
			c.memory = u.Maxrss << 10
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", cmd.Path, err, tail(c.said))
	}
	return c, err
}

// watch looks at the anonymous memory of a process (RssAnon in proc(5)) until the
// function that it returns is called.
func watch(pid int) (stop func() int64) {
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		var peak int64
		for tick := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-done:
				most <- peak
				return
			case <-tick:
				peak = max(peak, anonymous(pid))
			}
		}
	}()
	return func() int64 { close(done); return <-most }
}

func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("RssAnon:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0
	}
	return kilobytes << 10
}

// growth is how much memory a rewrite took by how many commits changed.
type growth struct {
	commits           int
	memory, anonymous int64 // bytes
}

// report says how memory grows, and fails where it is too much.
func report(w io.Writer, grown []growth) error {
	least := grown[len(grown)-1]
	fmt.Fprintf(w, "\nAnonymous memory beyond that of %d commits:", least.commits)
	for _, g := range grown[:len(grown)-1] {
		if g.commits > least.commits {
			fmt.Fprintf(w, " %.1f KB for each of %d more;", float64(g.anonymous-least.anonymous)/1024/float64(g.commits-least.commits), g.commits-least.commits)
		}
	}
	fmt.Fprintln(w)
	for _, g := range grown {
		if max(g.memory, g.anonymous) > room {
			return fmt.Errorf("%d commits took %d MB, which is more than %d MB", g.commits, g.memory>>20, room>>20)
		}
	}
	return nil
}
