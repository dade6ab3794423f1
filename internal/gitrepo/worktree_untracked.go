package gitrepo

import (
	"bytes"
	"io/fs"
	"strings"
)

// untracked visits the files that are not in entries and that no ignore file hides.
func (w *workWalk) untracked(entries []IndexEntry) error {
	known := make(map[string]uint32, len(entries))
	for _, e := range entries {
		known[strings.TrimSuffix(e.Path, "/")] = e.Mode
	}
	var lists ignoreLists
	for _, data := range w.opts.Excludes {
		lists = append(lists, parseIgnore("", data))
	}
	return w.untrackedBelow("", known, lists)
}

// untrackedBelow walks one folder; lists are those that hold above it.
func (w *workWalk) untrackedBelow(path string, known map[string]uint32, lists ignoreLists) error {
	lists = append(lists[:len(lists):len(lists)], w.ignoreFile(path))
	return w.walk(path, func(below string, d fs.DirEntry) (bool, error) {
		mode, tracked := known[below]
		switch {
		case d.Name() == ".git":
			return false, nil
		case tracked && (!d.IsDir() || mode == modeSubmodule || mode == modeFolder):
			return false, nil
		case lists.ignored(below, d.IsDir()):
			w.report.Ignored++
			return false, nil
		case !d.IsDir():
			return true, nil
		case w.folder.isRepository(below):
			w.exclude(below, ErrNestedRepository)
			return false, nil
		}
		return false, w.untrackedBelow(below, known, lists)
	})
}

// ignoreFile reads the .gitignore of a folder. As in git a symbolic link is not
// followed: https://git-scm.com/docs/gitignore ("NOTES"). What cannot be read hides nothing.
func (w *workWalk) ignoreFile(path string) ignoreList {
	name := joinPath(path, ".gitignore")
	info, err := w.folder.stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxIgnoreFile {
		return ignoreList{}
	}
	data, err := w.folder.content(name, info)
	if err != nil {
		return ignoreList{}
	}
	base := ""
	if path != "" {
		base = path + "/"
	}
	return parseIgnore(base, data)
}

// isRepository tells a repository of its own from a folder that merely has a .git:
// were the name alone enough, one empty folder would hide its neighbours.
func (f *folder) isRepository(path string) bool {
	git := joinPath(path, ".git")
	info, err := f.stat(git)
	if err != nil {
		return false
	}
	if info.Mode().IsRegular() && info.Size() < 1<<16 {
		data, err := f.content(git, info)
		return err == nil && bytes.HasPrefix(data, []byte("gitdir: "))
	}
	for _, part := range []string{"HEAD", "objects", "refs"} {
		if _, err := f.stat(joinPath(git, part)); err != nil {
			return false
		}
	}
	return info.IsDir()
}
