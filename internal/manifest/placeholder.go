package manifest

import (
	"regexp"
	"strings"
	"unicode"
)

// Placeholder reports whether a value is filled in later by something else, so
// that nothing in it is secret: what [fillers] knows, each by the grammar of its
// tool, and the mask of `flux build`. Several of them with separators count, as does an address
// whose user information they are. A placeholder with a value of its own, as
// in ${VAR:-value}, is none.
//
// What stands between the marks names something, so that a random word there, or
// a password that everybody knows, is a value in the clothes of a placeholder.
func Placeholder(value string) bool { return FilledBy(value) != "" }

// FilledBy is the name of the tool that fills a value in, see [Fillers], or "".
func FilledBy(value string) string {
	value = strings.TrimSpace(value)
	tool := standsIn(value)
	if tool == "" || tool == byEyaml {
		return tool
	}
	if m := valsExpression.FindStringSubmatch(value); m != nil && strings.HasSuffix(m[1], "kms") {
		value = strings.Replace(value, m[2], "", 1) // random, as ciphertext is
	}
	if disguised(value) {
		return ""
	}
	return tool
}

// hexWord is a key or a digest in hex, which has letters of one case.
var hexWord = regexp.MustCompile(`[0-9a-f]{32}|[0-9A-F]{32}`)

// disguised reports whether a word of a placeholder is none that anybody would
// call a thing by.
func disguised(value string) bool {
	if random(value) || hexWord.MatchString(value) {
		return true
	}
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		identifier := hexDigits.MatchString(word) || onePasswordID.MatchString(word)
		called := secretWords[strings.TrimRight(strings.ToLower(word), "0123456789")] // as in password1
		if common[strings.ToLower(word)] && !called || len(word) >= 8 && !identifier && strings.ContainsAny(word, letterSet[:26]) && mixedDigits.MatchString(word) {
			return true
		}
	}
	return false
}

var (
	hexDigits     = regexp.MustCompile(`\A[0-9a-f]+\z`)
	onePasswordID = regexp.MustCompile(`\A[a-z2-7]{26}\z`)
	// mixedDigits is a word with digits in two places, as in P4ssw0rd.
	mixedDigits = regexp.MustCompile(`[A-Za-z][0-9]+[A-Za-z]+[0-9]`)
)

// standsIn is the tool of a value by its form alone.
func standsIn(value string) string {
	if filledIn(value) {
		return byTokens
	}
	if value == "" || len(value) > 4096 || !mayStandIn(value) {
		return ""
	}
	if tool := fillerOf(value); tool != "" {
		return tool
	}
	if !strings.Contains(value, "{{") && !strings.Contains(value, "${") && !strings.Contains(value, "$(") && !strings.Contains(value, "<path:") {
		return ""
	}
	if rest, found := cutPlaceholders(value); !found || !onlySeparators.MatchString(rest) && !addressAround.MatchString(rest) {
		return ""
	}
	switch {
	case strings.Contains(value, "<path:"):
		return byArgoVault
	case strings.Contains(strings.ReplaceAll(value, "${{", ""), "{{"):
		return byTemplates
	}
	return byVariables
}

// mayStandIn reports whether a value has what every placeholder has; most have not.
func mayStandIn(value string) bool {
	if strings.ContainsAny(value, "$<{%@*") {
		return true
	}
	for _, part := range []string{"op://", "ref+", "vault:", "ENC["} {
		if strings.Contains(value, part) {
			return true
		}
	}
	return false
}

// inlinePlaceholder finds what may stand several times in one value. A default
// is taken for a value unless it is empty; an action with a quoted default too.
var (
	inlinePlaceholder = regexp.MustCompile(`(?s)\$\{\{.*?\}\}|\{\{.*?\}\}|\$\{ *\.?[A-Za-z_][A-Za-z0-9_.]*(?::?[-=]|:?\?[^{}]*)? *\}|\$\([A-Za-z_][A-Za-z0-9_.]*\)|<path:[^<>\s#]+#[^<>]+>`)
	literalDefault    = regexp.MustCompile("default\\s*\\(?\\s*[\"'`][^\"'`]+[\"'`]|^\\{\\{-?\\s*[\"'`]")
)

const mark = "\x00"

var quotedText = regexp.MustCompile("\"[^\"]*\"|`[^`]*`|'[^']*'")

// cutPlaceholders puts a mark in the place of each placeholder.
func cutPlaceholders(value string) (rest string, found bool) {
	rest = inlinePlaceholder.ReplaceAllStringFunc(strings.ReplaceAll(value, mark, "?"), func(p string) string {
		if action := strings.TrimPrefix(p, "$"); strings.HasPrefix(action, "{{") && (literalDefault.MatchString(action) || !fills(action)) {
			return p
		}
		found = true
		return mark
	})
	return rest, found
}

var (
	onlySeparators = regexp.MustCompile(`\A[\x00\s:;,/@|=._"'-]+\z`)
	// addressAround is a URL with marks for the whole user information, or with
	// none, and without a query, where credentials may stand too.
	addressAround = regexp.MustCompile(`\A[a-z][a-z0-9+.-]*://(?:\x00(?::\x00)?@)?[A-Za-z0-9.:,_\x00-]+(?:/[A-Za-z0-9._\x00-]{0,16})*\z`)
)
