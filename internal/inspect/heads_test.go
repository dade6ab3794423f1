package inspect

import (
	"strings"
	"testing"
)

func TestLinesAreFoundWhereTheyMovedTo(t *testing.T) {
	split := func(text string) (lines [][]byte) {
		for line := range strings.SplitSeq(text, "|") {
			lines = append(lines, []byte(line))
		}
		return lines
	}
	for _, c := range []struct {
		was, now    string
		first, last int
		want        int
		ok          bool
	}{
		{"a|b|c", "a|b|c", 2, 2, 2, true},
		{"a|b|c", "x|y|a|b|c", 2, 2, 4, true},
		{"a|b|c|d|e", "e", 5, 5, 1, true},
		{"a|b|c", "b|x|x|b", 2, 2, 1, true},
		{"a|b|c", "a|bc", 2, 2, 0, false},
		{"a|b|c", "b|x|b|c", 2, 3, 3, true},
		{"a|b|c", "b", 2, 3, 0, false},
		{"a|b", "", 3, 3, 0, false},
		{"a|b", "a", 0, 1, 0, false},
	} {
		if got, ok := nearest(split(c.was), split(c.now), c.first, c.last); got != c.want || ok != c.ok {
			t.Errorf("%q in %q: %d %v, want %d %v", c.was, c.now, got, ok, c.want, c.ok)
		}
	}
}
