package rules

import (
	"regexp/syntax"
	"strings"
)

// words lists literals that every match of re contains, in lower case. They
// let a whole text be left out when a rule has no window.
func words(re *syntax.Regexp) map[string]bool {
	switch re.Op {
	case syntax.OpLiteral:
		if w := strings.ToLower(string(re.Rune)); isASCII(w) {
			return map[string]bool{w: true}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return words(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return words(re.Sub[0])
		}
	case syntax.OpConcat:
		all := map[string]bool{}
		for _, sub := range re.Sub {
			for w := range words(sub) {
				all[w] = true
			}
		}
		return all
	case syntax.OpAlternate:
		return commonWords(re.Sub)
	}
	return nil
}

func commonWords(subs []*syntax.Regexp) map[string]bool {
	common := words(subs[0])
	for _, sub := range subs[1:] {
		other := words(sub)
		for w := range common {
			if !other[w] {
				delete(common, w)
			}
		}
	}
	return common
}
