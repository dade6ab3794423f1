package manifest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/manifest/sops"
	"github.com/leakgate/leakgate/internal/manifest/sopstest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/test/attacks"
)

const plainSecret = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: app
stringData:
  username: administrator
  password: "%(secret 24)"
  port: 5432
  config.yaml: |
    level: debug
data:
  key: "%(secret64 32)"
`

const plainSopsSecret = `apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: db
spec:
  secretTemplates:
  - name: db
    type: Opaque
    stringData:
      password: "%(secret 24)"
    data:
      key: "%(secret64 32)"
`

// sopsCase is an attack on a file that sops has encrypted: what it does to the
// text, and the rule that must see it.
type sopsCase struct {
	class, name, rule string
	plain             string // "" for plainSecret
	file              sopstest.File
	edit              func(text string) string
	check             Checker
	lax               bool // the policy refuses the file as it was, too
	warn              bool
}

var (
	anyENC    = regexp.MustCompile(`ENC\[AES256_GCM[^\]]*\]`)
	macLine   = regexp.MustCompile(`(?m)^  mac: .*\n`)
	ruleLine  = regexp.MustCompile(`(?m)^  encrypted_regex: .*\n`)
	dataRule  = sopstest.File{Rule: sopstest.DataRule}
	templates = sopstest.File{Rule: "encrypted_suffix: Templates"}
)

// leaf replaces the encrypted value of a key.
func leaf(key string, with func(enc string) string) func(string) string {
	line := regexp.MustCompile(`(?m)^(\s+(?:- )?` + regexp.QuoteMeta(key) + `: )(ENC\[.*\])$`)
	return func(text string) string {
		return line.ReplaceAllStringFunc(text, func(l string) string {
			m := line.FindStringSubmatch(l)
			return m[1] + with(m[2])
		})
	}
}

func to(value string) func(string) string { return func(string) string { return value } }

func replace(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

func add(text string) func(string) string { return func(t string) string { return t + text } }

func rule(line string) func(string) string {
	return func(text string) string { return ruleLine.ReplaceAllString(text, "  "+line+"\n") }
}

// part replaces a part of every encrypted value but the MAC's.
func part(pattern, with string) func(string) string {
	re := regexp.MustCompile(pattern)
	return leaf("password", func(enc string) string { return re.ReplaceAllString(enc, with) })
}

func sopsCases(t *testing.T) []sopsCase {
	ours, theirs := sopstest.Key(t), sopstest.Key(t)
	known := sopstest.File{Rule: sopstest.DataRule, For: []*sopsKey{ours}}
	both := sopstest.File{Rule: sopstest.DataRule, For: []*sopsKey{ours, theirs}}
	listed := Checker{Formats: Formats{SOPS: SOPSFormat{Recipients: Recipients{Age: []string{ours.Recipient().String()}}}}}
	prescribed := Checker{Prescribed: &Recipients{Age: []string{ours.Recipient().String()}}}
	keyed := Checker{Keys: secret.New(ours.String())}
	swap := replace(ours.Recipient().String(), theirs.Recipient().String())
	second := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: two}\nstringData: {password: " + letters(20) + "}\n"
	enc := "ENC[AES256_GCM,data:"
	moved := func(text string) string {
		values := anyENC.FindAllString(text, 2)
		text = strings.Replace(text, values[0], "@", 1)
		text = strings.Replace(text, values[1], values[0], 1)
		return strings.Replace(text, "@", values[1], 1)
	}
	return []sopsCase{
		{class: "strip one ENC", name: "password", rule: RuleSOPSLeaf, edit: leaf("password", to(letters(20)))},
		{class: "strip one ENC", name: "short", rule: RuleSOPSLeaf, edit: leaf("username", to("root"))},
		{class: "strip one ENC", name: "number", rule: RuleSOPSLeaf, edit: leaf("port", to("5432"))},
		{class: "strip one ENC", name: "data", rule: RuleSOPSLeaf, edit: leaf("key", to("YWRtaW4="))},
		{class: "strip one ENC", name: "added", rule: RuleSOPSLeaf, edit: replace("stringData:\n", "stringData:\n    extra: plain-text-here\n")},
		{class: "strip one ENC", name: "list", rule: RuleSOPSLeaf, edit: replace("stringData:\n", "stringData:\n    extra: [plain-text-here]\n")},
		{class: "strip one ENC", name: "SopsSecret", rule: RuleSOPSLeaf, plain: plainSopsSecret, file: templates, edit: leaf("password", to("plain-text-here"))},
		{class: "strip one ENC", name: "placeholder shape", rule: RuleSOPSLeaf, edit: leaf("password", to(`"<not-a-placeholder>"`))},

		{class: "append after ]", name: "text", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return e + letters(12) })},
		{class: "append after ]", name: "second", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return e + e })},
		{class: "append after ]", name: "newline", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return `"` + e + `\n"` })},
		{class: "append after ]", name: "blank", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return `"` + e + ` "` })},
		{class: "append after ]", name: "bracket", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return e + "]" })},
		{class: "append after ]", name: "type", rule: RuleSOPSValue, edit: leaf("password", func(e string) string { return strings.Replace(e, "type:str]", "type:str,plain-text]", 1) })},

		{class: "malformed parts", name: "iv short", rule: RuleSOPSValue, edit: part(`,iv:[^,]*`, ",iv:AAAA")},
		{class: "malformed parts", name: "tag short", rule: RuleSOPSValue, edit: part(`,tag:[^,]*`, ",tag:AAAA")},
		{class: "malformed parts", name: "no data", rule: RuleSOPSValue, edit: part(`data:[^,]*`, "data:")},
		{class: "malformed parts", name: "unknown type", rule: RuleSOPSValue, edit: part(`type:str`, "type:plain")},
		{class: "malformed parts", name: "data is no base64", rule: RuleSOPSValue, edit: part(`data:[^,]*`, "data:not*base64")},
		{class: "malformed parts", name: "readable data", rule: RuleSOPSValue, edit: part(`data:[^,]*`, "data:dGhpcyB0ZXh0IGlzIHJlYWRhYmxlIGFuZCBubyBjaXBoZXJ0ZXh0IGF0IGFsbA==")},
		{class: "malformed parts", name: "another cipher", rule: RuleSOPSLeaf, edit: part(`AES256_GCM`, "AES128_CBC")},

		{class: "second document without sops", name: "Secret", rule: RuleSOPSNone, edit: add(second)},
		{class: "second document without sops", name: "first", rule: RuleSOPSNone, edit: func(text string) string { return strings.TrimPrefix(second, "---\n") + "---\n" + text }},
		{class: "second document without sops", name: "List", rule: RuleSOPSNone, edit: add("---\nkind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Secret, stringData: {a: plain-text-here}}\n")},
		{class: "second document without sops", name: "values", rule: RuleSOPSNone, edit: func(text string) string { return text[:strings.Index(text, "sops:\n")] }},
		{class: "second document without sops", name: "empty metadata", rule: RuleSOPSMetadata, edit: func(text string) string { return text[:strings.Index(text, "sops:\n")] + "sops: {}\n" }},
		{class: "second document without sops", name: "SopsSecret", rule: RuleSOPSNone, plain: plainSopsSecret, file: templates, edit: func(text string) string { return text[:strings.Index(text, "sops:\n")] }},

		{class: "widened rule", name: "matches nothing", rule: RuleSOPSWidened, edit: rule("encrypted_regex: ^nothing$")},
		{class: "widened rule", name: "one key", rule: RuleSOPSWidened, edit: rule("encrypted_regex: ^password$")},
		{class: "widened rule", name: "data only", rule: RuleSOPSWidened, edit: rule("encrypted_regex: ^data$")},
		{class: "widened rule", name: "unencrypted regex", rule: RuleSOPSWidened, edit: rule("unencrypted_regex: ^(apiVersion|kind|metadata|stringData)$")},
		{class: "widened rule", name: "suffix", rule: RuleSOPSWidened, edit: rule("encrypted_suffix: _secret")},
		{class: "widened rule", name: "unencrypted suffix", rule: RuleSOPSWidened, edit: rule("unencrypted_suffix: Data")},
		{class: "widened rule", name: "does not compile", rule: RuleSOPSMetadata, edit: rule("encrypted_regex: ^(data")},
		{class: "widened rule", name: "two rules", rule: RuleSOPSMetadata, edit: rule("encrypted_regex: ^(data|stringData)$\n  unencrypted_suffix: _x")},
		{class: "widened rule", name: "by comments", rule: RuleSOPSCommentRule, warn: true, edit: rule("encrypted_comment_regex: secret")},

		{class: "swapped recipient", name: "allow-list", rule: RuleSOPSRecipient, file: known, check: listed, edit: swap},
		{class: "swapped recipient", name: "added", rule: RuleSOPSRecipient, file: known, check: listed, edit: addRecipient(t, theirs)},
		{class: "swapped recipient", name: "creation rules", rule: RuleSOPSRecipient, file: known, check: prescribed, edit: swap},
		{class: "swapped recipient", name: "added beside creation rules", rule: RuleSOPSRecipient, file: known, check: prescribed, edit: addRecipient(t, theirs)},
		{class: "swapped recipient", name: "PGP key", rule: RuleSOPSRecipient, file: known, check: listed, edit: replace("sops:\n", "sops:\n  pgp:\n  - fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: \"-----BEGIN PGP MESSAGE-----\"\n")},
		{class: "swapped recipient", name: "key group", rule: RuleSOPSRecipient, file: known, check: listed, edit: func(text string) string {
			i, j := strings.Index(text, "  - recipient:"), strings.Index(text, "  lastmodified:")
			group := strings.ReplaceAll(swap(text[i:j]), "\n", "\n    ")
			return strings.Replace(text[:i], "  age:\n", "  key_groups:\n  - age:\n", 1) + "    " + strings.TrimRight(group, " ") + text[j:]
		}},
		{class: "swapped recipient", name: "AWS key", rule: RuleSOPSRecipient, file: known, check: listed, edit: replace("sops:\n", "sops:\n  kms:\n  - arn: arn:aws:kms:eu-central-1:123456789012:key/a\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AQIC\n")},
		{class: "swapped recipient", name: "GCP key", rule: RuleSOPSRecipient, file: known, check: listed, edit: replace("sops:\n", "sops:\n  gcp_kms:\n  - resource_id: projects/p/locations/global/keyRings/r/cryptoKeys/k\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AQIC\n")},
		{class: "swapped recipient", name: "Azure key", rule: RuleSOPSRecipient, file: known, check: listed, edit: replace("sops:\n", "sops:\n  azure_kv:\n  - vault_url: https://v.vault.azure.net\n    name: k\n    version: a\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AQIC\n")},
		{class: "swapped recipient", name: "key in Vault", rule: RuleSOPSRecipient, file: known, check: listed, edit: replace("sops:\n", "sops:\n  hc_vault:\n  - vault_address: https://vault.example\n    engine_path: sops\n    key_name: k\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AQIC\n")},
		{class: "swapped recipient", name: "taken out", rule: RuleSOPSDrift, warn: true, file: both, check: Checker{Prescribed: &Recipients{Age: []string{ours.Recipient().String(), theirs.Recipient().String()}}}, edit: func(text string) string {
			i, j := strings.LastIndex(text, "  - recipient:"), strings.Index(text, "  lastmodified:")
			return text[:i] + text[j:]
		}},

		{class: "recipient with another key", name: "two stanzas", rule: RuleSOPSMismatch, file: known, edit: withArmor(t, ours, theirs)},
		{class: "recipient with another key", name: "no age file", rule: RuleSOPSMismatch, edit: replace("-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN SOMETHING ELSE-----")},
		{class: "recipient with another key", name: "no key", rule: RuleSOPSMismatch, edit: func(text string) string {
			i, j := strings.Index(text, "    enc: |"), strings.Index(text, "  lastmodified:")
			return text[:i] + text[j:]
		}},
		{class: "recipient with another key", name: "SSH recipient", rule: RuleSOPSMismatch, file: known, edit: replace(ours.Recipient().String(), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")},
		{class: "recipient with another key", name: "post-quantum recipient", rule: RuleSOPSMismatch, file: known, edit: replace(ours.Recipient().String(), "age1pq1"+strings.ToLower(letters(40)))},
		{class: "recipient with another key", name: "KMS", rule: RuleSOPSMismatch, edit: replace("sops:\n", "sops:\n  kms:\n  - arn: not-an-arn\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AAAA\n")},
		{class: "recipient with another key", name: "PGP", rule: RuleSOPSMismatch, edit: replace("sops:\n", "sops:\n  pgp:\n  - fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21\n    created_at: \"2026-01-01T00:00:00Z\"\n    enc: AAAA\n")},

		{class: "no MAC", name: "removed", rule: RuleSOPSNoMAC, edit: func(text string) string { return macLine.ReplaceAllString(text, "") }},
		{class: "no MAC", name: "empty", rule: RuleSOPSNoMAC, edit: func(text string) string { return macLine.ReplaceAllString(text, "  mac: \"\"\n") }},
		{class: "no MAC", name: "plain", rule: RuleSOPSNoMAC, edit: func(text string) string { return macLine.ReplaceAllString(text, "  mac: AABBCC\n") }},
		{class: "no MAC", name: "appended", rule: RuleSOPSNoMAC, edit: func(text string) string {
			return strings.Replace(text, "type:str]\n  encrypted_regex", "type:str]x\n  encrypted_regex", 1)
		}},
		{class: "no MAC", name: "shell", rule: RuleSOPSNoMAC, edit: func(text string) string { return macLine.ReplaceAllString(text, "  mac: "+enc+"]\n") }},
		{class: "no MAC", name: "no version", rule: RuleSOPSMetadata, edit: replace("  version: 3.13.3\n", "")},
		{class: "no MAC", name: "no time", rule: RuleSOPSMetadata, edit: replace("2026-03-01T12:00:00Z", "yesterday")},

		{class: "MAC mismatch", name: "removed leaf", rule: RuleSOPSMAC, file: known, check: keyed, edit: func(text string) string {
			return regexp.MustCompile(`(?m)^    username: .*\n`).ReplaceAllString(text, "")
		}},
		{class: "MAC mismatch", name: "plain metadata", rule: RuleSOPSMAC, file: known, check: keyed, edit: replace("name: db", "name: other")},
		{class: "MAC mismatch", name: "moved", rule: RuleSOPSMAC, file: known, check: keyed, edit: moved},
		{class: "MAC mismatch", name: "renamed key", rule: RuleSOPSMAC, file: known, check: keyed, edit: replace("    username:", "    login:")},
		{class: "MAC mismatch", name: "added plain", rule: RuleSOPSMAC, file: known, check: keyed, edit: replace("metadata:\n", "metadata:\n    labels: {a: b}\n")},
		{class: "MAC mismatch", name: "time", rule: RuleSOPSMAC, file: known, check: keyed, edit: replace("2026-03-01T12:00:00Z", "2026-04-01T12:00:00Z")},
		{class: "MAC mismatch", name: "rule of mac_only_encrypted", rule: RuleSOPSMAC, file: known, check: keyed, edit: replace("  version:", "  mac_only_encrypted: true\n  version:")},

		{class: "threshold", name: "too high", rule: RuleSOPSThreshold, edit: replace("  version:", "  shamir_threshold: 3\n  version:")},
		{class: "threshold", name: "below policy", rule: RuleSOPSThreshold, file: known, lax: true, check: Checker{Formats: Formats{SOPS: SOPSFormat{MinThreshold: 2}}}, edit: replace("  version:", "  shamir_threshold: 1\n  version:")},
		{class: "threshold", name: "no count", rule: RuleSOPSMetadata, edit: replace("  version:", "  shamir_threshold: many\n  version:")},
		{class: "threshold", name: "negative", rule: RuleSOPSMetadata, edit: replace("  version:", "  shamir_threshold: -1\n  version:")},
		{class: "threshold", name: "empty group", rule: RuleSOPSMetadata, edit: replace("  age:\n", "  key_groups:\n  - age: []\n  - age:\n")},
		{class: "threshold", name: "groups are no list", rule: RuleSOPSMetadata, edit: replace("  age:\n", "  key_groups: none\n  agee:\n")},

		{class: "comments", name: "assignment", rule: RuleSOPSComment, edit: replace("stringData:\n", "stringData:\n    # password: "+letters(20)+"\n")},
		{class: "comments", name: "line comment", rule: RuleSOPSComment, edit: replace("kind: Secret\n", "kind: Secret # token="+letters(20)+"\n")},
		{class: "comments", name: "at the end", rule: RuleSOPSComment, edit: add("# DB_PASSWORD=" + letters(20) + "\n")},
		{class: "comments", name: "behind many", rule: RuleSOPSComment, edit: add(strings.Repeat("# a\n", 150) + "# a=bcde" + strings.Repeat(" a=bcde", 12) + " DB_PASSWORD=" + letters(20) + "\n")},
		{class: "comments", name: "quoted", rule: RuleSOPSComment, edit: replace("metadata:\n", "# client_secret: \""+letters(20)+"\"\nmetadata:\n")},
		{class: "comments", name: "known", rule: RuleSOPSComment, check: Checker{Known: func(v string) string {
			if strings.HasPrefix(v, "tok-") {
				return "known"
			}
			return ""
		}}, edit: replace("metadata:\n", "# note: tok-abcdefgh\nmetadata:\n")},
		{class: "comments", name: "beside ciphertext", rule: RuleSOPSComment, edit: replace("stringData:\n", "stringData:\n    # old passphrase: "+letters(20)+" was replaced\n")},

		{class: "widened rule", name: "a password in values of a chart", rule: RuleSOPSLeaf, plain: "replicas: 2\ntoken: not-a-real-token\ndb_password: ''\n",
			file: sopstest.File{Rule: "encrypted_regex: ^token$"}, edit: replace("db_password: ''", "db_password: "+letters(20))},

		{class: "policy", name: "stale", rule: RuleSOPSStale, warn: true, check: Checker{Now: time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC), Formats: Formats{SOPS: SOPSFormat{MaxAge: 365 * day}}}, edit: replace("2026-03-01T12:00:00Z", "2020-03-01T12:00:00Z")},
		{class: "policy", name: "partial MAC", rule: RuleSOPSPartMAC, check: Checker{Formats: Formats{SOPS: SOPSFormat{WholeMAC: true}}}, edit: replace("  version:", "  mac_only_encrypted: true\n  version:")},
		{class: "policy", name: "weak", rule: RuleSOPSWeak, warn: true, edit: part(`data:[^,]*`, "data:AAEC")},
		{class: "policy", name: "not verified", rule: RuleSOPSUnverified, file: known, check: Checker{Keys: keyed.Keys, Formats: Formats{SOPS: SOPSFormat{VerifyMAC: true}}}, edit: func(text string) string {
			return withArmor(t, theirs)(text)
		}},
	}
}

// The policy may ask that every MAC is verified; in a cluster, where there is no
// key and the API server changes what a MAC covers, it does not.
func TestVerifyMACAsksForAKeyOfTheFile(t *testing.T) {
	key := sopstest.Key(t)
	file := sopstest.File{Rule: sopstest.DataRule, For: []*sopsKey{key}}.Encrypt(t, plainSecret)
	required := Formats{SOPS: SOPSFormat{VerifyMAC: true}}
	byGPG := regexp.MustCompile(`(?s)  age:\n.*?-----END AGE ENCRYPTED FILE-----\n`).ReplaceAllString(file,
		"  pgp:\n  - fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21\n    enc: |\n      -----BEGIN PGP MESSAGE-----\n")
	byKMS := regexp.MustCompile(`(?s)  pgp:\n.*?MESSAGE-----\n`).ReplaceAllString(byGPG, "  kms:\n  - arn: arn:aws:kms:eu-central-1:123456789012:key/a\n    enc: AQIC\n")
	for name, c := range map[string]struct {
		text string
		Checker
		want string // in the reason, "" for no fault
	}{
		"its key":               {file, Checker{Formats: required, Keys: secret.New(key.String())}, ""},
		"no key":                {file, Checker{Formats: required}, "there is no key"},
		"another key":           {file, Checker{Formats: required, Keys: secret.New(sopstest.Key(t).String())}, "none of the given keys"},
		"not asked":             {file, Checker{}, ""},
		"in a cluster":          {file, Checker{Formats: required, InCluster: true}, ""},
		"for a key of gpg":      {byGPG, Checker{Formats: required, Keys: secret.New(key.String())}, "none of the given keys"},
		"for a cloud's key":     {byKMS, Checker{Formats: required, Keys: secret.New(key.String())}, "it cannot tell"},
		"for nobody asked":      {byKMS, Checker{Formats: required, OpenKey: func(string, string, string) (secret.Secret, bool) { return secret.Secret{}, false }}, "it cannot tell"},
		"a plugin's key beside": {file, Checker{Formats: required, Keys: secret.New("AGE-PLUGIN-YUBIKEY-1QQQ\n" + key.String())}, ""},
	} {
		got := ""
		for _, f := range judged(t, c.Checker, c.text) {
			if f.Rule == RuleSOPSUnverified {
				got = f.Reason
			}
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestSOPSCorpus: every attack is seen, and the file it was made from is clean,
// by the same policy.
func TestSOPSCorpus(t *testing.T) {
	count, list := map[string]int{}, attacks.List{}
	for _, c := range sopsCases(t) {
		count[c.class]++
		list.Attacks = append(list.Attacks, attacks.Case{Class: c.class, Name: c.name, Rule: c.rule})
		t.Run(c.class+"/"+c.name, func(t *testing.T) {
			plain, file := c.plain, c.file
			if plain == "" {
				plain = plainSecret
			}
			if file.Rule == "" {
				file = dataRule
			}
			text := file.Encrypt(t, expand(t, plain))
			check := c.check
			if c.lax {
				check = Checker{}
			}
			if check.Now.Year() > 2000 {
				check.Now = check.Now.AddDate(-1, 0, 0)
			}
			for _, f := range judged(t, check, text) {
				t.Errorf("twin: %s at %d:%d: %s", f.Rule, f.Line, f.Column, f.Reason)
			}
			edited := c.edit(text)
			if edited == text {
				t.Fatal("the attack changes nothing")
			}
			want(t, c.name, c.check, edited, c.rule, !c.warn)
		})
	}
	list.Hold(t, "../../testdata/attacks/sops.txt", *update)
	for class, n := range count {
		if n < least && class != "policy" {
			t.Errorf("%s: %d cases, at least %d are due", class, n, least)
		}
	}
}

// addRecipient writes a second recipient into the metadata.
func addRecipient(t *testing.T, id *sopsKey) func(string) string {
	return func(text string) string {
		enc := strings.ReplaceAll(strings.TrimSpace(sopstest.Armor(t, []byte("key"), id)), "\n", "\n      ")
		return strings.Replace(text, "  lastmodified:", "  - recipient: "+id.Recipient().String()+"\n    enc: |\n      "+enc+"\n  lastmodified:", 1)
	}
}

// withArmor puts another age file in the place of the first.
func withArmor(t *testing.T, ids ...*sopsKey) func(string) string {
	return func(text string) string {
		i, j := strings.Index(text, "      -----BEGIN"), strings.Index(text, "  lastmodified:")
		enc := strings.ReplaceAll(strings.TrimSpace(sopstest.Armor(t, []byte("key"), ids...)), "\n", "\n      ")
		return text[:i] + "      " + enc + "\n" + text[j:]
	}
}

// A file that sops encrypts for a rule of each kind is clean, whatever else is in it.
func TestLegitimateSOPSFilesHaveNoFaults(t *testing.T) {
	files := map[string]string{
		"values":     "db:\n  password: \"%(secret 20)\"\n  port: 5432\nempty: \"\"\nnone: null\n",
		"two":        plainSecret + "---\n" + plainSecret,
		"SopsSecret": plainSopsSecret,
		"List":       "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  stringData: {a: \"%(secret 20)\"}\n",
		"comments":   "# The database of the shop, see https://example.com/x\n" + plainSecret,
	}
	rules := map[string][]string{
		"values":     {"", "unencrypted_suffix: _plain", "encrypted_regex: ^password$"},
		"two":        {sopstest.DataRule, "unencrypted_regex: ^(apiVersion|kind|metadata|type)$"},
		"SopsSecret": {"encrypted_suffix: Templates", "encrypted_regex: ^(data|stringData)$"}, "List": {sopstest.DataRule}, "comments": {sopstest.DataRule},
	}
	for name, plain := range files {
		for _, rule := range rules[name] {
			for _, only := range []bool{false, true} {
				key := sopstest.Key(t)
				text := sopstest.File{Rule: rule, OnlyMAC: only, For: []*sopsKey{key}}.Encrypt(t, expand(t, plain))
				for _, f := range judged(t, Checker{Keys: secret.New(key.String())}, text) {
					t.Errorf("%s by %q: %s at %d:%d: %s", name, rule, f.Rule, f.Line, f.Column, f.Reason)
				}
			}
		}
	}
}

func TestSOPSInAClusterIsUndecryptable(t *testing.T) {
	text := dataRule.Encrypt(t, expand(t, plainSecret))
	value := anyENC.FindString(text)
	object := func(value string) string {
		return `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"password":"` + value + `"}}`
	}
	want(t, "in a cluster", Checker{InCluster: true}, object(base64Of(value)), RuleSOPSUndecryptable, false)
	if _, ok := sops.ParseValue(value); !ok {
		t.Error("the value is none of sops")
	}
}
