// Package cache keeps files that may be lost at any time: what is in them was
// computed and can be computed again. It knows nothing of what they hold.
package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Folder is a folder of such files, for one user. What goes wrong with it is
// logged and costs time, never a result.
type Folder struct {
	Path string // made when it is not there, its parents too
	Log  *slog.Logger
	Max  int64 // bytes of all files; those not used for longest go first; 0 for 1 GiB
}

const (
	defaultMax = 1 << 30
	suffix     = ".facts"
	temporary  = ".tmp-"
)

// magic begins a file; it ends with the SHA-256 of everything before.
var magic = []byte("leakgate cache 1\n")

// Load gives what was stored under a name, or nil. It gives nothing that another
// user may have written, and nothing that is not whole.
func (f Folder) Load(name string) []byte {
	data, err := f.load(name + suffix)
	switch {
	case err == nil:
		return data
	case errors.Is(err, fs.ErrNotExist):
		f.Log.Debug("nothing is kept of earlier scans", "file", name+suffix)
	default:
		f.Log.Log(context.Background(), level(err), "what is kept of earlier scans is not used", "folder", f.Path, "file", name+suffix, "error", err)
	}
	return nil
}

// level is lower for what the system refuses, as in a home that cannot be written,
// than for what may be somebody's doing.
func level(err error) slog.Level {
	if _, refused := errors.AsType[*fs.PathError](err); refused {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func (f Folder) load(file string) ([]byte, error) {
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := read(root, file, f.max())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	_ = root.Chtimes(file, now, now) // what is used stays longest
	return data, nil
}

func read(root *os.Root, file string, most int64) ([]byte, error) {
	if info, err := root.Lstat(file); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	} else if err := own(info); err != nil {
		return nil, err
	} else if info.Size() > most {
		return nil, fmt.Errorf("larger than %d bytes", most)
	}
	data, err := root.ReadFile(file)
	if err != nil {
		return nil, err
	}
	end := len(data) - sha256.Size
	if end < len(magic) || !bytes.HasPrefix(data, magic) {
		return nil, errors.New("not a file of this version of the cache")
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return nil, errors.New("damaged: its checksum is wrong")
	}
	return data[len(magic):end], nil
}

// Store puts what write writes under a name: whole, or not at all.
func (f Folder) Store(name string, write func(io.Writer) error) {
	root, err := f.open()
	if err == nil {
		defer root.Close()
		err = f.store(root, name+suffix, write)
	}
	if err != nil {
		f.Log.Log(context.Background(), level(err), "nothing is kept of this scan, the next one takes as long", "folder", f.Path, "error", err)
	}
}

func (f Folder) store(root *os.Root, file string, write func(io.Writer) error) error {
	name := fmt.Sprintf("%s%s%d-%d", file, temporary, os.Getpid(), time.Now().UnixNano())
	tmp, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = root.Remove(name) }() // after the rename there is nothing left to remove
	err = f.fill(tmp, write)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := root.Rename(name, file); err != nil {
		return err
	}
	return f.evict(root, file)
}

// fill writes the content between magic and checksum. It is not synced: what a
// crash leaves has a wrong checksum.
func (f Folder) fill(tmp *os.File, write func(io.Writer) error) error {
	sum := sha256.New()
	to := &limited{to: io.MultiWriter(tmp, sum), left: f.max() / 2}
	if _, err := to.Write(magic); err != nil {
		return err
	}
	if err := write(to); err != nil {
		return err
	}
	_, err := tmp.Write(sum.Sum(nil))
	return err
}

// limited refuses to write more than one file may have.
type limited struct {
	to   io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("this history is too large for the cache")
	}
	return l.to.Write(p)
}

// evict removes the files that were not used for longest until the rest is small
// enough, and what writers that were killed left behind.
func (f Folder) evict(root *os.Root, keep string) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var all []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case strings.Contains(e.Name(), suffix+temporary):
			if time.Since(info.ModTime()) > time.Hour {
				_ = root.Remove(e.Name())
			}
		case strings.HasSuffix(e.Name(), suffix):
			all, total = append(all, info), total+info.Size()
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range all {
		if total > f.max() && info.Name() != keep {
			_ = root.Remove(info.Name())
			total -= info.Size()
		}
	}
	return nil
}

func (f Folder) max() int64 {
	if f.Max > 0 {
		return f.Max
	}
	return defaultMax
}

// open opens the folder and makes sure that nobody else can write into it. What
// is asked of it afterwards goes through the open folder, whatever its name
// leads to by then.
func (f Folder) open() (*os.Root, error) {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(f.Path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil {
		err = own(info)
	}
	if err == nil && os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("the folder has mode %04o and is open to others: chmod 700 it", info.Mode().Perm())
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}
