package manifest

import (
	"regexp"
	"slices"
	"strings"
)

// Placeholder reports whether a value is filled in later by something else, so
// that nothing in it is secret: ${VAR}, $(VAR), {{ action }}, <path:a/b#key>
// (Argo CD Vault Plugin), op://vault/item/field (1Password), ref+vault://…
// (vals), vault:secret/a#key (Bank-Vaults), ENC[PKCS7,…] (eyaml), %NAME%, @NAME@, what
// [filledIn] knows, and the mask of `flux build`. Several of them with separators count, as does an address
// whose user information they are. A placeholder with a value of its own, as
// in ${VAR:-value}, is none.
//
// What stands between the marks names something, so that a random word there is
// a value in the clothes of a placeholder.
func Placeholder(value string) bool {
	value = strings.TrimSpace(value)
	return standsIn(value) && (strings.HasPrefix(value, "ENC[") || !random(value) && !hexWord.MatchString(value))
}

// hexWord is a key or a digest in hex, which has letters of one case.
var hexWord = regexp.MustCompile(`[0-9a-f]{32}|[0-9A-F]{32}`)

func standsIn(value string) bool {
	if filledIn(value) {
		return true
	}
	if value == "" || len(value) > 4096 || !mayStandIn(value) {
		return false
	}
	if value == "**SOPS**" || strings.ContainsAny(value, "<%@:[") && wholePlaceholder.MatchString(value) {
		return true
	}
	if !strings.Contains(value, "{{") && !strings.Contains(value, "${") && !strings.Contains(value, "$(") && !strings.Contains(value, "<path:") {
		return false
	}
	rest, found := cutPlaceholders(value)
	return found && (onlySeparators.MatchString(rest) || addressAround.MatchString(rest))
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

var wholePlaceholder = regexp.MustCompile(`\A(?:` + strings.Join([]string{
	`<path:[^<>\s#]+#[^<>]+>`,
	`<[A-Za-z][A-Za-z0-9_. -]*>`,
	`%[A-Z][A-Z0-9_]*%|@[A-Z][A-Z0-9_]*@`,
	`op://[^\s/]+(?:/[^\s/]+){1,3}`,
	`(?:ref|secretref)\+[a-df-z][a-z0-9]*://\S+`, // not ref+echo, whose address is the value
	`(?:>>)?vault:[^\s#:]+#[^\s]+`,
	`ENC\[(?:PKCS7,MII|GPG,h[QIF]|KMS,AQIC)[A-Za-z0-9+/=\s]{64,}\]`,
}, "|") + `)\z`)

// inlinePlaceholder finds what may stand several times in one value. A default
// is taken for a value unless it is empty; an action with a quoted default too.
var (
	inlinePlaceholder = regexp.MustCompile(`(?s)\$\{\{.*?\}\}|\{\{.*?\}\}|\$\{ *\.?[A-Za-z_][A-Za-z0-9_.]*(?::?[-=]|:?\?[^{}]*)? *\}|\$\([A-Za-z_][A-Za-z0-9_.]*\)|<path:[^<>\s#]+#[^<>]+>`)
	literalDefault    = regexp.MustCompile("default\\s*\\(?\\s*[\"'`][^\"'`]+[\"'`]|^\\{\\{-?\\s*[\"'`]")
)

const mark = "\x00"

var (
	quotedText = regexp.MustCompile("\"[^\"]*\"|`[^`]*`|'[^']*'")
	// onlyPrints is an action, without its quoted texts, that takes nothing from elsewhere.
	onlyPrints = regexp.MustCompile(`\A\{\{-?(?:\s|[|(),]|\d+|\b(?:print|printf|println|quote|squote|cat|join|list|trim|nospace|lower|upper|toString|b64dec|b64enc)\b)*-?\}\}\z`)
)

// printed reports whether an action writes down texts of its own and nothing else.
func printed(action string) bool {
	if !strings.ContainsAny(action, "\"'`") || !onlyPrints.MatchString(quotedText.ReplaceAllString(action, "")) {
		return false
	}
	return slices.ContainsFunc(quotedText.FindAllString(action, -1), func(q string) bool { return len(q) >= 6 && !strings.Contains(q, "%") })
}

// cutPlaceholders puts a mark in the place of each placeholder.
func cutPlaceholders(value string) (rest string, found bool) {
	rest = inlinePlaceholder.ReplaceAllStringFunc(strings.ReplaceAll(value, mark, "?"), func(p string) string {
		if p := strings.TrimPrefix(p, "$"); literalDefault.MatchString(p) || printed(p) {
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
