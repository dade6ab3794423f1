package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes the report to a file, whole or not at all: into a temporary
// file in the same folder, to the disk, then under its name, readable by its
// owner only. A symbolic link at path is replaced, never followed; anything
// else that is not a regular file is an error. A file gets neither colour nor
// values, whatever the report says.
func WriteFile(path, format string, r *Report) error {
	plain := *r
	plain.ShowValue, plain.Color, plain.Width = nil, false, 0
	if err := writeFile(path, format, &plain); err != nil {
		return fmt.Errorf("report file %q: %w", path, cause(err))
	}
	return nil
}

func writeFile(path, format string, r *Report) error {
	if err := replaceable(path); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".leakgate-report-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // after the rename there is nothing left to remove
	err = Write(tmp, format, r)
	if err == nil {
		err = tmp.Sync()
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// cause leaves the name of the temporary file out, which means nothing to the user.
func cause(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err
	}
	return err
}

// replaceable refuses to put a file in the place of a folder or a device.
func replaceable(path string) error {
	if path == "" {
		return errors.New("no file name: write FORMAT=FILE")
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("this is a folder: name a file in it")
	case info.Mode().IsRegular(), info.Mode()&fs.ModeSymlink != 0:
		return nil
	}
	return errors.New("this is not a regular file: print to standard output with --format instead")
}

// syncFolder makes the new name last; where folders cannot be synced the file
// is still whole.
func syncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}
