package manifest

import (
	"slices"
	"strings"
	"time"
)

// judgeExternal are the kinds of external-secrets.io and of its generators
// (https://external-secrets.io/latest/api/spec/).
func judgeExternal(j *judge, root view) {
	spec := root.get("spec")
	switch j.object.kind {
	case "ExternalSecret":
		j.external(spec)
	case "ClusterExternalSecret":
		j.external(spec.get("externalSecretSpec"))
	case "SecretStore", "ClusterSecretStore":
		j.store(root, spec)
	case "PushSecret":
		j.push(spec)
	case "ClusterPushSecret":
		j.push(spec.get("pushSecretSpec"))
	default:
		if strings.HasPrefix(j.object.apiVersion, "generators.") {
			j.generator(root, spec)
		}
	}
}

const externalFix = "put the value into the secret store, and refer to it: {{ .NAME }}"

func (j *judge) external(spec view) {
	target := spec.get("target")
	j.template(target.get("template"))
	if v := target.get("manifest"); v.exists() && !j.Formats.ExternalSecret.ManifestTarget && !v.get("kind").is("Secret") {
		j.at(v, RuleExternalManifest, "target.manifest writes the values into "+orUnnamed(v.get("kind").text())+", which is no Secret", "remove target.manifest and refer to the Secret").About = v.get("kind").text()
	}
	j.refresh(spec)
	j.storeRef(spec.get("secretStoreRef"))
	for _, list := range []string{"data", "dataFrom"} {
		for entry := range spec.get(list).items() {
			source := entry.get("sourceRef")
			if !source.exists() {
				continue
			}
			j.storeRef(source.get("storeRef"))
			j.storeRef(source.get("secretStoreRef"))
			j.generatorKind(source.get("generatorRef", "kind"))
		}
	}
}

func orUnnamed(kind string) string {
	if kind == "" {
		return "another kind"
	}
	return "a " + kind
}

func (j *judge) template(t view) {
	j.templateData(t.get("data"), RuleExternalTemplate, externalFix)
	j.templateData(t.get("stringData"), RuleExternalTemplate, externalFix)
	for entry := range t.get("templateFrom").items() {
		if v := entry.get("literal"); v.exists() {
			j.templateLines(v, RuleExternalTemplate, externalFix)
		}
		if v := entry.get("configMap", "name"); v.exists() && j.Formats.Templates.Strict {
			j.at(v, RuleExternalElsewhere, "the template is in the ConfigMap "+short(v.text())+", where its literals cannot be seen", "write the template into target.template.data")
		}
	}
	j.templateMeta(t.get("metadata"), RuleExternalTemplate, externalFix)
	j.privilegedType(t.get("type"))
}

func (j *judge) refresh(spec view) {
	policy, every := spec.get("refreshPolicy"), spec.get("refreshInterval")
	interval, err := time.ParseDuration(every.text())
	switch longest := j.Formats.ExternalSecret.MaxRefresh; {
	case policy.is("CreatedOnce"):
		j.at(policy, RuleExternalRefresh, "refreshPolicy CreatedOnce never follows a rotation", "refreshPolicy: Periodic")
	case policy.is("OnChange"):
		j.at(policy, RuleExternalRefresh, "refreshPolicy OnChange follows no rotation in the store", "refreshPolicy: Periodic")
	case every.is("0") || every.exists() && err == nil && interval == 0:
		j.at(every, RuleExternalRefresh, "a refreshInterval of 0 never follows a rotation", "refreshInterval: 1h")
	case longest > 0 && err == nil && interval > longest:
		j.at(every, RuleExternalRefresh, "the refreshInterval is longer than the policy's "+longest.String(), "refreshInterval: "+longest.String())
	}
}

// storeRef holds the name of a store against the policy's list.
func (j *judge) storeRef(ref view) {
	allowed := j.Formats.ExternalSecret.Stores
	name := ref.get("name").text()
	if allowed == nil || name == "" || dynamic(name) {
		return
	}
	if ref.get("kind").is("ClusterSecretStore") {
		name = "cluster:" + name
	}
	if !slices.ContainsFunc(allowed, func(pattern string) bool { return wildcard(pattern, name) }) {
		j.at(ref.get("name"), RuleExternalStore, "the policy does not name the store "+short(name), "name one of "+strings.Join(allowed, ", ")).About = short(name)
	}
}

func (j *judge) accepts(provider string) bool {
	return slices.Contains(j.Formats.ExternalSecret.AllowedProviders, provider)
}

// provider judges the choice of a provider or generator.
func (j *judge) provider(at view, name string) {
	lower := strings.ToLower(name)
	switch {
	case j.accepts(lower):
	case slices.Contains(j.Formats.ExternalSecret.Denied(), lower) && lower == "fake":
		j.at(at, RuleStoreFake, "the values of the fake provider stand in the manifest", "take a real provider")
	case slices.Contains(j.Formats.ExternalSecret.Denied(), lower):
		f := j.at(at, RuleStoreProvider, "the policy refuses the provider "+short(name), "take a provider that the policy accepts")
		f.Deny, f.About = true, short(name)
	case lower == "webhook":
		j.at(at, RuleStoreProvider, "a webhook may be anything; its URL, headers and body are plain", "name webhook in allowedProviders of the policy, or take the provider of the store itself")
	}
}

