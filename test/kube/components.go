package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MissingError says which component was not built, and the command that builds it.
type MissingError struct{ Why string }

func (e *MissingError) Error() string { return e.Why }

// Components gives the folder of each component by its name. It builds nothing.
func Components(ctx context.Context, names ...string) (map[string]string, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "test/components/get", append([]string{"--have"}, names...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 77 {
		return nil, &MissingError{strings.TrimSpace(stderr.String())}
	}
	if err != nil {
		return nil, fmt.Errorf("test/components/get: %w: %s", err, stderr.String())
	}
	folders := map[string]string{}
	for i, folder := range strings.Fields(string(out)) {
		folders[names[i]] = folder
	}
	return folders, nil
}

// repository is the root of ours, above the working folder.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "components", "get")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("test/components/get is not above the working folder")
		}
	}
}
