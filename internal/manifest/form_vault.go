package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// judgeVault are the kinds of the Vault Secrets Operator and of the Secrets
// Store CSI driver.
func judgeVault(j *judge, root view) {
	spec := root.get("spec")
	switch j.object.kind {
	case "VaultConnection":
		j.skipTLS(spec.get("skipTLSVerify"))
		j.headers(spec.get("headers"))
		j.login(spec.get("address"))
	case "VaultAuth", "VaultAuthGlobal":
		j.vaultAuth(spec)
	case "HCPAuth":
		j.inline(spec)
	case "VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret", "HCPVaultSecretsApp", "CSISecrets":
		j.destination(spec.get("destination"))
		j.inline(spec.get("params"))
		j.renewal(spec.get("renewalPercent"))
		j.ttl(spec.get("ttl"))
		j.root(spec.get("role"))
	case "SecretTransformation":
		j.transformation(spec)
	case "SecretProviderClass":
		j.providerClass(spec)
	}
}

const vaultFix = "write the value into Vault, and refer to it: {{ get .Secrets \"NAME\" }}"

func (j *judge) skipTLS(v view) {
	if v.is("true") && !j.Formats.Vault.SkipTLSVerify {
		j.at(v, RuleVaultTLS, "the server is not verified, so anybody on the way may take the token", "give the CA in caCertSecretRef and remove "+v.name())
	}
}

// headers reports tokens in headers or parameters of requests to Vault.
func (j *judge) headers(v view) {
	for name, value := range v.pairs() {
		if credentialHeader(name) && literal(bare(value.text())) {
			j.value(value, RuleInline, short(name)+" is spelled out", "log in by a role (kubernetes, jwt, appRole with secretRef)")
		}
	}
}

func (j *judge) vaultAuth(spec view) {
	j.headers(spec.get("headers"))
	j.headers(spec.get("params"))
	for v := range spec.get("allowedNamespaces").items() {
		if v.text() == "*" {
			j.at(v, RuleVaultWide, "every namespace may log in by this role", "allowedNamespaces: [NAME]")
		}
	}
	for _, method := range []string{"kubernetes", "jwt", "appRole", "aws", "gcp"} {
		auth := spec.get(method)
		j.inline(auth)
		j.root(auth.get("role"))
		if v := auth.get("tokenExpirationSeconds"); v.exists() {
			if n, err := strconv.Atoi(v.text()); err == nil {
				j.tooLong(v, time.Duration(n)*time.Second)
			}
		}
	}
}

// root reports a role or policy of the name root.
func (j *judge) root(v view) {
	if v.is("root") {
		j.at(v, RuleVaultRoot, "the role is root", "take a role that reads only what is needed")
	}
}

// rootToken are the prefixes of service tokens of Vault; the old form is s. and 24 characters.
func vaultToken(text string) bool {
	text = strings.TrimSpace(text)
	old := strings.HasPrefix(text, "s.") && len(text) == 26
	return old || strings.HasPrefix(text, "hvs.") || strings.HasPrefix(text, "hvb.") || strings.HasPrefix(text, "hvr.")
}

func (j *judge) maxTTL() time.Duration {
	if j.Formats.Vault.MaxTTL > 0 {
		return j.Formats.Vault.MaxTTL
	}
	return day
}

func (j *judge) ttl(v view) {
	if d, err := time.ParseDuration(v.text()); err == nil {
		j.tooLong(v, d)
	}
}

func (j *judge) tooLong(v view, life time.Duration) {
	if longest := j.maxTTL(); life > longest {
		j.at(v, RuleVaultTTL, fmt.Sprintf("it lives for %s; the policy allows %s", life, longest), fmt.Sprintf("%s: %s", v.name(), longest))
	}
}

func (j *judge) renewal(v view) {
	n, err := strconv.Atoi(v.text())
	if v.exists() && err == nil && (n <= 0 || n > 90) {
		j.at(v, RuleVaultRenewal, fmt.Sprintf("a renewal at %d %% of the life is too late to be tried twice", n), "renewalPercent: 67")
	}
}

func (j *judge) destination(v view) {
	j.privilegedType(v.get("type"))
	j.transformation(v.get("transformation"))
	j.templateMeta(v, RuleVaultTemplate, vaultFix)
}

// transformation judges templates, by name or in a list.
func (j *judge) transformation(v view) {
	for key, t := range v.get("templates").pairs() {
		j.templateText(key, t.get("text"), t.get("text").text(), RuleVaultTemplate, vaultFix)
	}
	for _, list := range []string{"templates", "sourceTemplates", "templateRefs"} {
		for t := range v.get(list).items() {
			j.templateText(t.get("name").text(), t.get("text"), t.get("text").text(), RuleVaultTemplate, vaultFix)
		}
	}
}

// providerClass is secrets-store.csi.x-k8s.io/SecretProviderClass, whose
// parameters are texts that each provider reads in its own way.
func (j *judge) providerClass(spec view) {
	for key, v := range spec.get("parameters").pairs() {
		text := v.text()
		switch {
		case key == "vaultSkipTLSVerify":
			j.skipTLS(v)
		case key == "roleName":
			j.root(v)
		case secretName(key) && literal(text), vaultToken(text):
			j.value(v, RuleInline, key+" is spelled out", "name a Secret in nodePublishSecretRef of the volume")
		case j.login(v):
		default:
			j.spelled(v, text, RuleInline, "name a Secret in nodePublishSecretRef of the volume")
		}
	}
	for o := range spec.get("secretObjects").items() {
		j.privilegedType(o.get("type"))
	}
}

// agent judges the annotations of the Vault Agent injector
// (https://developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations).
func (j *judge) agent(annotations view) {
	for name, v := range annotations.pairs() {
		key, ok := strings.CutPrefix(name, "vault.hashicorp.com/")
		if !ok {
			continue
		}
		text := v.text()
		switch {
		case key == "tls-skip-verify":
			j.skipTLS(v)
		case strings.HasPrefix(key, "agent-inject-template-"):
			j.templateText(strings.TrimPrefix(key, "agent-inject-template-"), v, text, RuleVaultTemplate, `{{ with secret "PATH" }}{{ .Data.data.NAME }}{{ end }}`)
		case strings.HasPrefix(key, "auth-config-") && (secretName(key) || secretID(strings.TrimPrefix(key, "auth-config-"))) && literal(text), vaultToken(text):
			j.value(v, RuleInline, short(name)+" spells out a credential", "log in by a role: vault.hashicorp.com/role")
		case key == "role":
			j.root(v)
		case (key == "service" || key == "proxy-address") && j.login(v):
		case strings.HasPrefix(key, "agent-inject-command-") || key == "agent-json-patch" || key == "agent-init-json-patch" || key == "proxy-address":
			j.spelled(v, text, RuleInline, "remove the credential from the annotation")
		}
	}
}
