package manifest

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A literal in a template of Secrets is ordinary where it has the look of a
// setting: words, numbers, addresses, paths, switches. What mixes letters, digits
// and marks within a word, as passwords do, is not, unless a setting would.

// ordinary reports whether a text of one line, which a key names, is a setting.
func ordinary(key, text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < 4 || isNumber(text) || hexColor.MatchString(text) || plainWords.MatchString(text) || public(text) {
		return true
	}
	if common[strings.ToLower(text)] || withMarks.MatchString(text) {
		return false
	}
	if hidden, is := printable64(text); is && !ordinary(key, hidden) {
		return false
	}
	if len(text) >= 32 && publicName(key) || identifierKey(key) && identifier.MatchString(text) && !random(text) {
		return true
	}
	free := settingKey(key)
	for _, token := range strings.FieldsFunc(text, isSeparator) {
		if !ordinaryToken(token, free || token[0] == '-') { // options of programs have numbers
			return false
		}
	}
	return true
}

// publicName reports whether a key says that its value may be known.
func publicName(key string) bool {
	return slices.ContainsFunc(wordsOf(key), func(w string) bool { return strings.HasPrefix(w, "pub") }) && !secretName(key)
}

// identifierKey reports whether a key holds what a service calls a thing by.
func identifierKey(key string) bool {
	words := wordsOf(key)
	return len(words) > 0 && identifierWords[words[len(words)-1]] && !secretName(key)
}

var (
	identifierWords = nameSet(`id ids uuid guid arn zone tenant account checksum digest hash sha sha256 fingerprint thumbprint`)
	identifier      = regexp.MustCompile(`\A[a-z0-9][a-z0-9.:_-]*\z`)
)

// hexColor is a colour of CSS.
var hexColor = regexp.MustCompile(`\A#[0-9a-fA-F]{3,8}\z`)

// withMarks is a single word with marks in it that belong into a password.
var withMarks = regexp.MustCompile(`\A[A-Za-z0-9]*[A-Za-z]+[A-Za-z0-9]*[!$^~?][A-Za-z0-9!$^~?@#%&*+=-]*\z|\A[!$^~@#%&*]+[A-Za-z0-9]+[!$^~@#%&*]*\z`)

func isSeparator(r rune) bool {
	return strings.ContainsRune(" \t\r\n,;|()<>\"'`[]{}=", r)
}

// ordinaryToken is one word of a text, an address or a path. free says that the
// key names something that may end in a number.
func ordinaryToken(token string, free bool) bool {
	if len(token) > 4096 {
		return false
	}
	if net.ParseIP(token) != nil || isNumber(token) || duration.MatchString(token) || !strings.ContainsAny(token, letterSet) {
		return true
	}
	if _, _, err := net.ParseCIDR(token); err == nil {
		return true
	}
	if u, err := url.Parse(token); err == nil && u.Scheme != "" && u.Host != "" {
		if _, has := u.User.Password(); has || secretQuery(u) {
			return false
		}
		free = true // names of hosts and folders have numbers
	} else if strings.ContainsAny(token, "/") || strings.Count(token, ".") > 1 || address.MatchString(token) {
		free = true
	}
	for _, word := range strings.FieldsFunc(token, isJoint) {
		if !ordinaryWord(word, free) {
			return false
		}
	}
	return true
}

const letterSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func isJoint(r rune) bool { return strings.ContainsRune("/.:@_-#%?&+*~$!^\\\x00", r) }

