package manifest

import (
	"strconv"
	"testing"
)

// inTemplate judges one value of an ExternalSecret's template.
func inTemplate(t *testing.T, c Checker, key, value string) []Fault {
	t.Helper()
	return judged(t, c, "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec:\n  target:\n    template:\n      data:\n        "+
		strconv.Quote(key)+": "+strconv.Quote(value)+"\n")
}

// Settings, whole files and what comes from the source, as public repositories
// have them in their templates.
func TestOrdinaryTemplatesAreNoCredentials(t *testing.T) {
	for _, c := range [][2]string{
		{"username", "admin"}, {"type", "git"}, {"url", "https://github.com/example/apps"}, {"enableOCI", "true"}, {"project", "default"},
		{"POSTGRES_HOST", "postgres-17-rw.database.svc.cluster.local"}, {"POSTGRES_PORT", "5432"}, {"INIT_POSTGRES_DBNAME", "radarr_main radarr_log"},
		{"DB_DRIVER", "pdo_pgsql"}, {"AWS_REGION", "eu-central-1"}, {"REDIS_URL", "redis://dragonfly.database.svc.cluster.local:6379/7"},
		{"SENDER", "Authentik <auth@example.com>"}, {"TRUSTED", "10.244.0.0/16"}, {"TTL", "30m"}, {"CAMERA_USER", "viewer"}, {"OIDC_ROLE", "MoviNet"},
		{"LDAP_BASE", "ou=people,dc=example,dc=dev"}, {"LDAP_FILTER", "(&(&(objectclass=person)(memberOf=cn=users,ou=groups,dc=example,dc=dev))(uid=%(user)s))"},
		{"SCOPE", "openid profile email offline_access"}, {"APPS", "allauth.socialaccount.providers.openid_connect"}, {"S3_BUCKET", "loki2"}, {"CURRENCY", "PLN"},
		{"AUTH", "oauth2"}, {"METHOD", "scram-sha-256"}, {"GITHUB_USER", "b2N0b2NhdA=="}, {"CSP_FILE", "/etc/opencloud/csp.yaml"}, {"DISK", "20Gi"},
		{"DATABASE_URL", "postgresql://{{ .user }}:{{ .pass }}@postgres-16-rw.database.svc:5432/partdb?serverVersion=16.3&charset=utf8"},
		{"AUTHORIZATION", "Bearer {{ .token }}"}, {"auth", "{{ .user }}:{{ .pass }}"}, {"RESTIC_REPOSITORY", "{{ .REPOSITORY }}/ut99"},
		{"DRIVER_URL", "ws://localhost:3000/?token={{ .TOKEN }}"}, {"password", "{{ .password }}"}, {"password", `{{ index . "db-password1" }}`},
		{"password", `{{ .password | replace "\n" "" }}`}, {"token", `{{ dict "a" .ACCOUNT "t" .TUNNEL "s" .SECRET | toJson | b64enc }}`},
		{"port", `{{ .port | default "5432" }}`}, {"password", "{{ randAlphaNum 24 }}"}, {"tls.crt", `{{ .pem | filterPEM "CERTIFICATE" }}`},
		{"tls.key", `{{ .p12 | pkcs12key }}`}, {"since", `{{ now | date "2006-01-02T15:04:05Z07:00" }}`}, {"user", `{{ "admin" }}`},
		{"password", "{{ if .password }}{{ .password }}{{ else }}{{ .fallback }}{{ end }}"}, {"password", `{{ with .db }}{{ .password }}{{ end }}`},
		{"password", "{{ $p := .password }}{{ $p | quote }}"}, {"users", `{{ range $k, $v := . }}{{ $k }}={{ $v }};{{ end }}`},
		{"password", `{{ "{{ .password }}" }}`}, {"alertmanager.yaml", "route:\n  receiver: pushover\nreceivers:\n- name: pushover\n  pushover_configs:\n  - token: \"{{ .TOKEN }}\"\n    message: |-\n      {{ \"{{ range .Alerts }}\" }}x{{ \"{{ end }}\" }}\n"},
		{"config.yaml", "server:\n  host: db1.example.com\n  password: \"{{ .password }}\"\n  secretName: db-credentials\n  token: ${TOKEN}\n"},
		{"my.cnf", "[client]\nuser = app\npassword = {{ .password }}\nhost = mysql-8.db.svc\n"},
		{"image", "ghcr.io/example/app:v1.2.3@sha256:" + "deadbeef"}, {"contact", "mailto:ada@example.com"}, {"dsn", "{{ .user }}:{{ .password }}@tcp(mysql-8.db.svc:3306)/app?charset=utf8mb4"},
		{"day", `{{ now | date "Mon, 02 Jan 2006 15:04:05 MST" }}`}, {"id", `{{ trimPrefix "sk-" .id }}`}, {"list", `{{ splitList "," .hosts | first }}`},
		{"SERVERS", `{"openid":[{"client_id":"{{ .id }}","secret":"{{ .secret }}","auth_method":"client_secret_basic"}]}`},
	} {
		for _, f := range inTemplate(t, Checker{}, c[0], c[1]) {
			t.Errorf("%s: %q: %s %s", c[0], c[1], f.Rule, f.Reason)
		}
	}
}

