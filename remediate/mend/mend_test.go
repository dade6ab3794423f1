package mend

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const gone = "***REMOVED***"

// A line that is not the whole of a string, or may be within something longer, keeps its placeholder.
func TestWhatCannotBeSaidStays(t *testing.T) {
	for name, text := range map[string]string{
		"a.py":                      "import os\nx = f\"P\"\n",
		"bytes.py":                  "import os\nx = b\"P\"\n",
		"compare.py":                "import os\nif x == \"P\":\n",
		"joined.py":                 "import os\nx = (\n    y=\"P\"\n    \"more\")\n",
		"doc.py":                    "import os\n'''\nx = \"P\"\n'''\n",
		"alias.py":                  "import os as system\nx = \"P\"\n",
		"other.go":                  "package a\n\nvar x = \"P\"\n",
		"typed.go":                  "package a\n\nimport \"os\"\n\nvar x key = \"P\"\n\nvar y = os.Args\n",
		"shadow.go":                 "package a\n\nimport \"os\"\n\nfunc f(os string) string { x := \"P\"; return x }\n",
		"broken.go":                 "package a\n\nimport \"os\"\n\nvar x = \"P\"\n}\n",
		"bundle.js":                 "const $ = require('jquery');\nconst key = 'P';\nmodule.exports = key;\n",
		"loader.js":                 "require(['fs', 'app'], function (fs) {\nvar key = 'P';\n});\n",
		"defined.js":                "define(['a'], function () {\nvar fs = require('fs');\nvar key = 'P';\n});\n",
		"page.js":                   "const fs = require('fs');\nconst key = 'P';\ndocument.title = key;\n",
		"app.ts":                    "import React from 'react';\nconst api = process.env.REACT_APP_API;\nconst key = 'P';\n",
		"comment.js":                "require('fs')\n/*\nconst x = 'P'\n*/\n",
		"heredoc.sh":                "cat <<EOF\nX=P\nEOF\n",
		"heredoc.rb":                "a = <<~TEXT\n  x = \"P\"\nTEXT\n",
		"late.py":                   "KEY = \"P\"\nimport os\n",
		"folder.py":                 "import os\npwd = \"P\"\nuser = \"P\"\n",
		"folder.sh":                 "pwd=P\nHOME='P'\n",
		"inner.sh":                  "# don't\npython3 -c '\nX=\"P\"\n'\n",
		"remote.sh":                 "ssh host \"\nX=P\nrun\"\n",
		"a.properties":              "x=P\n",
		"notes.txt":                 "x = \"P\"\n",
		".github/workflows/a.yml":   "jobs:\n  a:\n    steps:\n      - run: \"P\"\n",
		".github/workflows/b.yml":   "env:\n  GITHUB_TOKEN: \"P\"\n",
		".github/workflows/c.yml":   "jobs:\n  a:\n    uses: x/y/.github/workflows/z.yml@v1\n    with:\n      token: \"P\"\n",
		".github/workflows/d.yml":   "jobs:\n  a:\n    strategy:\n      matrix:\n        include:\n          - env: {TOKEN: \"P\"}\n",
		".github/workflows/e.yml":   "on:\n  workflow_call:\n    inputs:\n      env:\n        default: \"P\"\n",
		"action.yml":                "runs:\n  env:\n    X: \"P\"\n",
		"compose.yml":               "services:\n  a:\n    labels:\n      x: \"P\"\n",
		"broken/docker-compose.yml": "environment:\n  X: P\n ]\n",
	} {
		text = strings.ReplaceAll(text, "P", gone)
		if out, names := File(name, []byte(text), gone, nil); string(out) != text || len(names) > 0 {
			t.Errorf("%s becomes %q, %v", name, out, names)
		}
	}
}

