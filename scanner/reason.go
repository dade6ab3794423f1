package scanner

import (
	"errors"
	"io/fs"
)

// reason is why something was not read, with what to do about it where that is known.
func reason(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return err.Error() + ` (in a container, run as the owner of the files: docker run --user "$(id -u):$(id -g)" …)`
	}
	return err.Error()
}
