package manifest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// comparing are functions whose answer says nothing of other sources than those
// that they were tried with.
var comparing = nameSet(`eq ne lt le gt ge len contains hasPrefix hasSuffix regexMatch mustRegexMatch has`)

// workable are functions of Go's text/template and of Sprig that are worked out.
// https://pkg.go.dev/text/template#hdr-Functions
// https://masterminds.github.io/sprig/
var workable = map[string]func(args []worked) (worked, error){
	"print":    onTexts(-1, func(s []string) string { return strings.Join(s, "") }),
	"printf":   formatted,
	"cat":      onTexts(-1, func(s []string) string { return strings.Join(s, " ") }),
	"quote":    onTexts(1, func(s []string) string { return `"` + s[0] + `"` }),
	"squote":   onTexts(1, func(s []string) string { return "'" + s[0] + "'" }),
	"toString": onTexts(1, func(s []string) string { return s[0] }),
	"lower":    onTexts(1, func(s []string) string { return strings.ToLower(s[0]) }),
	"upper":    onTexts(1, func(s []string) string { return strings.ToUpper(s[0]) }),
	"trim":     onTexts(1, func(s []string) string { return strings.TrimSpace(s[0]) }),
	"nospace":  onTexts(1, func(s []string) string { return strings.Join(strings.Fields(s[0]), "") }),
	"b64enc":   onTexts(1, func(s []string) string { return base64.StdEncoding.EncodeToString([]byte(s[0])) }),
	"b64dec": onTexts(1, func(s []string) string {
		raw, _ := base64.StdEncoding.DecodeString(s[0]) // of what is no base64 nothing is told
		return string(raw)
	}),
	"trimAll":                onTexts(2, func(s []string) string { return strings.Trim(s[1], s[0]) }),
	"trimPrefix":             onTexts(2, func(s []string) string { return strings.TrimPrefix(s[1], s[0]) }),
	"trimSuffix":             onTexts(2, func(s []string) string { return strings.TrimSuffix(s[1], s[0]) }),
	"replace":                onTexts(3, func(s []string) string { return strings.ReplaceAll(s[2], s[0], s[1]) }),
	"regexReplaceAll":        replaced,
	"mustRegexReplaceAll":    replaced,
	"regexReplaceAllLiteral": replaced,
	"regexFind":              onTexts(2, firstMatch),
	"trunc":                  withNumbers(1, func(n []int, s string) string { return truncated(s, n[0]) }),
	"substr":                 withNumbers(2, func(n []int, s string) string { return cut(s, n[0], n[1]) }),
	"repeat":                 withNumbers(1, repeated),
	"indent":                 withNumbers(1, func(_ []int, s string) string { return s }), // blanks are none of the value
	"nindent":                withNumbers(1, func(_ []int, s string) string { return s }),
	"randAlphaNum":           random0, "randAlpha": random0, "randNumeric": random0, "randAscii": random0,
	"default":  choosing(2, func(a []worked) worked { return firstOf(true, a[1], a[0]) }),
	"coalesce": choosing(-1, func(a []worked) worked { return firstOf(true, a...) }),
	"or":       choosing(-1, func(a []worked) worked { return firstOf(true, a...) }),
	"and":      choosing(-1, func(a []worked) worked { return firstOf(false, a...) }),
	"ternary":  ternary,
	"not":      choosing(1, func(a []worked) worked { return worked{value: !truth(a[0])} }),
	"empty":    choosing(1, func(a []worked) worked { return worked{value: !truth(a[0])} }),
	"eq":       choosing(2, func(a []worked) worked { return worked{value: printed(a[0]) == printed(a[1])} }),
	"ne":       choosing(2, func(a []worked) worked { return worked{value: printed(a[0]) != printed(a[1])} }),
	"list":     listed,
	"tuple":    listed,
	"first":    onList(func(l []worked) worked { return l[0] }),
	"last":     onList(func(l []worked) worked { return l[len(l)-1] }),
	"initial":  onList(func(l []worked) worked { return worked{value: l[:len(l)-1]} }),
	"rest":     onList(func(l []worked) worked { return worked{value: l[1:]} }),
	"join":     joinedBy,
	"slice":    sliced,
	"dict":     dictOf,
	"get":      looked,
	"index":    looked,
}

// onTexts is a function of so many texts, or of any number below zero.
func onTexts(count int, f func(s []string) string) func([]worked) (worked, error) {
	return func(args []worked) (worked, error) {
		if count >= 0 && len(args) != count {
			return worked{}, errOpen
		}
		s := make([]string, len(args))
		for i, a := range args {
			s[i] = printed(a)
		}
		return worked{value: f(s)}, nil
	}
}

// withNumbers is a function of numbers and one text.
func withNumbers(count int, f func(n []int, s string) string) func([]worked) (worked, error) {
	return func(args []worked) (worked, error) {
		if len(args) != count+1 {
			return worked{}, errOpen
		}
		n := make([]int, count)
		for i, a := range args[:count] {
			number, is := a.value.(int)
			if !is {
				return worked{}, errOpen
			}
			n[i] = number
		}
		return worked{value: f(n, printed(args[count]))}, nil
	}
}

// truncated is the start of a text, or below zero its end.
func truncated(s string, n int) string {
	switch {
	case n >= 0:
		return s[:min(n, len(s))]
	case -n < len(s):
		return s[len(s)+n:]
	}
	return s
}

