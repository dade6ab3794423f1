package sops

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Metadata is what the key "sops" of a document says.
type Metadata struct {
	Rule         Rule
	RuleField    string // the field that the rule comes from, "" for the default
	MAC          string
	OnlyMAC      bool // mac_only_encrypted: the MAC covers only what is encrypted
	Version      string
	LastModified time.Time
	Threshold    int // shamir_threshold, 0 when not given
	Groups       []Group
}

// Group is a key group: any one of its recipients opens its part of the key.
type Group []Recipient

// Recipient is one key that the document's key is encrypted for.
type Recipient struct {
	Kind string // a field of the metadata: age, pgp, kms, gcp_kms, azure_kv, hc_vault or hckms
	Name string // what allow-lists name: recipient, fingerprint, ARN, id or URL
	Enc  string // the document's key, encrypted
}

// Recipients are those of all groups.
func (m Metadata) Recipients() (all []Recipient) {
	for _, g := range m.Groups {
		all = append(all, g...)
	}
	return all
}

// Problem is something that makes metadata invalid, and the field it is about.
type Problem struct{ Field, Text string }

// ReadMetadata reads the metadata and says what is wrong with it. What sops
// itself refuses to load is a problem.
func ReadMetadata(from map[string]any) (Metadata, []Problem) {
	r := reader{from: from}
	m := Metadata{MAC: r.text("mac"), Version: r.text("version")}
	m.OnlyMAC = strings.EqualFold(r.text("mac_only_encrypted"), "true")
	if m.Version == "" {
		r.problem("version", "the version of sops is missing")
	}
	var err error
	if m.LastModified, err = time.Parse(time.RFC3339, r.text("lastmodified")); err != nil {
		r.problem("lastmodified", "lastmodified is no time in the form of RFC 3339")
	}
	if text := r.text("shamir_threshold"); text != "" {
		if m.Threshold, err = strconv.Atoi(text); err != nil || m.Threshold < 0 {
			r.problem("shamir_threshold", "shamir_threshold is no count")
		}
	}
	r.rule(&m)
	r.groups(&m)
	return m, r.problems
}

type reader struct {
	from     map[string]any
	problems []Problem
}

func (r *reader) problem(field, text string) {
	r.problems = append(r.problems, Problem{field, text})
}

func (r *reader) text(field string) string {
	text, ok := r.from[field].(string)
	if !ok && r.from[field] != nil {
		r.problem(field, field+" is no text")
	}
	return text
}

func (r *reader) rule(m *Metadata) {
	for _, f := range []struct {
		name   string
		suffix *string
		regex  **regexp.Regexp
	}{
		{"unencrypted_suffix", &m.Rule.UnencryptedSuffix, nil},
		{"encrypted_suffix", &m.Rule.EncryptedSuffix, nil},
		{"unencrypted_regex", nil, &m.Rule.UnencryptedRegex},
		{"encrypted_regex", nil, &m.Rule.EncryptedRegex},
		{"unencrypted_comment_regex", nil, &m.Rule.UnencryptedComment},
		{"encrypted_comment_regex", nil, &m.Rule.EncryptedComment},
	} {
		text := r.text(f.name)
		if text == "" {
			continue
		}
		if m.RuleField != "" {
			r.problem(f.name, fmt.Sprintf("%s and %s cannot be used together", m.RuleField, f.name))
			continue
		}
		m.RuleField = f.name
		if f.suffix != nil {
			*f.suffix = text
			continue
		}
		re, err := regexp.Compile(text)
		if err != nil {
			r.problem(f.name, f.name+" is no regular expression")
			re = never // sops takes an expression that does not compile for one without a match
		}
		*f.regex = re
	}
	if m.RuleField == "" {
		m.Rule.UnencryptedSuffix = "_unencrypted" // the default of sops
	}
}

var never = regexp.MustCompile(`[^\s\S]`)

// kinds are the lists of recipients, with the fields that name one.
var kinds = []struct {
	field string
	name  func(entry map[string]any) string
}{
	{"age", one("recipient")},
	{"pgp", one("fp")},
	{"kms", one("arn")},
	{"gcp_kms", one("resource_id")},
	{"azure_kv", func(e map[string]any) string {
		return strings.TrimSuffix(str(e, "vault_url"), "/") + "/keys/" + str(e, "name") + "/" + str(e, "version")
	}},
	{"hc_vault", func(e map[string]any) string {
		return strings.TrimSuffix(str(e, "vault_address"), "/") + "/v1/" + strings.Trim(str(e, "engine_path"), "/") + "/keys/" + str(e, "key_name")
	}},
	{"hckms", one("key_id")},
}

func one(field string) func(map[string]any) string {
	return func(e map[string]any) string { return str(e, field) }
}

func str(e map[string]any, field string) string {
	text, _ := e[field].(string)
	return strings.TrimSpace(text)
}

func (r *reader) groups(m *Metadata) {
	if g := r.group("", r.from); len(g) > 0 {
		m.Groups = []Group{g}
		return
	}
	list, ok := r.from["key_groups"].([]any)
	if !ok && r.from["key_groups"] != nil {
		r.problem("key_groups", "key_groups is no list")
	}
	for i, each := range list {
		entry, _ := each.(map[string]any)
		field := fmt.Sprintf("key_groups[%d]", i)
		g := r.group(field+".", entry)
		if len(g) == 0 {
			r.problem("key_groups", field+" has no keys")
		}
		m.Groups = append(m.Groups, g)
	}
	if len(m.Groups) == 0 {
		r.problem("", "there is no key that the document is encrypted for")
	}
}

func (r *reader) group(prefix string, from map[string]any) (g Group) {
	for _, k := range kinds {
		list, ok := from[k.field].([]any)
		if !ok && from[k.field] != nil && from[k.field] != "" {
			r.problem(prefix+k.field, prefix+k.field+" is no list")
		}
		for i, each := range list {
			entry, ok := each.(map[string]any)
			name := k.name(entry)
			if !ok || strings.Trim(name, "/") == "" {
				r.problem(prefix+k.field, fmt.Sprintf("%s%s[%d] names no key", prefix, k.field, i))
				continue
			}
			g = append(g, Recipient{Kind: k.field, Name: name, Enc: str(entry, "enc")})
		}
	}
	return g
}