var (
	duration = regexp.MustCompile(`(?i)\A(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h|d|w|y))+\z`)
	address  = regexp.MustCompile(`\A[\w.+-]+@[\w-]+(?:\.[\w-]+)+\z`)

	onlyLetters = regexp.MustCompile(`\A[\pL]+\z`)
	onlyDigits  = regexp.MustCompile(`\A[0-9]+\z`)
	// shortName is a short word with a number: db1, s3, pg16, eu1, 512Mi, x509, k8s.
	shortName = regexp.MustCompile(`\A(?:[A-Za-z]{1,3}[0-9]{1,4}|[0-9]{1,6}[A-Za-z]{1,3}|[A-Za-z]{1,2}[0-9]{1,3}[A-Za-z]{1,2})\z`)
	// numbered is a word with a number behind it.
	numbered = regexp.MustCompile(`\A[A-Za-z]{2,20}[0-9]{1,4}\z`)
	// hashing are names of methods, formats and protocols.
	technical = regexp.MustCompile(`(?i)\A(?:v\d+(?:(?:alpha|beta|rc)\d+)?|sha\d+(?:sum)?|md[245]|aes\d+|rsa\d+|ed25519|ed448|[rhep]s(?:256|384|512)|p(?:256|384|521)|x86|amd64|arm64|utf8(?:mb[34])?|utf16|` +
		`oauth2?|oidc|http[23]?|h2c?|ipv[46]|imap4?|pop3|socks[45]|tls(?:v1)?|pkcs\d+|base(?:16|32|58|64)(?:url)?|bcrypt|argon2(?:id|i|d)?|scrypt|mp[34]|h26[45]|iso\d+|latin\d|python[23]|log4j2?|sqlite[23]|pdo|` +
		`prime256v1|secp(?:256|384|521)[kr]1|[xc]?(?:urve)?25519|chacha20|poly1305|blake[23][bs]?|sha3|route53|neo4j|web3|auth0|smtp2go|mt940|i18n|l10n|ec2|mqtt5?|ldap[23]?)\z`)
)

// ordinaryWord is a word of letters, digits or both.
func ordinaryWord(word string, free bool) bool {
	switch {
	case common[strings.ToLower(word)] && !free, hexWord.MatchString(word), random(word):
		return false
	case onlyLetters.MatchString(word):
		return pronounced(word)
	case onlyDigits.MatchString(word), shortName.MatchString(word), technical.MatchString(word), duration.MatchString(word):
		return true
	}
	return free && (numbered.MatchString(word) || len(word) < 16 && !leet.MatchString(word))
}

// leet is a digit between letters of both sides, as in passw0rd.
var leet = regexp.MustCompile(`[A-Za-z]{2,}[0-9]{1,2}[A-Za-z]+[0-9]+[A-Za-z]|[A-Za-z]{2,}[013457][a-z]{2,}`)

// pronounced reports whether letters are a word: long ones have vowels, and few
// changes of case.
func pronounced(word string) bool {
	if len(word) < 12 {
		return true
	}
	vowels, changes := 0, 0
	for i, r := range word {
		if strings.ContainsRune("aeiouyAEIOUY", r) || r > 0x7f {
			vowels++
		}
		if i > 0 && isUpper(word[i]) != isUpper(word[i-1]) {
			changes++
		}
	}
	return vowels*7 >= len(word) && changes*3 <= len(word)+3
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// settingKey reports whether a key says by its last word that its value is a name
// that may have a number in it.
func settingKey(key string) bool {
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		key = key[i+1:]
	}
	words := wordsOf(key)
	for len(words) > 1 && (noise[words[len(words)-1]] || isNumber(words[len(words)-1])) {
		words = words[:len(words)-1]
	}
	return len(words) > 0 && settingWords[words[len(words)-1]] && !secretName(key)
}

var settingWords = nameSet(`user username users login name names host hostname hosts server servers domain domains fqdn address addr url urls uri endpoint endpoints port
	db database dbname maindb logdb schema table bucket region zone prefix suffix path dir directory folder file filename location type kind mode driver engine backend provider level
	format version tag image email mail from to sender recipient subject role roles group groups scope scopes issuer audience realm tenant org organization project team env
	environment cluster node nodes country currency locale language timezone tz timeout ttl interval id ids uuid arn class namespace account channel room topic queue index
	protocol algorithm method theme repository repo branch site device model interface service app application instance shard checksum digest hash part of component by color colour css ssid serial number model curve cipher ciphers device`)

// common are passwords that attackers try first, which have the form of words
// (https://github.com/danielmiessler/SecLists/tree/master/Passwords/Common-Credentials).
var common = nameSet(`123456 12345678 123456789 1234567890 password1 password12 password123 passw0rd p455w0rd qwerty qwerty1 qwerty123 qwertyuiop abc123 abcd1234 letmein letmein1 welcome1
	welcome123 iloveyou admin123 admin1234 administrator1 root123 toor test123 test1234 changeme123 trustno1 monkey1 dragon1 sunshine1 princess1 football1 baseball1 superman1
	batman1 master1 shadow1 hunter2 secret1 secret123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx q1w2e3r4 pass123 pass1234 passwort1 login123 hello123 correcthorsebatterystaple`)
