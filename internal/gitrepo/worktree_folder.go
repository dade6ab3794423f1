package gitrepo

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder reads below one folder and nowhere else. It keeps the way to the folder
// last read open, so that depth costs nothing, and no step of it is a symbolic link;
// should one become a link in between, os.Root keeps it inside.
type folder struct {
	limit int64
	way   []openFolder // the top first, each inside the one before
}

type openFolder struct {
	path string
	root *os.Root
}

// maxDepth bounds how many folders are open at once; what is nested deeper is missed.
const maxDepth = 400

func newFolder(dir string, limit int64) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder to read: %w", err)
	}
	return &folder{limit: limit, way: []openFolder{{"", root}}}, nil
}

func (f *folder) close() { f.leave(0) }

func (f *folder) leave(depth int) {
	for _, open := range f.way[depth:] {
		open.root.Close()
	}
	f.way = f.way[:depth]
}

// enter opens the folder at path. It is fs.ErrNotExist when a step to it is not
// there or is no folder, since what is behind a link is not part of the tree.
func (f *folder) enter(path string) (*os.Root, error) {
	for depth := len(f.way) - 1; depth > 0 && !strings.HasPrefix(path+"/", f.way[depth].path+"/"); depth-- {
		f.leave(depth)
	}
	for {
		at := f.way[len(f.way)-1]
		rest := strings.TrimPrefix(strings.TrimPrefix(path, at.path), "/")
		if rest == "" {
			return at.root, nil
		}
		name, _, _ := strings.Cut(rest, "/")
		info, err := at.root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%q is no folder: %w", joinPath(at.path, name), fs.ErrNotExist)
		}
		if len(f.way) > maxDepth {
			return nil, fmt.Errorf("nested deeper than %d folders", maxDepth)
		}
		next, err := at.root.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		f.way = append(f.way, openFolder{joinPath(at.path, name), next})
	}
}

// parent opens the folder that holds path and gives the name in it.
func (f *folder) parent(path string) (*os.Root, string, error) {
	slash := strings.LastIndexByte(path, '/')
	root, err := f.enter(path[:max(slash, 0)])
	return root, path[slash+1:], err
}

// safePath reports whether path can be below a work tree: plain names, none git's own.
func safePath(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || strings.EqualFold(name, ".git") || strings.Contains(name, "\x00") {
			return false
		}
	}
	return filepath.IsLocal(filepath.FromSlash(path))
}

// stat describes path itself, not what a link there points to.
func (f *folder) stat(path string) (fs.FileInfo, error) {
	root, name, err := f.parent(path)
	if err != nil {
		return nil, err
	}
	return root.Lstat(name)
}

// content is the bytes of a regular file, or the target of a symbolic link.
func (f *folder) content(path string, info fs.FileInfo) ([]byte, error) {
	root, name, err := f.parent(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := root.Readlink(name)
		return []byte(filepath.ToSlash(target)), err
	}
	// Should a pipe have taken the file's place, opening it must not wait.
	file, err := root.OpenFile(name, os.O_RDONLY|openWithoutWaiting, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	now, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !now.Mode().IsRegular() {
		return nil, ErrNotAFile
	}
	return f.readAll(file, now.Size())
}

// readAll reads to the end, or one byte beyond the limit, whatever size was promised.
func (f *folder) readAll(file *os.File, size int64) ([]byte, error) {
	if f.limit > 0 && size > f.limit {
		return nil, f.tooLarge(size)
	}
	reader := io.Reader(file)
	if f.limit > 0 {
		reader = io.LimitReader(file, f.limit+1)
	}
	data := make([]byte, 0, min(size, 1<<30)+1)
	for {
		n, err := reader.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, len(data))
		}
	}
	if f.limit > 0 && int64(len(data)) > f.limit {
		return nil, f.tooLarge(int64(len(data)))
	}
	return data, nil
}

func (f *folder) tooLarge(size int64) error {
	return fmt.Errorf("%w: %d bytes, over the limit of %d", ErrTooLarge, size, f.limit)
}

// list is what is in a folder, by name. What could be read comes with an error, too.
func (f *folder) list(path string) ([]fs.DirEntry, error) {
	root, err := f.enter(path)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}
