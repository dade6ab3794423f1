package gitrepo

import "strings"

// IgnoreFiles are the texts of the .gitignore files of a tree, by the folder that each
// is in: "", or as "a/b/".
type IgnoreFiles map[string][]byte

// Ignores reports whether git leaves a file at a path out when it is not tracked
// already, as far as these files say.
func (f IgnoreFiles) Ignores(path string) bool {
	for at := range len(path) {
		if path[at] == '/' && f.says(path[:at], true) {
			return true // what is below an ignored folder cannot be taken back
		}
	}
	return f.says(path, false)
}

// says asks the nearest file first.
func (f IgnoreFiles) says(path string, isDir bool) bool {
	folder := path
	for folder != "" {
		folder = folder[:strings.LastIndexByte(strings.TrimSuffix(folder, "/"), '/')+1]
		if text, ok := f[folder]; ok {
			if ignored, decided := parseIgnore(folder, text).decide(path, isDir); decided {
				return ignored
			}
		}
	}
	return false
}
