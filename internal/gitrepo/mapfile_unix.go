//go:build unix

package gitrepo

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile is nil when the file cannot be mapped (empty, or larger than the address space).
func mapFile(file *os.File, size int64) []byte {
	if size <= 0 || size != int64(int(size)) {
		return nil
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	return data
}

func unmapFile(data []byte) error {
	if data == nil {
		return nil
	}
	return unix.Munmap(data)
}
