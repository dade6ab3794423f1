package gittest

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
)

// SmallDisk is a folder on a disk of its own with room for so many KiB, until the
// test ends. Only root may mount one; others skip the test.
func SmallDisk(t testing.TB, kib int) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", kib), "none", dir).CombinedOutput(); err != nil {
		t.Skipf("no disk may be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, out)
		}
	})
	return dir
}

// FewArguments lets a program be given no more than a quarter of a MiB of arguments
// until the test ends, which is little enough to prove that a list goes another way.
func FewArguments(t testing.TB) {
	t.Helper()
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &usual); err != nil {
		t.Skipf("no limit can be set here: %v", err)
	}
	little := syscall.Rlimit{Cur: 1 << 20, Max: usual.Max} // Linux gives arguments a quarter of it, see execve(2)
	if err := syscall.Setrlimit(syscall.RLIMIT_STACK, &little); err != nil {
		t.Skipf("no limit can be set here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_STACK, &usual) })
	if err := exec.Command("true", make([]string, 40_000)...).Run(); err == nil {
		t.Skip("the system gives a program as many arguments as it likes")
	}
}
