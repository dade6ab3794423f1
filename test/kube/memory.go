package kube

import (
	"fmt"
	"os"
	"strings"
)

// Memory is what each program of the cluster had resident at most so far, in bytes.
func (c *Cluster) Memory() map[string]int64 {
	peaks := map[string]int64{}
	for _, p := range c.running() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			continue // ended, or not Linux
		}
		var kilobytes int64
		if _, peak, ok := strings.Cut(string(status), "VmHWM:"); ok {
			if _, err := fmt.Sscan(peak, &kilobytes); err == nil {
				peaks[p.name] = kilobytes << 10
			}
		}
	}
	return peaks
}
