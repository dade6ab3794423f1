package remediate

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// Blobs gives what a file held, by the id of its blob; nil when nobody can tell.
type Blobs func(id string) []byte

// companions are, by rule and by the name of a provider's need, the rules whose
// values are meant when they leaked with one. The issuer verifies the pair by a signature,
// so that a wrong one proves nothing and can do nothing.
var companions = map[string]map[string]string{
	"aws-access-token": {"secret_key": "aws-secret-access-key", "session_token": "aws-session-token"},
}

// besides are what leaked with a credential and a provider needs. Each version
// of a file is looked at alone, and what two of them tell differently is not told.
func besides(r scanner.Result, c scanner.Credential, rule string, read Blobs) map[string]secret.Secret {
	found := map[string][]secret.Secret{}
	add := func(need string, value secret.Secret) {
		if !value.IsZero() && !slices.ContainsFunc(found[need], value.Equal) {
			found[need] = append(found[need], value)
		}
	}
	for _, f := range r.Findings {
		if f.Rule.ID != rule || !f.Secret.Equal(c.Secret) {
			continue
		}
		if read != nil && f.At.Blob != "" && len(f.At.DecodedFrom) == 0 {
			for need, form := range partners[rule] {
				add(need, partner(r.Findings, f, form, read(f.At.Blob)))
			}
		}
		for need, companion := range companions[rule] {
			add(need, nearest(r.Findings, f, companion))
		}
		if rule == "private-key" && read != nil && f.At.Blob != "" && len(f.At.DecodedFrom) == 0 {
			add("certificate", certificates(read(f.At.Blob)))
		}
		if rule == "gcp-service-account-key" && read != nil && f.At.Blob != "" && len(f.At.DecodedFrom) == 0 {
			email, id := besideGoogle(read(f.At.Blob), f.At.Span[0], c.Secret)
			add("email", email)
			add("key_id", id)
		}
	}
	out := map[string]secret.Secret{}
	for need, values := range found {
		if len(values) == 1 {
			out[need] = values[0]
		}
	}
	return out
}

// partners are, by rule and by the name of a provider's need, how the public half
// of a pair is written whose secret half the rule finds. The first group that holds
// something is meant. The issuer answers a wrong pair as a dead one, so its provider calls none
// dead that was not seen alive.
var partners = map[string]map[string]*regexp.Regexp{
	"mongodb-atlas-secret":  {"client_id": regexp.MustCompile(`\b(mdb_sa_id_[0-9a-fA-F]{24})\b`)},
	"planetscale-api-token": {"token_id": regexp.MustCompile(`(?i:token[_-]?id)["']?\s*[:=]\s*["']?([a-z0-9]{12})\b|\b([a-z0-9]{12}):pscale_tkn_`)},
}

// partner is the one public half in a version of a file that holds one secret half.
func partner(all []scanner.Finding, f scanner.Finding, form *regexp.Regexp, text []byte) (one secret.Secret) {
	if values(sameFile(all, f, f.Rule.ID)) != 1 {
		return secret.Secret{}
	}
	for _, m := range form.FindAllSubmatch(text, -1) {
		found := secret.New(string(bytes.Join(m[1:], nil))) // one group holds something
		if !one.IsZero() && !one.Equal(found) {
			return secret.Secret{}
		}
		one = found
	}
	return one
}

// reach is how many lines apart the two halves of a pair may stand where a file
// holds several.
const reach = 4

// nearest is the value of a rule that belongs to a finding: the only one of its
// file where that holds one pair, else the one that is nearest, and to which the
// finding is nearest.
func nearest(all []scanner.Finding, f scanner.Finding, rule string) secret.Secret {
	mates, rivals := sameFile(all, f, rule), sameFile(all, f, f.Rule.ID)
	if values(mates) == 1 && values(rivals) == 1 {
		return mates[0].Secret
	}
	mate, ok := closest(mates, f)
	if !ok || apart(mate, f) > reach {
		return secret.Secret{}
	}
	if back, ok := closest(rivals, mate); !ok || !back.Secret.Equal(f.Secret) {
		return secret.Secret{}
	}
	return mate.Secret
}

func sameFile(all []scanner.Finding, f scanner.Finding, rule string) (list []scanner.Finding) {
	for _, g := range all {
		if g.Rule.ID == rule && g.At.Blob == f.At.Blob && g.At.Path == f.At.Path && g.Commit.ID == f.Commit.ID {
			list = append(list, g)
		}
	}
	return list
}

func values(list []scanner.Finding) int {
	var seen []secret.Secret
	for _, f := range list {
		if !slices.ContainsFunc(seen, f.Secret.Equal) {
			seen = append(seen, f.Secret)
		}
	}
	return len(seen)
}

func apart(a, b scanner.Finding) int {
	return max(a.At.StartLine-b.At.StartLine, b.At.StartLine-a.At.StartLine)
}

// closest is the nearest of a list; two values that are as near are none.
func closest(list []scanner.Finding, to scanner.Finding) (best scanner.Finding, ok bool) {
	for _, f := range list {
		switch d := apart(f, to); {
		case best.Rule == nil || d < apart(best, to):
			best, ok = f, true
		case d == apart(best, to) && !f.Secret.Equal(best.Secret):
			ok = false
		}
	}
	return best, ok
}

// certificates are those of a file, one of which may be that of a key beside
// them: whoever uses them compares the public keys.
func certificates(text []byte) secret.Secret {
	var out []byte
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return secret.New(string(out))
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, pem.EncodeToMemory(block)...)
		}
	}
}

// maxObjects is how many objects around a key are tried.
const maxObjects = 64

// besideGoogle reads client_email and private_key_id of the very JSON object
// whose private_key is the value: those of another one would make a key that
// works look dead.
func besideGoogle(text []byte, at int, value secret.Secret) (email, id secret.Secret) {
	if at > len(text) {
		return email, id
	}
	for tries, i := 0, at; tries < maxObjects; tries++ {
		if i = bytes.LastIndexByte(text[:i], '{'); i < 0 {
			break
		}
		var file struct {
			Key      string `json:"private_key"`
			Email    string `json:"client_email"`
			ID       string `json:"private_key_id"`
			Universe string `json:"universe_domain"`
		}
		if json.NewDecoder(bytes.NewReader(text[i:])).Decode(&file) != nil || !samePEM(file.Key, value) {
			continue
		}
		if file.Universe != "" && file.Universe != "googleapis.com" { // a cloud of its own, which is not asked
			break
		}
		return secret.New(file.Email), secret.New(file.ID)
	}
	return email, id
}

// samePEM compares a key with one as it stands in JSON.
func samePEM(key string, value secret.Secret) bool {
	found := strings.ReplaceAll(value.Reveal(), `\n`, "\n") // compared with what stands around it
	return key != "" && strings.TrimSpace(key) == strings.TrimSpace(found)
}
