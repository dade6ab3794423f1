//go:build unix

package report

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFileDoesNotReplaceADevice(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(pipe, "text", clean()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
	onlyFile(t, pipe)
}