func TestWhatCanBeSaidIs(t *testing.T) {
	for name, c := range map[string]struct{ text, want, set string }{
		"a.rb":                    {"DB_PASS = 'P' # x\nh = {\n  apiKey: \"P\",\n  \"a-b\" => \"P\"\n}\n", "DB_PASS = ENV.fetch(\"DB_PASS\") # x\nh = {\n  apiKey: ENV.fetch(\"API_KEY\"),\n  \"a-b\" => ENV.fetch(\"A_B\")\n}\n", "API_KEY A_B DB_PASS"},
		"run":                     {"#!/usr/bin/env bash\r\nreadonly x=\"P\"\r\n", "#!/usr/bin/env bash\r\nreadonly x=\"${X:?}\"\r\n", "X"},
		"a.ts":                    {"import x from 'node:fs';\nexport const key: string = \"P\";\n", "import x from 'node:fs';\nexport const key: string = process.env.KEY!;\n", "KEY"},
		"typed.py":                {"import sys, os\nx: str = 'P'", "import sys, os\nx: str = os.environ[\"X\"]", "X"},
		".github/workflows/a.yml": {"jobs:\n  a:\n    steps:\n      - uses: x/y@v1\n        with: {token: P, n: 1}\n", "jobs:\n  a:\n    steps:\n      - uses: x/y@v1\n        with: {token: \"${{ secrets.TOKEN }}\", n: 1}\n", "TOKEN"},
		"quotes.sh":               {"# don't\necho 'it'\\''s' \"a 'b\" $#\nX='P'\n", "# don't\necho 'it'\\''s' \"a 'b\" $#\nX=\"${X:?}\"\n", "X"},
		"begins.yaml":             {"a: P-x'y # c\r\n", "a: 'P-x''y' # c\r\n", ""},
		"named.yaml":              {"a: &x P\nb: !!str P\nc: *x\n", "a: &x \"P\"\nb: !!str \"P\"\nc: *x\n", ""},
		"far.yaml":                {"größe: {ключ: P}\n\"é\": P # ü\n", "größe: {ключ: \"P\"}\n\"é\": \"P\" # ü\n", ""},
		"key.yaml":                {"P: 1", "\"P\": 1", ""},
		"two.yaml":                {"a: P\n---\nb: [P, 'P']\n", "a: \"P\"\n---\nb: [\"P\", 'P']\n", ""},
	} {
		in, want := "", c.want
		if in = strings.NewReplacer("\"P\"", "\""+gone+"\"", ": P", ": "+gone, "[P", "["+gone, "'P'", "'"+gone+"'", "&x P", "&x "+gone, "str P", "str "+gone, "P:", gone+":").Replace(c.text); strings.HasSuffix(name, ".yaml") {
			want = strings.ReplaceAll(want, "P", gone)
		}
		out, names := File(name, []byte(in), gone, nil)
		if string(out) != want || strings.Join(names, " ") != c.set {
			t.Errorf("%s becomes\n%s, not\n%s %v", name, out, want, names)
		}
		if strings.HasSuffix(name, "ml") {
			if err := yaml.Unmarshal(out, new(any)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if again, more := File(name, out, gone, nil); string(again) != string(out) || len(more) > 0 {
			t.Errorf("%s: again changes something", name)
		}
	}
}

func TestFilesThatAreSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		".env": true, "a/.env.production": true, "prod.env": true, "id_rsa": true, "id_ed25519.pub": false, "tls.key": true, "a/b.PEM": true, "our key (1).pem": true, ".env.production.local": true, ".env.local.example": false, "credentials.json": true,
		"service-account.json": true, ".env.example": false, ".env.sample": false, "example.env": false, "config.yaml": false, "environment": false, ".envrc": false, "package.json": false,
	} {
		if Whole(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestNamesOfVariables(t *testing.T) {
	for name, want := range map[string]string{"dbPassword": "DB_PASSWORD", "API_KEY": "API_KEY", "spring.a-b": "SPRING_A_B", "größe": "", "1x": "", "_x": "X", "pwd": "", "githubSha": "", "github_token": "GITHUB_TOKEN", "sshKey": "SSH_KEY", "SSH_AUTH_SOCK": ""} {
		if got := variable(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A variable that a build sets keeps its placeholder, and that is told; so is what no build is known to set.
func TestVariablesThatABuildSets(t *testing.T) {
	text := "package main\n\nimport \"os\"\n\nvar token, other = \"P\", \"P\"\n\nfunc main() {\n\ttoken := \"P\"\n\tos.Exit(len(token + other))\n}\n"
	text = strings.ReplaceAll(text, "P", gone)
	for name, c := range map[string]struct {
		build   string
		stay    int
		told    string
		another string
	}{
		"none":         {"go build ./...", 0, "a build that sets it by -X", "a build that sets it by -X"},
		"Makefile":     {"go build -ldflags \"-s -X main.token=$(TOKEN)\"", 1, "(-X in Makefile)", "a build that sets it by -X"},
		"module":       {"LDFLAGS += -X '$(PKG)/internal.token=x'", 1, "(-X in module)", "a build that sets it by -X"},
		"two":          {"-X=main.token=a -X main.other=b", 2, "(-X in two)", "(-X in two)"},
		"computed":     {"-X ${PKG}.${NAME}=x", 2, "(-X in computed)", "(-X in computed)"},
		"BUILD.bazel":  {"go_binary(\n  x_defs = {\"main.token\": \"{STABLE}\"},\n)", 1, "(-X in BUILD.bazel)", "a build that sets it by -X"},
		"goreleaser":   {"ldflags:\n  - -s -w -X main.token={{.Env.TOKEN}}", 1, "(-X in goreleaser)", "a build that sets it by -X"},
		"another's -X": {"curl -X POST https://a.example/main.token=x", 0, "a build that sets it by -X", "a build that sets it by -X"},
	} {
		s := Stamps{}
		s.Read(name, []byte(c.build))
		out, names := File("main.go", []byte(text), gone, s)
		if stay := strings.Count(string(out), gone); stay != c.stay || len(names) != 3-c.stay {
			t.Errorf("%s: %d stay, %v\n%s", name, stay, names, out)
		}
		told := s.Told("main.go", []byte(text), gone)
		if len(told) != 2 {
			t.Errorf("%s: %q", name, told)
			continue
		}
		for _, line := range told {
			if is := strings.Contains(line, " token "); is && !strings.Contains(line, c.told) || !is && !strings.Contains(line, c.another) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// A file that is named after a service account goes when it lost the key of one.
func TestKeysOfServiceAccounts(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       bool
	}{
		"its key":        {"my-service-account.json", `{"type": "service_account", "private_key": "P"}`, true},
		"another value":  {"my-service-account.json", `{"type": "service_account", "private_key": "x", "note": "P"}`, false},
		"of the cluster": {"k8s/service_account.json", `{"kind": "ServiceAccount", "metadata": {"annotations": {"a": "P"}}}`, false},
		"broken":         {"service-account.json", `{"private_key": "P"`, false},
		"by its name":    {"tls.key", "P", true},
		"an example":     {"service-account.example.json", `{"private_key": "P"}`, false},
	} {
		if got := Gone(c.file, []byte(strings.ReplaceAll(c.text, "P", "value")), []byte(strings.ReplaceAll(c.text, "P", gone))); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
