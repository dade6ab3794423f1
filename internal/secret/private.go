package secret

import (
	"fmt"
	"io/fs"
	"os"
)

// Private refuses a file that others than its owner can read. One that root gave to the
// group of this very process, and to nobody else, is private: so are the Secrets that
// Kubernetes mounts for who is not root.
// https://kubernetes.io/docs/concepts/configuration/secret/#secret-files-permissions
func Private(info fs.FileInfo) error {
	mode := info.Mode().Perm()
	if os.PathSeparator != '/' || mode&0o077 == 0 || mode&0o037 == 0 && given(info) {
		return nil
	}
	return fmt.Errorf("has mode %04o and can be read by others: chmod 600 it", mode)
}
