package gitrepo

import (
	"bytes"
	"strings"
)

// maxIgnoreFile is the size in bytes beyond which an ignore file is not obeyed:
// what it would have hidden is looked at.
const maxIgnoreFile = 4 << 20

// ignoreList is the patterns of one ignore file, https://git-scm.com/docs/gitignore.
// Patterns hold below the folder base: "" or "a/b/".
type ignoreList struct {
	base     string
	patterns []ignorePattern
}

// ignorePattern is one line. It is compared with a whole path below the base when
// the line has a slash before its end, else with the name of a file alone.
type ignorePattern struct {
	glob    wildcard
	negated bool // "!": what it matches is not ignored after all
	dirOnly bool // "/" at the end
	anyName bool
}

func parseIgnore(base string, data []byte) ignoreList {
	list := ignoreList{base: base}
	if len(data) > maxIgnoreFile {
		return list
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for line := range strings.SplitSeq(string(data), "\n") {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\r"), "\x00")
		if line == "" || line[0] == '#' {
			continue
		}
		list.patterns = append(list.patterns, parseIgnoreLine(trimSpaces(line)))
	}
	return list
}

func parseIgnoreLine(line string) ignorePattern {
	var p ignorePattern
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.dirOnly = strings.CutSuffix(line, "/")
	p.anyName = !strings.Contains(line, "/")
	p.glob = compileWildcard(strings.TrimPrefix(line, "/"))
	return p
}

// trimSpaces drops the spaces at the end that no backslash protects.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			if i++; i == len(line) {
				return line
			}
			end = i + 1
		} else if line[i] != ' ' {
			end = i + 1
		}
	}
	return line[:end]
}

// decide reports whether the list says anything of path, and what: its last
// matching pattern counts.
func (l ignoreList) decide(path string, isDir bool) (ignored, decided bool) {
	below, inside := strings.CutPrefix(path, l.base)
	if !inside {
		return false, false
	}
	name := below[strings.LastIndexByte(below, '/')+1:]
	for i := len(l.patterns) - 1; i >= 0; i-- {
		p := l.patterns[i]
		subject := below
		if p.anyName {
			subject = name
		}
		if (isDir || !p.dirOnly) && p.glob.match(subject) {
			return !p.negated, true
		}
	}
	return false, false
}

// ignoreLists are in rising precedence: the user's file, the repository's, then
// those of the folders from the top of the work tree down. Whoever walks asks for
// each folder before what is in it, since nothing below an ignored folder counts.
type ignoreLists []ignoreList

func (ls ignoreLists) ignored(path string, isDir bool) bool {
	for i := len(ls) - 1; i >= 0; i-- {
		if ignored, decided := ls[i].decide(path, isDir); decided {
			return ignored
		}
	}
	return false
}
