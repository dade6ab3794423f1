package manifest

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Names of what fills placeholders in, as a policy may name them.
const (
	byArgoVault   = "argocd-vault-plugin"
	byVals        = "vals"
	byOnePassword = "1password"
	byBankVaults  = "bank-vaults"
	byEyaml       = "eyaml"
	byVariables   = "variables"
	byTemplates   = "templates"
	byTokens      = "tokens"
	byFluxBuild   = "flux-build"
)

// A filler is a tool that fills placeholders in, and what one looks like that is
// a whole value.
type filler struct {
	name   string
	starts []string // how every one of them starts
	whole  func(value string) bool
}

func matching(expression string) func(string) bool {
	return regexp.MustCompile(`\A(?:` + expression + `)\z`).MatchString
}

// fillers are the tools. A new one is a line with the source of its grammar.
var fillers = []filler{
	// https://argocd-vault-plugin.readthedocs.io/en/stable/howitworks/
	{byArgoVault, []string{"<path:"}, matching(`<path:[\w./{}$ -]+#[\w./{}$ -]+(?:#[\w.-]+)?(?: *\| *[A-Za-z0-9]+(?: [^<>|]{1,80})?)*>`)},
	// https://developer.1password.com/docs/cli/secret-reference-syntax/
	{byOnePassword, []string{"op://"}, matching(`op://[\w.${} -]+/[\w.${} -]+(?:/[\w.${} -]+){1,2}(?:\?(?:attribute|attr|ssh-format)=[a-z-]+)?`)},
	// https://bank-vaults.dev/docs/mutating-webhook/configuration/
	{byBankVaults, []string{"vault:", ">>vault:"}, matching(`(?:>>)?vault:[\w.-]+(?:/[\w.${} -]+)+#[\w./${} -]+(?:#(?:[0-9]+|\{.{0,200}\}))?`)},
	{byVals, []string{"ref+", "secretref+"}, valsRef},
	// https://github.com/voxpupuli/hiera-eyaml and its plugins for GPG and KMS
	{byEyaml, []string{"ENC["}, matching(`ENC\[(?:PKCS7,MII|GPG,h[QIF]|KMS,AQIC)[A-Za-z0-9+/=\s]{64,}\]`)},
	// Flux, envsubst and OpenShift, see inlinePlaceholder.
	{byVariables, []string{"${", "$("}, func(string) bool { return false }},
	{byTemplates, []string{"{{"}, func(string) bool { return false }},
	{byTokens, []string{"<", "%", "@"}, func(v string) bool { return upperToken.MatchString(v) || toldToReplace(v) }},
	// https://fluxcd.io/flux/cmd/flux_build_kustomization/
	{byFluxBuild, []string{"**SOPS**"}, matching(`\*\*SOPS\*\*`)},
}

// fillerOf is the tool that a whole value is for.
func fillerOf(value string) string {
	for _, f := range fillers {
		if slices.ContainsFunc(f.starts, func(start string) bool { return strings.HasPrefix(value, start) }) && f.whole(value) {
			return f.name
		}
	}
	return ""
}

// Fillers are the names of the tools that a policy may say fill placeholders in
// while they are in a cluster.
func Fillers() []string {
	return []string{byOnePassword, byArgoVault, byBankVaults, byTemplates, byVals, byVariables}
}

// FillerStarts are how placeholders of the named tools start in a live Secret, so
// that a policy in CEL, which cannot decode base64, can tell them by the first
// characters.
func FillerStarts(names []string) (starts []string) {
	for _, f := range fillers {
		if slices.Contains(names, f.name) {
			starts = append(starts, f.starts...)
		}
	}
	return starts
}

// upperToken is %NAME% or @NAME@, as Maven, CMake and sed's scripts have it.
var upperToken = regexp.MustCompile(`\A(?:%[A-Z][A-Z0-9_]*%|@[A-Z][A-Z0-9_]*@)\z`)

// toldToReplace reports whether a text in angle brackets tells people what to put
// in its place, as in <your password>.
func toldToReplace(value string) bool {
	inner, open := strings.CutPrefix(value, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	if !open || !closed || !proseInBrackets.MatchString(inner) {
		return false
	}
	return secretName(inner) || slices.ContainsFunc(wordsOf(inner), func(w string) bool { return secretWords[w] || tellingWords[w] })
}

var (
	proseInBrackets = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_. /'-]*\z`)
	tellingWords    = nameSet(`your yours my the a an of for here from in replace replaced insert enter put place change changeme fill set add paste todo redacted removed omitted hidden masked
		base64 encoded value string key keys data name username user email id url uri host example placeholder required generated random certificate cert`)
)

// valsRef reports whether a value is a reference of byVals, whose backend keeps the
// value: those of ref+echo and ref+envsubst do not, but for a variable.
// https://github.com/helmfile/vals#expression-syntax
func valsRef(value string) bool {
	m := valsExpression.FindStringSubmatch(value)
	if m == nil {
		return false
	}
	switch backend, path := m[1], m[2]; backend {
	case "echo", "exec":
		return false
	case "envsubst":
		return variable.MatchString(path) || strings.HasPrefix(path, "${") && inlinePlaceholder.MatchString(path)
	case "awskms", "gkms":
		return kmsCiphertext(path)
	default:
		return valsBackends[backend] && !strings.Contains(path, "#")
	}
}

var valsExpression = regexp.MustCompile(`\A(?:secret)?ref\+([a-z0-9]+)://([^\s?#+]+(?:\+[^\s?#+]+)*)(?:\?[\w=&.:/@%+-]*)?(?:#[\w./{}$-]+)?\+?\z`)

var valsBackends = nameSet(`vault openbao awsssm awssecrets s3 awss3 gcs gcpsecrets googlesheets sops file tfstate tfstategs tfstates3 tfstateazurerm tfstateremote azurekeyvault gitlab
	op onepassword onepasswordconnect doppler pulumistateapi k8s conjur hcpvaultsecrets httpjson bw bitwarden keychain scaleway infisical yclockbox spruce credhub secretserver oci servercore`)

// kmsCiphertext reports whether a text is base64 of what a key management service
// encrypted: those have a header of their own, and nothing in them is readable.
func kmsCiphertext(text string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text))
	if err != nil || len(raw) < 64 || raw[0] != 0x01 && raw[0] != 0x0a {
		return false
	}
	readable := 0
	for _, c := range raw {
		if c < 0x80 && unicode.IsPrint(rune(c)) {
			readable++
		}
	}
	return readable*2 < len(raw)
}

// vaultPath is the annotation by which the Argo CD Vault Plugin knows where the
// keys of an object's placeholders are; without it <key> is a text.
// https://argocd-vault-plugin.readthedocs.io/en/stable/howitworks/#generic-placeholders
const vaultPath = "avp.kubernetes.io/path"

var vaultKey = regexp.MustCompile(`<[A-Za-z][\w. -]*(?: *\| *[A-Za-z0-9]+(?: [^<>|]{1,80})?)*>`)

// vaultKeys reports whether the plugin makes the value of a text, of one key or
// of several with separators.
func vaultKeys(text string) bool {
	return strings.Contains(text, "<") && !disguised(text) && Placeholder(vaultKey.ReplaceAllString(text, "$${KEY}"))
}
