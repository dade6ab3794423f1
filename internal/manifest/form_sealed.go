package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest/sealed"
	"github.com/leakgate/leakgate/internal/secret"
)

const sealFix = "kubeseal -f secret.yaml -w sealed.yaml"

// judgeSealed is bitnami.com/SealedSecret.
func judgeSealed(j *judge, root view) {
	spec, data := root.get("spec"), root.get("spec", "encryptedData")
	j.scope(root)
	count := 0
	for key, v := range data.pairs() {
		count++
		j.sealedValue(key, v)
	}
	if v := spec.get("data"); v.exists() && v.text() != "" {
		j.value(v, RuleSealedV1, "spec.data seals all values as one in a form that is no longer made", "kubeseal --re-encrypt < sealed.yaml")
	}
	template := spec.get("template")
	literals := template.get("data")
	if count == 0 && len(texted(literals))+len(texted(template.get("stringData"))) > 0 {
		j.at(literals, RuleSealedNothing, "nothing is sealed, so the Secret is made of the template's plain values", sealFix)
	}
	j.templateData(literals, RuleSealedTemplate, sealFix)
	j.templateData(template.get("stringData"), RuleSealedTemplate, sealFix)
	j.templateMeta(template.get("metadata"), RuleSealedTemplate, sealFix)
	j.privilegedType(template.get("type"))
	j.takeover(template.get("metadata", "annotations"))
	j.takeover(root.get("metadata", "annotations"))
}

// texted are the keys of a mapping whose values are texts.
func texted(v view) (keys []string) {
	for key, kid := range v.pairs() {
		if strings.TrimSpace(kid.text()) != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

func (j *judge) takeover(annotations view) {
	for _, name := range []string{"sealedsecrets.bitnami.com/managed", "sealedsecrets.bitnami.com/patch"} {
		if v := annotations.get(name); v.is("true") && !j.Formats.SealedSecret.TakeOver {
			j.at(v, RuleSealedTakeover, "the annotation lets the controller write into a Secret that it did not make", "remove the annotation "+name)
		}
	}
}

// scope judges how far a SealedSecret may be moved.
func (j *judge) scope(root view) {
	annotations := root.get("metadata", "annotations")
	scope, at := "strict", root
	for _, s := range []string{"namespace-wide", "cluster-wide"} {
		if v := annotations.get("sealedsecrets.bitnami.com/" + s); v.is("true") {
			scope, at = s, v
		}
	}
	allowed := j.Formats.SealedSecret.Scopes
	fix := "kubeseal --scope strict -f secret.yaml -w sealed.yaml"
	switch {
	case allowed != nil && !slices.Contains(allowed, scope):
		f := j.at(at, RuleSealedScope, "the scope is "+scope+"; the policy allows "+strings.Join(allowed, ", "), fix)
		f.Deny, f.About = true, scope
	case allowed == nil && scope == "cluster-wide":
		j.at(at, RuleSealedScope, "the scope is cluster-wide, so the values can be unsealed in every namespace", fix).About = scope
	}
}

func (j *judge) sealedValue(key string, v view) {
	text := v.text()
	if Placeholder(text) && !strings.HasPrefix(text, "A") {
		return
	}
	value, err := sealed.Parse(text)
	bits := j.Formats.SealedSecret.KeyBits
	switch {
	case errors.Is(err, sealed.ErrKeySize) || err == nil && bits != nil && !slices.Contains(bits, value.KeyBits):
		f := j.at(v, RuleSealedKeySize, fmt.Sprintf("%s is sealed with a session key of %d bytes, which no allowed RSA key makes", key, value.KeyBits/8), sealFix)
		f.Value = secret.New(text)
	case err != nil:
		j.value(v, RuleSealedValue, key+" is no sealed value: "+err.Error(), sealFix)
	case value.Size < j.minLength() && secretName(key):
		j.at(v, RuleSealedShort, fmt.Sprintf("%s has %s, which its ciphertext shows", key, plural(value.Size, "byte")), "seal a longer value: kubeseal --raw")
	}
	if err == nil {
		j.certificate(key, v, value)
	}
}

func (j *judge) certificate(key string, v view, value sealed.Value) {
	certs := j.Formats.SealedSecret.Certificates
	if len(certs) == 0 {
		return
	}
	fix := "kubeseal --fetch-cert > cert.pem && kubeseal --cert cert.pem -f secret.yaml -w sealed.yaml"
	fitting := slices.DeleteFunc(slices.Clone(certs), func(pem string) bool { return !value.MayFit([]byte(pem)) })
	expired := func(pem string) bool { return sealed.Expired([]byte(pem), j.Now) }
	switch {
	case len(fitting) == 0:
		j.at(v, RuleSealedCertificate, key+" was sealed for none of the "+strconv.Itoa(len(certs))+" known certificates", fix)
	case !j.Now.IsZero() && !slices.ContainsFunc(fitting, func(pem string) bool { return !expired(pem) }):
		j.at(v, RuleSealedCertificate, key+" was sealed for a certificate that has expired", fix).Deny = false
	}
}

// saysSecret reports whether a word of [secretName] is in a text.
func saysSecret(text string) bool {
	for _, word := range judgedWords[len(judgedWords)-secretMarks:] {
		if strings.Contains(text, string(word)) {
			return true
		}
	}
	return false
}

// spelled looks for "password: value" in the lines of a text that is a file.
func (j *judge) spelled(v view, text, rule, fix string) {
	if !saysSecret(text) {
		return
	}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		name, value := m[1], m[2]
		if !secretName(name) || !literal(value) || named(value) || !strong(value) {
			continue
		}
		f := j.at(v, rule, "the text spells out "+name, fix)
		f.Value = secret.New(value)
		return
	}
}
