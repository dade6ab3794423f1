package manifest

import "time"

// Formats are the settings of a policy for the formats that may stand in the
// place of a plain Secret. The zero value asks for what is sound everywhere and
// restricts nobody to recipients or stores of a list.
type Formats struct {
	SOPS           SOPSFormat
	SealedSecret   SealedFormat
	ExternalSecret ExternalFormat
	Vault          VaultFormat
	Templates      TemplateFormat

	// Placeholders are the tools that fill placeholders in while they are in a
	// cluster, see [Fillers]. Those of others are plain values there.
	Placeholders []string

	// MinLength is the length in bytes from which the value of a key like
	// "password" is not reported as weak; 0 for 8, negative to report none.
	MinLength int
}

// SOPSFormat is what is asked of documents that sops has encrypted.
type SOPSFormat struct {
	// Recipients is the list of who may be able to decrypt. Patterns hold "*"
	// for any characters. Empty: anybody, or whom .sops.yaml names.
	Recipients Recipients
	// MinThreshold is the least number of key groups that must come together
	// (shamir_threshold); 0 asks for none.
	MinThreshold int
	// MaxAge is how long ago the last change may be; 0 for any time.
	MaxAge time.Duration
	// WholeMAC asks for a MAC that also covers what is not encrypted, so it
	// refuses mac_only_encrypted.
	WholeMAC bool
	// VerifyMAC refuses documents whose MAC could not be verified with a key. In a
	// cluster it asks for nothing: there are no keys.
	VerifyMAC bool
}

// Recipients are patterns of the keys that sops encrypts for, by kind. If any
// of the lists is set, a recipient has to be on the list of its kind.
type Recipients struct {
	Age    []string // "age1…", "ssh-ed25519 …"
	PGP    []string // fingerprints
	AWSKMS []string // ARNs
	GCPKMS []string // resource ids
	Azure  []string // "https://VAULT/keys/NAME/VERSION"
	Vault  []string // "https://ADDRESS/v1/ENGINE/keys/NAME"
	Huawei []string // key ids
}

// SealedFormat is what is asked of a SealedSecret.
type SealedFormat struct {
	// Scopes are those that are allowed: strict, namespace-wide, cluster-wide.
	// nil allows all and warns of cluster-wide.
	Scopes []string
	// KeyBits are the sizes of the RSA keys that are allowed; nil for 2048, 3072, 4096.
	KeyBits []int
	// Certificates are the controller's certificates in PEM. If any is given,
	// a value that was sealed for none of them is refused.
	Certificates []string
	// TakeOver allows the annotations "managed" and "patch", by which a
	// SealedSecret takes over a Secret that it did not make.
	TakeOver bool
}

// ExternalFormat is what is asked of the kinds of external-secrets.io.
type ExternalFormat struct {
	// DeniedProviders are providers of stores, and generators, by the name of
	// their field or kind in lower case; nil for fake.
	DeniedProviders []string
	// AllowedProviders are accepted without the warning that webhook gets.
	AllowedProviders []string
	// Stores are patterns of the stores that may be named: "NAME" for those of
	// the namespace, "cluster:NAME" for a ClusterSecretStore. nil allows all.
	Stores []string
	// ManifestTarget allows target.manifest, which writes values into kinds
	// that are no Secret.
	ManifestTarget bool
	// MaxRefresh is the longest refreshInterval; 0 for any.
	MaxRefresh time.Duration
}

// Denied are the providers and generators that are refused.
func (f ExternalFormat) Denied() []string {
	if f.DeniedProviders != nil {
		return f.DeniedProviders
	}
	return []string{"fake"}
}

// VaultFormat is what is asked of the kinds that reach into a Vault: the Vault
// Secrets Operator, the Secrets Store CSI driver, the agent's annotations,
// issuers of cert-manager.
type VaultFormat struct {
	// MaxTTL is the longest life of a token or lease; 0 for 24 hours.
	MaxTTL time.Duration
	// SkipTLSVerify allows connections that do not verify the server.
	SkipTLSVerify bool
}

// TemplateFormat is what is asked of templates of Secrets: those of
// ExternalSecrets, SealedSecrets, the Vault Secrets Operator and the Vault Agent.
type TemplateFormat struct {
	// Strict refuses every value that comes from no source, whatever it looks like.
	Strict bool
	// Allowed are patterns of literals that Strict lets pass, as "KEY=VALUE" with
	// "*" for any characters. They are weighed like any literal.
	Allowed []string
}
