//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/leakgate/leakgate/test/memory"
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
	most := memory.Watch(cmd.Process.Pid)
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
