// Package memory looks at how much memory of its own a process takes.
package memory

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// Watch looks at the anonymous memory of a process every few milliseconds (RssAnon in
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html) until the function that it
// returns is called, which gives the most that was seen, in bytes. Elsewhere than on Linux it is 0.
func Watch(pid int) (stop func() int64) {
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
