package manifest

import (
	"runtime"
	"strconv"
	"strings"
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
		{"MONGO_URL", "mongodb+srv://{{ .u }}:{{ .p }}@cluster0.ab1cd.mongodb.net/?retryWrites=true&w=majority&appName=Cluster0"}, {"oidc", `{"client_id":"abc1def","client_secret":"{{ .x }}"}`},
		{"cfg", `{"port":5432,"user":"app","password":"{{ .x }}"}`}, {"greeting", "Log in as {{ .user }} on server 12"}, {"day", `{{ now | date "Mon, 02 Jan 2006 15:04:05 MST" }}`}, {"id", `{{ trimPrefix "sk-" .id }}`}, {"list", `{{ splitList "," .hosts | first }}`},
		{"url", "git@github.com:example/apps2.git"}, {"server", "https://10.0.0.1:6443"}, {"name", "prod-eu1"}, {"config", `{"bearerToken":"{{ .token }}","tlsClientConfig":{"insecure":false,"caData":"{{ .ca }}"}}`},
		{".dockerconfigjson", `{"auths":{"ghcr.io":{"username":"{{ .u }}","password":"{{ .p }}","auth":"{{ printf "%s:%s" .u .p | b64enc }}"}}}`},
		{"wg0.conf", "[Interface]\nPrivateKey = {{ .key }}\nAddress = 10.8.0.2/24\n[Peer]\nPublicKey = " + base64Of(letters(32)) + "\nEndpoint = vpn1.example.com:51820\nAllowedIPs = 0.0.0.0/0\n"},
		{"cloud", "[default]\naws_access_key_id={{ .id }}\naws_secret_access_key={{ .key }}\nregion = eu-central-1\n"},
		{"rclone.conf", "[s3]\ntype = s3\nprovider = Minio\nendpoint = https://s3.example.com\nsecret_access_key = {{ .key }}\nacl = private\n"},
		{"ZONE_ID", strings.Repeat("0a1b2c3d", 4)}, {"tenant_id", "72f988bf-86f1-41af-91ab-2d7cd011db47"}, {"GOOGLE_CLIENT_ID", "1234567890-ab1cd2ef3gh4ij5kl6.apps.example.com"},
		{"JAVA_OPTS", "-Xms256m -Xmx512m -XX:+UseG1GC -Dfile.encoding=UTF-8"}, {"cron", "0 3 * * *"}, {"TZ", "Europe/Berlin"}, {"LANG", "en_US.UTF-8"}, {"image", "redis:7.2-alpine3.19"}, {"version", "v1.29.0+k3s1"},
		{"curve", "prime256v1"}, {"color", "#1e90ff"}, {"mac", "00:1A:2B:3C:4D:5E"}, {"alg", "RS256"}, {"LOG_FORMAT", "%h %l %u %t"}, {"OPTS", "--log-level=debug --feature-gates=a1"}, {"text", "Ask the team for access."},
		{"grafana.ini", "[auth.generic_oauth]\nenabled = true\nclient_id = grafana\nclient_secret = {{ .secret }}\nscopes = openid profile\nrole_attribute_path = contains(groups[*], 'admins') && 'Admin' || 'Viewer'\n"},
		{"users.yml", "users:\n  admin:\n    password: {{ .hash }}\n    groups:\n      - admins\n      - dev\n"}, {"script.sh", "#!/bin/sh\nset -e\nif true; then\n  echo {{ .x }}\nfi\n"},
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
		{"note", "my " + word + " {{ .x }}"}, {"note", "{{ .x }} is " + leetWord + " now"}, {"password", "{{ .x }}correct-horse-battery"}, {"password", "{{ .x }} open the door"},
		{"note", "aHVudGVyMg=="}, {"dsn", "admin:" + word + "@tcp({{ .host }})/app"}, {"dsn", "{{ .user }}:rabbit@tcp(db:3306)/app"}, {"note", "admin:rabbit@db"},
		{"cfg", `{"user":"{{ .user }}","note":"` + word + `"}`}, {"note", `{{ .x | default (print "hun" "ter2") }}`}, {"note", `{{ $a := "hun" }}{{ $b := "ter2" }}{{ $a }}{{ $b }}{{ .x }}`},
		{"note", `{{ print .x (b64dec "aHVudGVyMg==") }}`}, {"note", `{{ print .x (printf "%c%c%c%c" 104 117 110 116) }}`}, {"note", `{{ printf "%s%c%c" .x 104 117 }}`},
		{"note", `{{ index (list "` + word + `") 0 }}`}, {"note", `{{ get (dict "a" "` + word + `") "a" }}`}, {"note", `{{ trimSuffix "" "` + word + `" }}`}, {"note", `{{ trimPrefix "x" "x` + word + `" }}`},
		{"note", `{{ now | date "P4ssw0rd!" }}`}, {"note", `{{ splitList "," "` + word + `,x" | first }}`}, {"note", "{{ randAlphaNum 0 }}" + word}, {"cfg", "{{ .x }}\n" + word + "\n"}, {"password", "rabbit\nrabbit"},
		{"cfg", "users:\n- " + word + "\n- {{ .x }}\n"}, {"note", `{{ tpl "` + word + `" . }}`}, {"note", `{{ if $x := "` + word + `" }}{{ $x }}{{ end }}`},
		{"cfg", "a\n" + word + "\n{{ if false }}{{ .x }}{{ end }}"},
	} {
		if len(inTemplate(t, Checker{}, c[0], c[1])) == 0 {
			t.Errorf("%s: %q passes", c[0], c[1])
		}
	}
}

