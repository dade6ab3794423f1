// Package mend says in a file where a value comes from, in place of a placeholder
// that took the value out: a variable of the environment, or a secret of the workflow.
// It does so only where the language and the kind of the file let it be said exactly;
// everywhere else the placeholder stays. It knows no value, and no git.
package mend

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// mender puts references into one kind of file, in place of token, a word that is
// nowhere else in it.
type mender struct {
	is   func(path string, text []byte) bool
	mend func(text []byte, token string) (out []byte, names []string)
}

// menders are asked in this order, those of Go before.
var menders = []mender{
	{isWorkflow, mendWorkflow},
	{isCompose, mendCompose},
	{named(`\.ya?ml$`), mendYAML},
	{named(`\.py$`), mendPython},
	{named(`\.rb$`), mendRuby},
	{isNode, mendNode},
	{isTypes, mendTypes},
	{isShell, mendShell},
	{named(`(^|/)application(-[\w-]+)?\.properties$`), mendSpring},
}

func named(pattern string) func(string, []byte) bool {
	p := regexp.MustCompile(pattern)
	return func(path string, _ []byte) bool { return p.MatchString(path) }
}

// maxFile is the largest file that is mended, in bytes.
const maxFile = 1 << 20

// File puts references in place of the placeholders of a file, as far as that can be said
// exactly, and gives the name that each needs to be set where it runs. The text comes back as
// it was when nothing can be said.
func File(file string, text []byte, placeholder string, builds Stamps) (out []byte, names []string) {
	return put(file, text, placeholder, append([]mender{{named(`\.go$`), builds.mend}}, menders...))
}

// Plain puts no references, but keeps a file one of its kind.
func Plain(file string, text []byte, placeholder string) []byte {
	out, _ := put(file, text, placeholder, []mender{{named(`\.ya?ml$`), mendYAML}})
	return out
}

func put(file string, text []byte, placeholder string, menders []mender) (out []byte, names []string) {
	token := "LEAKGATEPLACEHOLDER"
	if len(text) > maxFile || bytes.IndexByte(text, 0) >= 0 || bytes.Contains(text, []byte(token)) || !bytes.Contains(text, []byte(placeholder)) {
		return text, nil
	}
	masked := bytes.ReplaceAll(text, []byte(placeholder), []byte(token)) // asterisks mean something in YAML
	for _, m := range menders {
		if !m.is(file, text) {
			continue
		}
		out, names = m.mend(masked, token)
		slices.Sort(names)
		return bytes.ReplaceAll(out, []byte(token), []byte(placeholder)), names
	}
	return text, nil
}

// taken are variables that mean something already, so that a program would go on with that:
// of a shell (https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html), of
// Bash, of Windows, and of what runs a program.
var taken = regexp.MustCompile(`^(PWD|OLDPWD|CDPATH|PATH|HOME|USER|USERNAME|USERPROFILE|USERDOMAIN|LOGNAME|SHELL|SHLVL|TERM|LANG|LANGUAGE|HOST|HOSTNAME|PORT|MAIL|EDITOR|VISUAL|PAGER|DISPLAY|TZ|` +
	`TMP|TEMP|TMPDIR|OS|COMPUTERNAME|IFS|UID|EUID|PPID|GROUPS|RANDOM|SECONDS|LINENO|OPTARG|OPTIND|REPLY|ENV|FUNCNAME|MACHTYPE|OSTYPE|HOSTTYPE|COLUMNS|LINES|PS[0-4]|CI|` +
	`(LC|BASH|XDG)_.*|SSH_(AUTH_SOCK|AGENT_PID|CLIENT|CONNECTION|TTY|ASKPASS)|SUDO_(USER|UID|GID|COMMAND)|DOCKER_(HOST|CONFIG|CONTEXT|CERT_PATH)|COMPOSE_(FILE|PROJECT_NAME|PROFILES)|` +
	`GITHUB_(ACTIONS?|ACTOR|API_URL|ENV|EVENT_NAME|EVENT_PATH|JOB|OUTPUT|PATH|REF|REF_NAME|REPOSITORY|RUN_ID|SERVER_URL|SHA|WORKFLOW|WORKSPACE)|` +
	`RUNNER_(OS|ARCH|NAME|TEMP)|ACTIONS_(RUNTIME|CACHE|ID_TOKEN)_.*)$`)

// variable is the name of an environment variable for what a program calls otherwise; ""
// if it has no such name, or if that is one that is there anyway.
func variable(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch lower := i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z'; {
		case r >= 'A' && r <= 'Z' && lower:
			out.WriteByte('_')
			out.WriteRune(r)
		case r == '-' || r == '.' || r == '_':
			out.WriteByte('_')
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			out.WriteString(strings.ToUpper(string(r)))
		default:
			return ""
		}
	}
	if v := strings.Trim(out.String(), "_"); v != "" && (v[0] < '0' || v[0] > '9') && !taken.MatchString(v) {
		return v
	}
	return ""
}

// whole are files that hold nothing but what must not be in a repository.
var whole = regexp.MustCompile(`(?i)^(\.env(\.[\w-]+)*|.+\.env|id_(rsa|dsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|jks|keystore|ppk)|credentials\.json|[\w-]*service[_-]?account[\w-]*\.json|\.netrc|\.pypirc|\.pgpass)$`)

// pattern are files that show others what to write, and hold no secret.
var pattern = regexp.MustCompile(`(?i)(^|[._-])(example|sample|template|dist|defaults?|tmpl|test)(\.|$)`)

// Whole reports whether a file is by its name nothing but a secret, or settings of one
// machine, so that it does not belong into a repository at all: .env, id_rsa, *.pem and the like.
func Whole(file string) bool {
	name := path.Base(file)
	return whole.MatchString(name) && !pattern.MatchString(name)
}

// account are files that are named after what they may be the key of, or may describe.
var account = regexp.MustCompile(`(?i)service[_-]?account[\w-]*\.json$`)

// Gone reports whether a file that lost a value is nothing but a secret now: one by its name, and
// of a service account only what lost its key.
func Gone(file string, before, after []byte) bool {
	if !Whole(file) || !account.MatchString(path.Base(file)) {
		return Whole(file)
	}
	var was, now struct {
		Key string `json:"private_key"` // https://cloud.google.com/iam/docs/keys-create-delete
	}
	return json.Unmarshal(before, &was) == nil && json.Unmarshal(after, &now) == nil && was.Key != now.Key
}
