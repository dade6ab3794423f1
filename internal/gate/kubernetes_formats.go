package gate

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/manifest"
)

func (r *reader) formats(n *yaml.Node) (f manifest.Formats) {
	r.mapping(n, "kubernetes.formats.", keys{
		"sops":            func(n *yaml.Node) { f.SOPS = r.sopsFormat(n) },
		"sealed_secret":   func(n *yaml.Node) { f.SealedSecret = r.sealedFormat(n) },
		"external_secret": func(n *yaml.Node) { f.ExternalSecret = r.externalFormat(n) },
		"vault":           func(n *yaml.Node) { f.Vault = r.vaultFormat(n) },
		"templates":       func(n *yaml.Node) { f.Templates = r.templateFormat(n) },
		"placeholders": func(n *yaml.Node) {
			for _, item := range r.list(n) {
				f.Placeholders = append(f.Placeholders, r.oneOf(item, manifest.Fillers()))
			}
		},
		"min_length": func(n *yaml.Node) { f.MinLength = r.number(n, -1, 1024) },
	})
	return f
}

func (r *reader) sopsFormat(n *yaml.Node) (f manifest.SOPSFormat) {
	r.mapping(n, "kubernetes.formats.sops.", keys{
		"recipients":    func(n *yaml.Node) { f.Recipients = r.recipients(n) },
		"min_threshold": func(n *yaml.Node) { f.MinThreshold = r.number(n, 0, 100) },
		"max_age_days":  func(n *yaml.Node) { f.MaxAge = r.times(n, 24*time.Hour) },
		"whole_mac":     func(n *yaml.Node) { f.WholeMAC = r.truth(n) },
		"verify_mac":    func(n *yaml.Node) { f.VerifyMAC = r.truth(n) },
	})
	return f
}

func (r *reader) recipients(n *yaml.Node) (out manifest.Recipients) {
	table := keys{}
	for name, list := range recipientLists(&out) {
		table[name] = func(n *yaml.Node) { *list = r.texts(n) }
	}
	r.mapping(n, "kubernetes.formats.sops.recipients.", table)
	return out
}

// recipientLists names the lists as the policy does.
func recipientLists(r *manifest.Recipients) map[string]*[]string {
	return map[string]*[]string{
		"age": &r.Age, "pgp": &r.PGP, "aws_kms": &r.AWSKMS, "gcp_kms": &r.GCPKMS,
		"azure": &r.Azure, "vault": &r.Vault, "huawei": &r.Huawei,
	}
}

var scopeWords = []string{"strict", "namespace-wide", "cluster-wide"}

func (r *reader) sealedFormat(n *yaml.Node) (f manifest.SealedFormat) {
	r.mapping(n, "kubernetes.formats.sealed_secret.", keys{
		"scopes": func(n *yaml.Node) {
			for _, item := range r.list(n) {
				f.Scopes = append(f.Scopes, r.oneOf(item, scopeWords))
			}
		},
		"key_bits": func(n *yaml.Node) {
			for _, item := range r.list(n) {
				f.KeyBits = append(f.KeyBits, r.number(item, 1024, 16384))
			}
		},
		"certificates": func(n *yaml.Node) { f.Certificates = r.certificates(n) },
		"take_over":    func(n *yaml.Node) { f.TakeOver = r.truth(n) },
	})
	return f
}

// maxCertificate is the most bytes of one certificate in PEM.
const maxCertificate = 16 << 10

func (r *reader) certificates(n *yaml.Node) (out []string) {
	for _, item := range r.list(n) {
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" || item.Value == "" || len(item.Value) > maxCertificate {
			r.problem(item, "a certificate in PEM is expected here")
		}
		out = append(out, item.Value)
	}
	return out
}

func (r *reader) externalFormat(n *yaml.Node) (f manifest.ExternalFormat) {
	r.mapping(n, "kubernetes.formats.external_secret.", keys{
		"denied_providers":  func(n *yaml.Node) { f.DeniedProviders = append([]string{}, r.texts(n)...) }, // [] denies none
		"allowed_providers": func(n *yaml.Node) { f.AllowedProviders = r.texts(n) },
		"stores":            func(n *yaml.Node) { f.Stores = r.texts(n) },
		"manifest_target":   func(n *yaml.Node) { f.ManifestTarget = r.truth(n) },
		"max_refresh_hours": func(n *yaml.Node) { f.MaxRefresh = r.times(n, time.Hour) },
	})
	return f
}

func (r *reader) vaultFormat(n *yaml.Node) (f manifest.VaultFormat) {
	r.mapping(n, "kubernetes.formats.vault.", keys{
		"max_ttl_hours":   func(n *yaml.Node) { f.MaxTTL = r.times(n, time.Hour) },
		"skip_tls_verify": func(n *yaml.Node) { f.SkipTLSVerify = r.truth(n) },
	})
	return f
}

func (r *reader) templateFormat(n *yaml.Node) (f manifest.TemplateFormat) {
	r.mapping(n, "kubernetes.formats.templates.", keys{
		"strict":  func(n *yaml.Node) { f.Strict = r.truth(n) },
		"allowed": func(n *yaml.Node) { f.Allowed = r.texts(n) },
	})
	return f
}

// times reads how many of a unit.
func (r *reader) times(n *yaml.Node, unit time.Duration) time.Duration {
	return time.Duration(r.number(n, 1, 100_000)) * unit
}
