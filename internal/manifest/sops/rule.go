package sops

import (
	"regexp"
	"strings"
)

// Rule says which leaves of a document are encrypted. At most one of its
// fields is set.
type Rule struct {
	UnencryptedSuffix, EncryptedSuffix   string
	UnencryptedRegex, EncryptedRegex     *regexp.Regexp
	UnencryptedComment, EncryptedComment *regexp.Regexp
}

// ByComments says that comments decide, which only the order of the text tells.
func (r Rule) ByComments() bool { return r.UnencryptedComment != nil || r.EncryptedComment != nil }

// Encrypts reports whether the rule asks for the leaf behind these keys to be
// encrypted. Like sops it tries the expressions on each key, without anchors,
// and knows no indexes of lists. Of a rule by comments it says that a leaf is
// encrypted unless comments would have to ask for it.
func (r Rule) Encrypts(keys []string) bool {
	switch {
	case r.UnencryptedSuffix != "":
		return !some(keys, func(k string) bool { return strings.HasSuffix(k, r.UnencryptedSuffix) })
	case r.EncryptedSuffix != "":
		return some(keys, func(k string) bool { return strings.HasSuffix(k, r.EncryptedSuffix) })
	case r.UnencryptedRegex != nil:
		return !some(keys, r.UnencryptedRegex.MatchString)
	case r.EncryptedRegex != nil:
		return some(keys, r.EncryptedRegex.MatchString)
	}
	return r.EncryptedComment == nil
}

func some(keys []string, holds func(string) bool) bool {
	for _, k := range keys {
		if holds(k) {
			return true
		}
	}
	return false
}
