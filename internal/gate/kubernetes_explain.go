package gate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/manifest"
)

// kubernetes explains what holds in a cluster.
func (e *explanation) kubernetes(k *Kubernetes) {
	if k == nil {
		return
	}
	e.add("kubernetes.presets", flow(k.Presets))
	for i, w := range k.Writers {
		e.writer("kubernetes.writers["+strconv.Itoa(i)+"]", w)
	}
	for _, s := range formatSettings(k.Formats) {
		e.add(s.Key, s.Value)
	}
	e.modes(k.Modes)
	e.add("kubernetes.audit_days", strconv.Itoa(k.AuditDays))
	e.add("kubernetes.break_glass.users", flow(quoted(k.BreakGlass.Users)))
	e.add("kubernetes.break_glass.groups", flow(quoted(k.BreakGlass.Groups)))
	e.add("kubernetes.break_glass.max_hours", strconv.Itoa(k.BreakGlass.MaxHours))
	for i, x := range k.Exceptions {
		e.at("kubernetes.exceptions["+strconv.Itoa(i)+"]", x.text(), x.Line)
	}
}

// at adds a setting that was read in a line of the file.
func (e *explanation) at(key, value string, line int) {
	e.settings = append(e.settings, Setting{key, value, fmt.Sprintf("%s:%d", e.policy.Name, line)})
}

func (e *explanation) writer(at string, w Writer) {
	origin := w.Line
	if w.Preset != "" {
		at += " (preset " + w.Preset + ")"
	}
	e.at(at, w.text(), origin)
}

// text is the whole writer, so that two that trust the same have the same text.
func (w Writer) text() string {
	claims := make([]string, len(w.Claims))
	for i, c := range w.Claims {
		claims[i] = c.String()
		for _, list := range [][]string{c.Names, c.Keys, c.Open} {
			if len(list) > 0 {
				claims[i] += " " + flow(list)
			}
		}
	}
	parts := []string{"name: " + w.Name}
	add := func(key string, items []string) {
		if len(items) > 0 {
			parts = append(parts, key+": "+flow(quoted(items)))
		}
	}
	add("service_accounts", globTexts(w.ServiceAccounts))
	add("impersonated", globTexts(w.Impersonated))
	if w.DefaultAccount != "" {
		parts = append(parts, "default_service_account: "+w.DefaultAccount)
	}
	add("users", w.Users)
	add("groups", w.Groups)
	parts = append(parts, "pod_bound: "+strconv.FormatBool(w.PodBound))
	add("namespaces", globTexts(w.Namespaces))
	add("names", globTexts(w.Names))
	add("types", w.Types)
	add("guarded_types", w.GuardedTypes)
	return "{" + strings.Join(append(parts, "claims: "+flow(claims)), ", ") + "}"
}

func (e *explanation) modes(m Modes) {
	e.add("kubernetes.modes.default", m.Default.String())
	e.add("kubernetes.modes.rules", modesText(m.Rules))
	for _, name := range sortedKeys(m.Namespaces) {
		at := "kubernetes.modes.namespaces." + name + "."
		e.add(at+"mode", m.Namespaces[name].Mode.String())
		e.add(at+"rules", modesText(m.Namespaces[name].Rules))
	}
}

func modesText(modes map[string]Mode) string {
	var pairs []string
	for _, rule := range sortedKeys(modes) {
		pairs = append(pairs, rule+": "+modes[rule].String())
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// text is the whole exception but its reason.
func (e WriteException) text() string {
	return fmt.Sprintf("{rule: %s, namespaces: %s, names: %s, subjects: %s, owner: %q, expires: %s}", e.Rule,
		flow(quoted(globTexts(e.Namespaces))), flow(quoted(globTexts(e.Names))), flow(quoted(e.Subjects)), e.Owner, e.Expires.Format(time.DateOnly))
}

// formatSettings are the settings of the formats as text.
func formatSettings(f manifest.Formats) (out []Setting) {
	add := func(key, value string) { out = append(out, Setting{Key: "kubernetes.formats." + key, Value: value}) }
	lists := recipientLists(&f.SOPS.Recipients)
	for _, name := range sortedKeys(lists) {
		add("sops.recipients."+name, flow(quoted(*lists[name])))
	}
	add("sops.min_threshold", strconv.Itoa(f.SOPS.MinThreshold))
	add("sops.max_age_days", units(f.SOPS.MaxAge, 24*time.Hour))
	add("sops.whole_mac", strconv.FormatBool(f.SOPS.WholeMAC))
	add("sops.verify_mac", strconv.FormatBool(f.SOPS.VerifyMAC))
	add("sealed_secret.scopes", flow(f.SealedSecret.Scopes))
	add("sealed_secret.key_bits", strings.ReplaceAll(fmt.Sprint(f.SealedSecret.KeyBits), " ", ", "))
	add("sealed_secret.certificates", strconv.Itoa(len(f.SealedSecret.Certificates)))
	add("sealed_secret.take_over", strconv.FormatBool(f.SealedSecret.TakeOver))
	add("external_secret.denied_providers", flow(quoted(f.ExternalSecret.Denied())))
	add("external_secret.allowed_providers", flow(quoted(f.ExternalSecret.AllowedProviders)))
	add("external_secret.stores", flow(quoted(f.ExternalSecret.Stores)))
	add("external_secret.manifest_target", strconv.FormatBool(f.ExternalSecret.ManifestTarget))
	add("external_secret.max_refresh_hours", units(f.ExternalSecret.MaxRefresh, time.Hour))
	add("vault.max_ttl_hours", units(f.Vault.MaxTTL, time.Hour))
	add("vault.skip_tls_verify", strconv.FormatBool(f.Vault.SkipTLSVerify))
	add("templates.strict", strconv.FormatBool(f.Templates.Strict))
	add("templates.allowed", flow(quoted(f.Templates.Allowed)))
	add("placeholders", flow(f.Placeholders))
	add("min_length", strconv.Itoa(f.MinLength))
	return out
}

func units(d, unit time.Duration) string {
	if d == 0 {
		return "unset"
	}
	return strconv.Itoa(int(d / unit))
}