// cut is a part of a text as Sprig's substr has it.
func cut(s string, from, to int) string {
	switch {
	case from < 0:
		return s[:min(max(to, 0), len(s))]
	case to < 0 || to > len(s):
		return s[min(from, len(s)):]
	}
	return s[min(from, to):to]
}

func repeated(n []int, s string) string {
	if n[0] < 0 || n[0]*max(len(s), 1) > maxWorked {
		return strings.Repeat("?", maxWorked+1) // too much
	}
	return strings.Repeat(s, n[0])
}

// random0 makes random text of no length, which is known.
func random0(args []worked) (worked, error) {
	if len(args) == 1 && args[0].value == 0 {
		return worked{value: ""}, nil
	}
	return worked{}, errOpen
}

// replaced is a text without what an expression finds: with what it finds replaced.
func replaced(args []worked) (worked, error) {
	if len(args) != 3 {
		return worked{}, errOpen
	}
	re, err := expression(args[0])
	if err != nil {
		return worked{}, err
	}
	return worked{value: re.ReplaceAllString(printed(args[1]), printed(args[2]))}, nil
}

func firstMatch(s []string) string {
	re, err := regexp.Compile(s[0])
	if err != nil || len(s[0]) > maxExpression {
		return s[1]
	}
	return re.FindString(s[1])
}

// maxExpression is the longest expression that is worked out, in bytes.
const maxExpression = 200

func expression(w worked) (*regexp.Regexp, error) {
	text, is := w.value.(string)
	if !is || w.sourced || len(text) > maxExpression {
		return nil, errOpen
	}
	return regexp.Compile(text)
}

// formatted is printf, whose verbs may print nothing of what they are handed.
func formatted(args []worked) (worked, error) {
	if len(args) == 0 || args[0].sourced {
		return worked{}, errOpen
	}
	layout, rest := printed(args[0]), make([]any, len(args)-1)
	for _, width := range widths.FindAllString(layout, -1) {
		if len(width) > 4 || strings.Contains(width, "*") {
			return worked{}, errOpen
		}
	}
	for i, a := range args[1:] {
		rest[i] = a.value
		switch a.value.(type) {
		case string, int, float64, bool:
		default:
			rest[i] = printed(a)
		}
	}
	return worked{value: fmt.Sprintf(layout, rest...)}, nil
}

// widths are those of printf's verbs, which may ask for any number of blanks.
var widths = regexp.MustCompile(`[0-9*]+`)

// choosing is a function that hands out one of so many arguments, or makes another
// value of them than a text; below zero it takes any number but none.
func choosing(count int, f func(args []worked) worked) func([]worked) (worked, error) {
	return func(args []worked) (worked, error) {
		if len(args) == 0 || count >= 0 && len(args) != count {
			return worked{}, errOpen
		}
		return f(args), nil
	}
}

// firstOf is the first of some values that is true, or false; else the last.
func firstOf(wanted bool, values ...worked) worked {
	for _, v := range values {
		if truth(v) == wanted {
			return v
		}
	}
	return values[len(values)-1]
}

// ternary of two that are the same needs no decision.
func ternary(args []worked) (worked, error) {
	switch {
	case len(args) != 3:
	case printed(args[0]) == printed(args[1]):
		return args[0], nil
	case args[2].undecided():
	case truth(args[2]):
		return args[0], nil
	default:
		return args[1], nil
	}
	return worked{}, errOpen
}

func listed(args []worked) (worked, error) { return worked{value: slices.Clone(args)}, nil }

// onList is a function of a list that is not empty.
func onList(f func(l []worked) worked) func([]worked) (worked, error) {
	return func(args []worked) (worked, error) {
		if len(args) != 1 {
			return worked{}, errOpen
		}
		l, is := args[0].value.([]worked)
		if !is || len(l) == 0 {
			return worked{}, errOpen
		}
		return f(l), nil
	}
}

func joinedBy(args []worked) (worked, error) {
	if len(args) != 2 {
		return worked{}, errOpen
	}
	l, is := args[1].value.([]worked)
	if !is {
		return worked{value: printed(args[1])}, nil
	}
	parts := make([]string, len(l))
	for i, x := range l {
		parts[i] = printed(x)
	}
	return worked{value: strings.Join(parts, printed(args[0]))}, nil
}

// sliced is a part of a text, as Go's templates cut it.
func sliced(args []worked) (worked, error) {
	if len(args) == 3 && args[1].value == args[2].value && !args[1].sourced {
		return worked{value: ""}, nil // an error, or nothing
	}
	return worked{}, errOpen
}

func dictOf(args []worked) (worked, error) {
	dict := map[string]worked{}
	for i := 0; i+1 < len(args); i += 2 {
		dict[printed(args[i])] = args[i+1]
	}
	return worked{value: dict}, nil
}

// looked is what a list or a dict has in a place. A source has the source there.
func looked(args []worked) (worked, error) {
	if len(args) != 2 {
		return worked{}, errOpen
	}
	switch v := args[0].value.(type) {
	case map[string]worked:
		return v[printed(args[1])], nil
	case []worked:
		if i, is := args[1].value.(int); is && i >= 0 && i < len(v) {
			return v[i], nil
		}
		return worked{}, errOpen
	}
	if !args[0].sourced {
		return worked{}, errOpen
	}
	return args[0], nil
}
