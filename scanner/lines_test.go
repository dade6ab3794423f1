package scanner

import (
	"strings"
	"testing"
)

func TestPlaceCountsLinesAndCharacters(t *testing.T) {
	text := "one\nzwölf key\n\nlast"
	for _, c := range []struct {
		find string
		want [4]int // start line, end line, start column, end column
	}{
		{"one", [4]int{1, 1, 1, 4}},
		{"key", [4]int{2, 2, 7, 10}},
		{"\nzw", [4]int{2, 2, 1, 3}},
		{"key\n", [4]int{2, 2, 7, 10}},
		{"key\n\nla", [4]int{2, 4, 7, 3}},
		{"last", [4]int{4, 4, 1, 5}},
	} {
		at := strings.Index(text, c.find)
		var p Place
		newLineIndex([]byte(text)).place(&p, at, at+len(c.find))
		if got := [4]int{p.StartLine, p.EndLine, p.StartColumn, p.EndColumn}; got != c.want {
			t.Errorf("%q is at %v, want %v", c.find, got, c.want)
		}
	}
}

func FuzzPlaceStaysInsideTheText(f *testing.F) {
	f.Add("a\nb\n", 0, 2)
	f.Add("\n\n\n", 1, 2)
	f.Add("é\xff\n", 0, 3)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		if start < 0 || end > len(text) || start > end || start >= len(text) {
			t.Skip()
		}
		var p Place
		newLineIndex([]byte(text)).place(&p, start, end)
		lines := strings.Split(text, "\n")
		if p.StartLine < 1 || p.EndLine < p.StartLine || p.EndLine > len(lines) || p.StartColumn < 1 || p.EndColumn < 1 {
			t.Fatalf("%q[%d:%d] is at %+v", text, start, end, p)
		}
		if n := len([]rune(lines[p.EndLine-1])); p.EndColumn > n+1 {
			t.Fatalf("%q[%d:%d] ends at column %d of a line of %d", text, start, end, p.EndColumn, n)
		}
	})
}
