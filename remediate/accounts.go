package remediate

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// accounts are, by the scheme of a database's URL, what the needs of its
// provider are called.
var accounts = map[string]string{"postgres": "role", "postgresql": "role", "mysql": "user", "mysql2": "user", "mariadb": "user"}

// What stands before and behind the password in the URL of a database.
var (
	before  = regexp.MustCompile(`(?i)\b(postgres(?:ql)?|mysql2?|mariadb)(?:\+[a-z0-9]{1,12})?://([^\s:/@'"<>` + "`" + `{}$*\\]{1,64}):$`)
	behind  = regexp.MustCompile(`^@([\w.-]{1,200}(?::[0-9]{1,5})?)(?:/([\w-]{1,64}))?`)
	escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// around is how much is read before and behind a password, in bytes.
const around = 400

// AddAccounts adds to the passwords of databases who signs in with them and
// where, as the URLs around them say. read gives a blob of the repository. A
// password that stands in several URLs which differ gets none: nobody knows then
// which account is meant. Neither does one that is escaped there, since what
// leaked is its escaped form. read is nil where there are no blobs, and gives nil
// for one that cannot be read.
func AddAccounts(cases []Case, r scanner.Result, read func(blob string) []byte) {
	for i, c := range cases {
		if c.Rule != "database-url-password" || escaped.MatchString(c.Value.Reveal()) { // only its form is judged
			continue
		}
		for name, text := range accountOf(c, r, read) {
			if c.Companions == nil {
				c.Companions = map[string]secret.Secret{}
			}
			c.Companions[name] = secret.New(text)
		}
		cases[i] = c
	}
}

func accountOf(c Case, r scanner.Result, read func(blob string) []byte) (account map[string]string) {
	for _, f := range r.Findings {
		if f.Rule.ID != c.Rule || !f.Secret.Equal(c.Value) {
			continue
		}
		if f.At.Blob == "" || len(f.At.DecodedFrom) > 0 || read == nil {
			return nil
		}
		found := parseAccount(read(f.At.Blob), f.At.Span, c.Value)
		if found == nil || account != nil && !slices.Equal(words(found), words(account)) {
			return nil
		}
		account = found
	}
	return account
}

func words(a map[string]string) []string {
	return []string{a["role"], a["user"], a["host"], a["database"]}
}

// parseAccount reads the URL around a span of a text, nil when it names no account.
func parseAccount(text []byte, span [2]int, value secret.Secret) map[string]string {
	if span[0] < 0 || span[1] < span[0] || span[1] > len(text) || !value.Equal(secret.New(string(text[span[0]:span[1]]))) {
		return nil // as of a member of an archive, whose place is in the archive
	}
	head := before.FindSubmatch(text[max(0, span[0]-around):span[0]])
	tail := behind.FindSubmatch(text[span[1]:min(len(text), span[1]+around)])
	if head == nil || tail == nil {
		return nil
	}
	user, err := url.PathUnescape(string(head[2]))
	if err != nil {
		return nil
	}
	account := map[string]string{accounts[strings.ToLower(string(head[1]))]: user, "host": string(tail[1])}
	if len(tail[2]) > 0 {
		account["database"] = string(tail[2])
	}
	return account
}
