//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/leakgate/leakgate/test/memory"
)

// sample is what one whole process took, its children that it waited for included.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user and system
	peak int64         // bytes; of the largest process, not the sum

	anonymous int64 // bytes; the most that was seen of the process itself, mapped files not counted; Linux only
}

func (s sample) peakMB() float64 { return float64(s.peak) / 1e6 }

// measure runs the command in an empty folder and throws its output away. An exit
// code other than those of a finished scan is an error that shows standard error.
// The peak of a small process is no less than ours at the fork, so this program
// keeps itself small until all is measured.
func (b *bench) measure(name string, args ...string) (sample, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = b.file("empty"), &stderr
	cmd.Env = append(os.Environ(), "GITLEAKS_CONFIG=", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LEAKGATE_KEY=", "LEAKGATE_CACHE_DIR="+b.file("cache"))
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, fmt.Errorf("%s: %w", name, err)
	}
	watch := memory.Watch(cmd.Process.Pid)
	err := cmd.Wait()
	wall, anonymous := time.Since(start), watch()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s %v: %w\n%s", name, args, err, &stderr)
	}
	state := cmd.ProcessState
	return sample{wall: wall, cpu: state.UserTime() + state.SystemTime(), peak: peak(state), anonymous: anonymous}, nil
}

// peak is the largest resident set: in kilobytes on Linux and the BSDs, in bytes
// on macOS (getrusage(2) of each).
func peak(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss * 1024
}

// median takes each quantity for itself: the lower of the two in the middle.
func median(samples []sample) sample {
	middle := func(of func(sample) int64) int64 {
		var all []int64
		for _, s := range samples {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return all[(len(all)-1)/2]
	}
	return sample{
		wall: time.Duration(middle(func(s sample) int64 { return int64(s.wall) })),
		cpu:  time.Duration(middle(func(s sample) int64 { return int64(s.cpu) })),
		peak: middle(func(s sample) int64 { return s.peak }),

		anonymous: middle(func(s sample) int64 { return s.anonymous }),
	}
}
