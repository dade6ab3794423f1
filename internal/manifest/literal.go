package manifest

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// secretName reports whether a key says that its value is a secret, as in
// dbPassword, API_TOKEN, client-secret: by its last word, so that passwordFile,
// TOKEN_URL and secretName are none.
func secretName(key string) bool {
	words := wordsOf(key)
	for len(words) > 1 && (noise[words[len(words)-1]] || isNumber(words[len(words)-1])) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	if secretWords[last] {
		return true
	}
	if last != "key" && last != "keys" || len(words) == 1 {
		return false
	}
	before := words[len(words)-2]
	return keyWords[before] || before == "access" && len(words) > 2 && words[len(words)-3] == "secret" // an access key alone is a name
}

// noise are last words that say nothing of what the value is.
var noise = map[string]bool{"base64": true, "b64": true, "value": true, "plain": true, "plaintext": true, "raw": true, "encrypted": true, "unencrypted": true}

var secretWords = map[string]bool{
	"password": true, "passwd": true, "pwd": true, "pw": true, "passphrase": true, "passcode": true, "secret": true, "token": true, "apikey": true,
	"credential": true, "credentials": true, "pat": true, "passwords": true, "tokens": true, "jwt": true,
	"secretkey": true, "privatekey": true, "authkey": true, "clientsecret": true, "apitoken": true, "pass": true,
}

var keyWords = map[string]bool{
	"api": true, "secret": true, "private": true, "encryption": true, "signing": true, "auth": true, "account": true,
	"master": true, "license": true, "app": true, "application": true, "rsa": true, "ssh": true, "jwt": true, "session": true, "cookie": true,
}

// wordsOf cuts a key into lower-case words, at separators and at humps.
func wordsOf(key string) []string {
	key = key[:min(len(key), 256)]
	var words []string
	start := 0
	cut := func(at int) {
		if at > start {
			words = append(words, strings.ToLower(key[start:at]))
		}
		start = at
	}
	var before rune
	for i, r := range key {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			cut(i)
			start = i + len(string(r))
		case unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsUpper(before) && followedByLower(key[i:])):
			cut(i)
		}
		before = r
	}
	cut(len(key))
	return words
}

// followedByLower reports whether the second character is a lower-case letter.
func followedByLower(s string) bool { return len(s) > 1 && 'a' <= s[1] && s[1] <= 'z' }

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// literal reports whether a text spells out a value that may be a secret: it
// is no template, placeholder, switch, number, address, path, or name of an
// object. Of a text that something fills in, the rest has to look like one.
func literal(text string) bool {
	text = strings.TrimSpace(text)
	if rest, found := cutPlaceholders(text); found {
		return slices.ContainsFunc(strings.Split(rest, mark), strong)
	}
	switch {
	case len(text) < 4 || variable.MatchString(text) || strings.HasPrefix(text, "ENC[") || Placeholder(text) || isNumber(text):
		return false
	case plainWords.MatchString(text), pathLike.MatchString(text):
		return false
	}
	if u, err := url.Parse(text); err == nil && u.Scheme != "" && u.Host != "" {
		_, has := u.User.Password()
		return has || secretQuery(u)
	}
	return true
}

// variable is one that a shell or a tool would fill in.
var variable = regexp.MustCompile(`\A\$[A-Za-z_]\w*\z`)

func secretQuery(u *url.URL) bool {
	for name, values := range u.Query() {
		if secretName(name) && len(values) > 0 && literal(values[0]) {
			return true
		}
	}
	return false
}

// dynamic reports whether something fills in a text later, or a part of it.
func dynamic(text string) bool {
	_, found := cutPlaceholders(text)
	return found || variable.MatchString(strings.TrimSpace(text))
}

var (
	plainWords = regexp.MustCompile(`(?i)\A(?:true|false|yes|none|null|nil|enabled|disabled|auto|default|changeme|change-me|redacted|example|placeholder|x{3,}|\*+|\[[^\]]*\]|your[-_ ].*|todo.*)\z`)
	pathLike   = regexp.MustCompile(`\A(?:/|\./|\.\./|file:|~/)[\w./@-]+\z`)
	nameLike   = regexp.MustCompile(`\A[a-z0-9]+(?:[.-][a-z0-9]+)*\z`)
)

// named reports whether a text could be the name of a Kubernetes object, which
// keys such as existingSecret hold: lower-case words, none of them random.
func named(text string) bool {
	text = strings.TrimSpace(text)
	if !nameLike.MatchString(text) {
		return false
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '.' }) {
		if len(word) >= 12 && strings.ContainsAny(word, "0123456789") || len(word) > 24 {
			return false
		}
	}
	return true
}

// strong reports whether a text looks made up by a machine: long, of several
// kinds of characters, and unlike prose.
func strong(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < 12 || len(text) > 4096 || strings.ContainsAny(text, " \n\t") {
		return false
	}
	var digits, letters bool
	for _, r := range text {
		digits = digits || unicode.IsDigit(r)
		letters = letters || unicode.IsLetter(r)
	}
	return digits && letters && entropy(text) >= 3
}

// words that something random may be among.
var randomWord = regexp.MustCompile(`[A-Za-z0-9]{16,}`)

// random reports whether a word of a text is one that nobody would choose for a
// name: long, of both cases, with digits in several places.
func random(text string) bool {
	for _, word := range randomWord.FindAllString(text, -1) {
		var upper, lower bool
		runs, before := 0, false
		for _, r := range word {
			digit := unicode.IsDigit(r)
			if digit && !before {
				runs++
			}
			upper, lower, before = upper || unicode.IsUpper(r), lower || unicode.IsLower(r), digit
		}
		if upper && lower && runs >= 2 && entropy(word) >= 3.5 {
			return true
		}
	}
	return false
}

// entropy is Shannon's, in bits per byte.
func entropy(text string) (bits float64) {
	var counts [256]int
	for i := range len(text) {
		counts[text[i]]++
	}
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