// Templates that are made to be slow are read in bounded time, and none passes for it.
func TestHostileTemplatesAreReadWithinBounds(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": "hunter2{{ " + strings.Repeat("(", 50_000) + ".x" + strings.Repeat(")", 50_000) + " }}",
		"nested":   "{{ print " + strings.Repeat(`"abc" (print `, 1000) + `"hunter2"` + strings.Repeat(")", 1000) + "}}",
		"branches": strings.Repeat("{{if .x}}", 5000) + "hunter2" + strings.Repeat("{{end}}", 5000),
		"actions":  strings.Repeat("{{ .x }", 20_000) + " hunter2",
		"texts":    "{{ print " + strings.Repeat(`"abc" `, 20_000) + `"hunter2" }}`,
	} {
		if len(inTemplate(t, Checker{}, "note", text)) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}

// A long text in many brackets is not copied once for each of them.
func TestNestedTextsAreNotCopiedForEachBracket(t *testing.T) {
	const deep, long = 2000, 200_000
	text := "{{ " + strings.Repeat(`(print "a" `, deep) + `"` + strings.Repeat("x", long) + `"` + strings.Repeat(")", deep) + " }}"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read := readTemplate(text)
	runtime.ReadMemStats(&after)
	if read.broken || len(read.texts) < deep {
		t.Fatalf("it is not read: %d texts", len(read.texts))
	}
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(deep*long/10); got > most {
		t.Errorf("%d bytes for a template of %d, want at most %d", got, len(text), most)
	}
}

// What goes before a credential does not hide it, however much it is.
func TestNothingHidesBehindMuchText(t *testing.T) {
	for name, text := range map[string]string{
		"long comment": "a: {{ .x }}\n" + strings.Repeat("# a comment that says nothing\n", 10_000) + "db_password: hunter2Zq8v\n",
		"many pairs":   "a: {{ .x }}\n" + strings.Repeat("colour: green\n", 1500) + "db_password: hunter2Zq8v\n",
		"many users":   "{{ .x }} " + strings.Repeat("http://app:{{ .x }}@db/ ", 150) + "http://app:hunter2Zq8v@db/",
		"many logins":  "{{ .x }}\n" + strings.Repeat("app:{{ .x }}@db\n", 150) + "app:hunter2Zq8v@db\n",
	} {
		if len(inTemplate(t, Checker{}, "config", text)) == 0 {
			t.Errorf("%s: the credential behind passes", name)
		}
	}
}

// A template that makes keys and values is read as the YAML that it makes, in
// whatever style that is.
func TestTemplatesOfKeysAreReadAsYAML(t *testing.T) {
	strict := Checker{Formats: Formats{Templates: TemplateFormat{Strict: true, Allowed: []string{"user=app", "url=*"}}}}
	judge := func(c Checker, literal string) []Fault {
		return judged(t, c, "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec:\n  target:\n    template:\n      templateFrom:\n      - literal: "+
			strconv.Quote(literal)+"\n")
	}
	for _, literal := range []string{
		"x: '{{ .x }}'\npassword: |\n  rabbit\n", "x: '{{ .x }}'\npassword: >-\n  rabbit\n", "x: '{{ .x }}'\npassword:\n  rabbit\n",
		"x: '{{ .x }}'\n? password\n: rabbit\n", "{x: '{{ .x }}', password: rabbit}", "x: '{{ .x }}'\n\"pass\\u0077ord\": rabbit\n",
		"{{ range .list }}\nx: '{{ . }}'\n{{ end }}\npassword: |\n  rabbit\n",
		"x: '{{ .x }}'\n" + strings.Repeat("colour: {{ .green }}\n", 20_000),
	} {
		for name, c := range map[string]Checker{"default": {}, "strict": strict} {
			if found := judge(c, literal); len(found) == 0 || !found[0].Deny {
				t.Errorf("%s: %q passes: %v", name, literal, found)
			}
		}
	}
	for _, literal := range []string{
		"x: '{{ .x }}'\nuser: |-\n  app\n", "{x: '{{ .x }}', user: app}", "{{ .all | toYaml }}", "{{ range $k, $v := . }}\n{{ $k }}: {{ $v | quote }}\n{{ end }}",
		"url: http://{{ .host }}/\npassword: {{ .password | quote }}\n", "x: |\n  {{ .x }}\nuser: app\n", "file: |\n  [client]\n  password={{ .password }}\n",
	} {
		for name, c := range map[string]Checker{"default": {}, "strict": strict} {
			if found := judge(c, literal); len(found) != 0 {
				t.Errorf("%s: %q is refused: %v", name, literal, found[0].Reason)
			}
		}
	}
}

// A kind that a template makes may be that of a Secret.
func TestAKindThatATemplateMakesMayBeSecret(t *testing.T) {
	const rest = "\napiVersion: v1\nmetadata: {name: a}\nstringData: {password: hunter2Zq8v}\n"
	for kind, want := range map[string]int{
		`{{ "Secret" }}`: 1, `{{ ternary "Secret" "ConfigMap" .Values.secret }}`: 1, `{{ if .Values.secret }}Secret{{ else }}ConfigMap{{ end }}`: 1,
		`{{ print "Secret" }}`: 1, "Secret": 1, `{{ "SecretStore" }}`: 0,
	} {
		docs, err := Parse("a.yaml", []byte("kind: "+kind+rest))
		if got := PlainSecrets(docs); err != nil || len(got) != want {
			t.Errorf("%s: %d values, want %d; %v", kind, len(got), want, err)
		}
	}
}
