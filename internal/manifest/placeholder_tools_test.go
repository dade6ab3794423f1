package manifest

import (
	"encoding/base64"
	"strings"
	"testing"
)

// kmsText has the form of what AWS KMS makes of a value, and holds nothing.
func kmsText() string {
	raw := append([]byte{1, 2, 2, 0}, make([]byte, 150)...)
	for i := range raw[4:] {
		raw[4+i] = byte(0x80 | i*37)
	}
	return base64.URLEncoding.EncodeToString(raw)
}

// Each tool's own examples, or what public repositories have.
func TestPlaceholdersOfToolsByTheirGrammar(t *testing.T) {
	for tool, values := range map[string][]string{
		byArgoVault:   {"<path:kv/data/avp#password>", "<path:kv/data/avp#password#2>", "<path:secret/data/db#pass | base64encode>", "<path:arn/x/${ENV}#key | jsonPath {.a}>"},
		byOnePassword: {"op://app-prod/db/password", "op://Management/PagerDuty/Admin/email", "op://My Vault/My Item/field", "op://vault/6p5iesqmlq3yvu7xw2n4tzbjka/otp?attribute=otp", "op://${ENV}/db2/password"},
		byBankVaults:  {"vault:secret/data/accounts/aws#AWS_SECRET_ACCESS_KEY", "vault:secret/data/mysql#MYSQL_PASSWORD#1", "vault:secret/data/aws#${.KEY}", ">>vault:pki/issue/web#certificate"},
		byVals: {"ref+vault://mykv/foo#/mykey", "ref+awsssm:///path/to/x?region=us-east-1", "ref+sops://secrets.yaml#/db/password", "ref+op://vault/item/field", "secretref+vault://a/b#/c",
			"ref+awskms://" + kmsText() + "?region=eu-central-1", "ref+envsubst://$DB_PASSWORD", "ref+tfstate://path/to/some.tfstate/output.password", "ref+k8s://v1/Secret/ns/name/key"},
		byVariables: {"${DB_PASSWORD}", "${cluster_domain}", "$(DB_PASSWORD)", "${{DATABASE_PASSWORD}}", "${{ secrets.DB_PASSWORD }}", "${USER}:${PASS}", "${password2}"},
		byTemplates: {"{{ .Values.db.password | quote }}", "{{ db_password }}", "{{ db_password | b64encode }}", `{{ lookup("env", "DB_PASSWORD") }}`, "{{ vault.db['password'] }}", "{{ a if b else c }}",
			`{{ include "common.secret" . }}`, "{{ randAlphaNum 16 | b64enc }}", `{{ printf "%s-%s" .Release.Name .Values.x }}`, `{{ (lookup "v1" "Secret" .ns "db").data.password }}`, "{{- if .a }}{{ .a }}{{- end }}"},
		byTokens: {"%DB_PASSWORD%", "@DB_PASSWORD@", "<password of the database>", "<your token>", "<REPLACE_ME>", "<base64 encoded key>", "__DB_PASSWORD__"},
	} {
		for _, v := range values {
			if got := FilledBy(v); got != tool {
				t.Errorf("%q is for %q, want %q", v, got, tool)
			}
		}
	}
}

func TestLiteralsInTheClothesOfPlaceholders(t *testing.T) {
	const known, odd = "hunter2", "Sup3rS3cret"
	for _, v := range []string{
		"<" + known + ">", "<rabbit>", "<" + odd + ">", "<path:" + known + ">", "<path:a#b>x", "<path:kv/" + odd + "#b>", "%" + strings.ToUpper(known) + "%", "%rabbit%", "@rabbit@",
		"op://vault/" + known + "/x", "op://a/b", "op://vault/p@ssw!rd/x", "op://vault/" + odd + "/x", "op://a/b/c?x=" + known, "op://a/b/c/d/e",
		"vault:x#y", "vault:secret/data/" + known + "#y", "vault:secret/data/a#" + odd, "vault:secret/data/a#p@ss", "vault:" + known,
		"ref+echo://" + known, "ref+" + known + "://a", "ref+vault://" + known + "#/a", "ref+envsubst://" + known, "ref+awskms://" + known, "ref+unknown://a/b", "ref+exec://a",
		"ref+awskms://AQIC" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("readable text ", 10))),
		"${" + known + "}", "${" + odd + "}", "${{ " + known + " }}", "$(" + known + ")", "${A:-" + known + "}", "${rabbit hole}",
		"{{ " + known + " }}", "{{ correct horse battery }}", `{{ "rabbit hole" }}`, `{{ .x | default "` + known + `" }}`, `{{ coalesce .x "` + known + `" }}`, `{{ print "` + known + `" .x }}`, "{{ " + odd + " }}",
		"__" + known + "__", "((" + known + "))", "#{" + known + "}", "[[ ." + odd + " ]]",
	} {
		if tool := FilledBy(v); tool != "" {
			t.Errorf("%q passes for %s", v, tool)
		}
	}
}

// In a cluster only the tools that are there fill anything in.
func TestPlaceholdersInAClusterAreValues(t *testing.T) {
	s, err := ReadLiveSecret([]byte(`{"apiVersion":"v1","kind":"Secret","data":{"a":"` + base64Of("vault:secret/data/db#password") + `","b":"` + base64Of("${B}") + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keys, tools []string
		want        Kept
	}{
		{[]string{"a"}, nil, Plain}, {[]string{"a"}, []string{byBankVaults}, Reference}, {[]string{"a"}, []string{byOnePassword}, Plain},
		{[]string{"a", "b"}, []string{byBankVaults}, Plain}, {[]string{"a", "b"}, []string{byBankVaults, byVariables}, Reference}, {nil, nil, Reference},
	} {
		if got := s.Form(c.keys, c.tools); got != c.want {
			t.Errorf("%v by %v: %v, want %v", c.keys, c.tools, got, c.want)
		}
	}
}

func TestEveryFillerThatAPolicyMayNameIsKnown(t *testing.T) {
	for _, name := range Fillers() {
		if len(FillerStarts([]string{name})) == 0 {
			t.Errorf("%s has no start", name)
		}
	}
}