// The same places with a literal that somebody would log in with.
func TestCredentialsInTemplatesAreFoundUnderAnyName(t *testing.T) {
	const word, leetWord, phrase = "hunter2", "Sup3rS3cret", "q7!rabbit"
	for _, c := range [][2]string{
		{"note", word}, {"db_", leetWord}, {"x", phrase}, {"config", "p@ssw0rd"}, {"value", "Summer2024"}, {"a", "correct-h0rse-battery"}, {"password", "rabbit"},
		{"note", `{{ "` + word + `" }}`}, {"note", "{{ `" + word + "` }}"}, {"note", `{{ print "` + word + `" }}`}, {"note", `{{ printf "%s" "` + word + `" }}`},
		{"note", `{{ "aHVudGVyMg==" | b64dec }}`}, {"note", `{{ "2retnuh" | reverse }}`}, {"note", `{{ printf "%c%c%c" 104 117 110 }}`}, {"note", `{{ list "hun" "ter2" | join "" }}`},
		{"note", word + `{{ "" }}`}, {"note", word + "{{ .x }}"}, {"note", "{{ .x }}" + word}, {"note", "hun{{ .x }}ter2"}, {"note", word + "{{/* */}}"},
		{"note", "{{ if false }}{{ .x }}{{ end }}" + word}, {"note", "{{ if .x }}{{ .x }}{{ else }}" + word + "{{ end }}"}, {"note", `{{ .x | default "` + word + `" }}`},
		{"note", `{{ coalesce .x "` + word + `" }}`}, {"note", `{{ ternary "` + word + `" "" (eq .x "") }}`}, {"note", `{{ $x := "` + word + `" }}{{ $x }}`},
		{"note", `{{ with "` + word + `" }}{{ . }}{{ end }}`}, {"note", `{{ range list "` + word + `" }}{{ . }}{{ end }}`}, {"note", `{{ define "p" }}` + word + `{{ end }}{{ template "p" }}`},
		{"note", `{{ define "p" }}{{ . }}{{ end }}{{ template "p" "` + word + `" }}`}, {"note", `{{ .x | replace "a" "` + word + `" }}`}, {"note", `{{ printf "%s" (print "` + word + `") }}`},
		{"note", `{{ dig "a" "b" "` + word + `" . }}`}, {"note", `{{ "{{ .x }}` + word + `" }}`}, {"note", `{{ ` + word + ` }}`},
		{"url", "postgres://admin:" + word + "@{{ .host }}"}, {"url", "postgres://{{ .user }}:" + word + "@db"}, {"url", "postgres://{{ .user }}:rabbit@db/{{ .x }}"},
		{"dsn", "Server={{ .host }};User=sa;Password=" + word}, {"dsn", "host={{ .host }} password=" + leetWord}, {"password", "{{ .x }}rabbit"}, {"password", `{{ .x | default "rabbit" }}`},
		{"config.yaml", "host: {{ .host }}\npassword: " + word + "\n"}, {"config.yaml", "url: amqp://app:" + word + "@{{ .host }}\nuser: a\n"}, {"config.yaml", word + "\n# nothing else\n"},
		{"note", "aHVudGVyMg=="}, {"dsn", "admin:" + word + "@tcp({{ .host }})/app"}, {"dsn", "{{ .user }}:rabbit@tcp(db:3306)/app"}, {"note", "admin:rabbit@db"},
		{"cfg", `{"user":"{{ .user }}","note":"` + word + `"}`}, {"note", `{{ .x | default (print "hun" "ter2") }}`}, {"note", `{{ $a := "hun" }}{{ $b := "ter2" }}{{ $a }}{{ $b }}{{ .x }}`},
		{"note", `{{ print .x (b64dec "aHVudGVyMg==") }}`}, {"note", `{{ print .x (printf "%c%c%c%c" 104 117 110 116) }}`}, {"note", `{{ printf "%s%c%c" .x 104 117 }}`},
		{"note", `{{ index (list "` + word + `") 0 }}`}, {"note", `{{ get (dict "a" "` + word + `") "a" }}`}, {"note", `{{ trimSuffix "" "` + word + `" }}`}, {"note", `{{ trimPrefix "x" "x` + word + `" }}`},
		{"note", `{{ now | date "P4ssw0rd!" }}`}, {"note", `{{ splitList "," "` + word + `,x" | first }}`}, {"note", "{{ randAlphaNum 0 }}" + word}, {"cfg", "{{ .x }}\n" + word + "\n"},
		{"cfg", "users:\n- " + word + "\n- {{ .x }}\n"}, {"note", `{{ tpl "` + word + `" . }}`}, {"note", `{{ if $x := "` + word + `" }}{{ $x }}{{ end }}`},
		{"cfg", "a\n" + word + "\n{{ if false }}{{ .x }}{{ end }}"},
	} {
		if len(inTemplate(t, Checker{}, c[0], c[1])) == 0 {
			t.Errorf("%s: %q passes", c[0], c[1])
		}
	}
}