func (j *judge) store(root, spec view) {
	for name, v := range spec.get("provider").pairs() {
		j.provider(v, name)
		if name == "webhook" {
			j.webhook(v)
		}
		j.inline(v)
	}
	if j.object.kind == "ClusterSecretStore" {
		for range spec.get("conditions").items() {
			return
		}
		j.at(root, RuleStoreOpen, "without spec.conditions every namespace may read everything that the store holds", "spec.conditions: [{namespaces: [NAME]}]")
	}
}

// inline reports credentials that a store's configuration spells out: values of
// keys that name a secret, and "value" below them, as in Delinea's or Scaleway's
// secretKey.value, and passwords in addresses.
func (j *judge) inline(v view) {
	for leaf := range v.scalars() {
		name := leaf.name()
		if name == "value" && leaf.up != nil {
			name = leaf.up.name()
		}
		if j.login(leaf) {
			continue
		}
		refers := underRef(leaf.keys()) && referring[leaf.name()]
		if refers || !secretName(name) && !secretID(name) || !literal(leaf.text()) {
			continue
		}
		j.value(leaf, RuleInline, name+" is spelled out", "name a Secret that holds it: "+name+"SecretRef or secretRef")
	}
}

// login reports an address with a password.
func (j *judge) login(v view) bool {
	text := v.text()
	if !strings.Contains(text, "://") || !userInfo(text) {
		return false
	}
	j.value(v, RuleInline, "the address in "+short(v.name())+" has a password", "take the password out of the address, and name a Secret that holds it")
	return true
}

// secretID reports whether a key is that of the secret half of an AppRole.
func secretID(key string) bool {
	return strings.EqualFold(strings.NewReplacer("-", "", "_", "").Replace(key), "secretID")
}

// underRef reports whether a key on the way says that a reference lies below.
func underRef(keys []string) bool {
	for _, k := range keys {
		lower := strings.ToLower(k)
		if strings.HasSuffix(lower, "ref") || lower == "remoteref" || lower == "valuefrom" {
			return true
		}
	}
	return false
}

// webhook reports credentials in the URL, headers and body of a webhook.
func (j *judge) webhook(v view) {
	for name, header := range v.get("headers").pairs() {
		if value := header.text(); credentialHeader(name) && literal(bare(value)) {
			j.value(header, RuleInline, "the header "+short(name)+" is spelled out", "name the value in spec.provider.webhook.secrets and write {{ .NAME.KEY }}")
		}
	}
	for _, field := range []string{"url", "body"} {
		at := v.get(field)
		text := at.text()
		if field == "url" && strings.Contains(text, "://") && literal(text) {
			j.value(at, RuleInline, "the address holds credentials", "name the value in spec.provider.webhook.secrets and write {{ .NAME.KEY }}")
		}
		if field == "body" {
			j.spelled(at, text, RuleInline, "name the value in spec.provider.webhook.secrets and write {{ .NAME.KEY }}")
		}
	}
}

// credentialHeader reports whether a header of HTTP carries a credential.
func credentialHeader(name string) bool {
	lower := strings.ToLower(name)
	return secretName(name) || strings.Contains(lower, "authorization") || strings.Contains(lower, "token") || strings.Contains(lower, "api-key") || lower == "cookie"
}

// bare is a header's value without its scheme.
func bare(value string) string {
	for _, scheme := range []string{"Bearer ", "Basic ", "Token ", "token "} {
		if rest, ok := strings.CutPrefix(value, scheme); ok {
			return rest
		}
	}
	return value
}

func (j *judge) push(spec view) {
	for ref := range spec.get("secretStoreRefs").items() {
		j.storeRef(ref)
	}
	j.template(spec.get("template"))
	j.generatorKind(spec.get("selector", "generatorRef", "kind"))
}

// generatorKind judges a reference to a generator by its kind.
func (j *judge) generatorKind(v view) {
	switch v.text() {
	case "Fake", "Webhook":
		j.provider(v, v.text())
	}
}

func (j *judge) generator(root, spec view) {
	switch j.object.kind {
	case "Fake":
		j.provider(root, "fake")
	case "Webhook":
		j.provider(root, "webhook")
		j.webhook(spec)
	case "ClusterGenerator":
		j.generatorKind(spec.get("kind"))
		if v := spec.get("generator", "fakeSpec"); v.exists() && !spec.get("kind").is("Fake") {
			j.provider(v, "fake")
		}
		j.webhook(spec.get("generator", "webhookSpec"))
		j.inline(spec.get("generator"))
		return
	}
	j.inline(spec)
}
