package manifest

import "slices"

// The rules of faults.
const (
	RulePlainSecret = "kubernetes-plain-secret" // also what the scanner calls a plain value of a Secret
	RulePlainValue  = "kubernetes-plain-value"
	RuleTwice       = "kubernetes-duplicate-key"
	RuleTooLarge    = "kubernetes-too-large"
	RulePrivileged  = "privileged-secret-type"
	RuleInline      = "inline-credential"

	RuleSOPSLeaf          = "sops-plain-leaf"
	RuleSOPSValue         = "sops-malformed-value"
	RuleSOPSNone          = "sops-no-metadata"
	RuleSOPSMetadata      = "sops-bad-metadata"
	RuleSOPSNoMAC         = "sops-no-mac"
	RuleSOPSPartMAC       = "sops-partial-mac"
	RuleSOPSMAC           = "sops-mac-mismatch"
	RuleSOPSUnverified    = "sops-mac-unverified"
	RuleSOPSWidened       = "sops-rule-widened"
	RuleSOPSCommentRule   = "sops-comment-rule"
	RuleSOPSComment       = "sops-plain-comment"
	RuleSOPSRecipient     = "sops-recipient"
	RuleSOPSDrift         = "sops-recipient-missing"
	RuleSOPSMismatch      = "sops-recipient-mismatch"
	RuleSOPSThreshold     = "sops-threshold"
	RuleSOPSWeak          = "sops-weak-value"
	RuleSOPSStale         = "sops-stale"
	RuleSOPSUndecryptable = "sops-undecryptable"

	RuleSealedValue       = "sealed-malformed-value"
	RuleSealedKeySize     = "sealed-key-size"
	RuleSealedShort       = "sealed-short-value"
	RuleSealedNothing     = "sealed-nothing-sealed"
	RuleSealedV1          = "sealed-v1-data"
	RuleSealedScope       = "sealed-scope"
	RuleSealedTemplate    = "sealed-template-literal"
	RuleSealedTakeover    = "sealed-takeover"
	RuleSealedCertificate = "sealed-certificate"

	RuleExternalTemplate  = "external-template-literal"
	RuleExternalElsewhere = "external-template-elsewhere"
	RuleExternalManifest  = "external-manifest-target"
	RuleExternalRefresh   = "external-refresh"
	RuleExternalStore     = "external-store"
	RuleStoreFake         = "store-fake-provider"
	RuleStoreProvider     = "store-provider"
	RuleStoreOpen         = "store-unconditional"

	RuleVaultTemplate = "vault-template-literal"
	RuleVaultTLS      = "vault-skip-tls"
	RuleVaultRoot     = "vault-root-token"
	RuleVaultTTL      = "vault-long-ttl"
	RuleVaultRenewal  = "vault-renewal"
	RuleVaultWide     = "vault-any-namespace"
)

// FaultRules are the rules of faults in the order of the formats.
func FaultRules() []FaultRule { return append([]FaultRule(nil), faultRules...) }

// Form reports that a fault of the rule may be about how an object is written
// and have no value, so that an exception of the form excepts nothing else.
func (r FaultRule) Form() bool {
	return !slices.Contains(valueRules, r.ID) && !slices.Contains(hidingRules, r.ID)
}

// hidingRules are about what may be full of values that nobody looked at: the
// template where nothing is sealed, and what is too large to be read.
var hidingRules = []string{RuleSealedNothing, RuleTooLarge}

// valueRules are those of which every fault has a value.
var valueRules = []string{
	RulePlainSecret, RulePlainValue, RuleInline, RuleSOPSLeaf, RuleSOPSValue, RuleSOPSComment,
	RuleSealedKeySize, RuleSealedV1, RuleSealedTemplate, RuleExternalTemplate, RuleVaultTemplate,
}

func ruleOf(id string) FaultRule {
	for i := range faultRules {
		if faultRules[i].ID == id {
			return faultRules[i]
		}
	}
	return FaultRule{ID: id, Deny: true}
}

const rotate = "Rotate the value, then "

var faultRules = []FaultRule{
	{RulePlainSecret, "Plain value of a Kubernetes Secret", true, rotate + "keep it out of the manifest: an ExternalSecret that names it in a secret store, a SealedSecret (`kubeseal -f secret.yaml -w sealed.yaml`) or a file encrypted with SOPS."},
	{RulePlainValue, "Credential in a Kubernetes object that is no Secret", false, rotate + "move it into a Secret of an accepted format and refer to it by `secretKeyRef`, or by the chart's `existingSecret`."},
	{RuleTwice, "Key that stands twice in a Kubernetes document", true, "Delete one of the two: tools disagree about which of them counts, so one may hide what the other says."},
	{RuleTooLarge, "Kubernetes object too large to be judged", true, "Split the object, or write out the aliases that multiply it."},
	{RulePrivileged, "Template of a privileged type of Secret", true, "Take another type: a Secret of type `kubernetes.io/service-account-token` or `bootstrap.kubernetes.io/token` makes a credential of the cluster."},
	{RuleInline, "Credential spelled out in a reference to a secret store", true, rotate + "name a Secret that holds it (`secretRef`, `secretKeyRef`, `…SecretRef`)."},

	{RuleSOPSLeaf, "Plain value in a document encrypted with SOPS", true, rotate + "encrypt the file again: `sops -e -i FILE`."},
	{RuleSOPSValue, "Malformed encrypted value of SOPS", true, "Restore the value that sops wrote and change it by `sops FILE` only; sops reads over text behind the closing bracket."},
	{RuleSOPSNone, "Document without SOPS metadata beside encrypted ones", true, "Encrypt every document of the file: `sops -d FILE`, then `sops -e -i FILE`."},
	{RuleSOPSMetadata, "Invalid SOPS metadata", true, "Write the metadata anew: `sops -d -i FILE && sops -e -i FILE`."},
	{RuleSOPSNoMAC, "SOPS document without a MAC", true, "Encrypt the file again: `sops -d --ignore-mac -i FILE && sops -e -i FILE`, after a look at what is in it."},
	{RuleSOPSPartMAC, "SOPS MAC that covers the encrypted values only", true, "Encrypt without `mac_only_encrypted`, as the policy asks."},
	{RuleSOPSMAC, "SOPS MAC that does not fit the document", true, "Somebody changed the file without sops. Look at `git log -p FILE`, restore it, and change it by `sops FILE` only."},
	{RuleSOPSUnverified, "SOPS MAC that could not be verified", true, "Give leakgate a key of the file: an age identity in `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE` or `SOPS_AGE_SSH_PRIVATE_KEY_FILE`; for `leakgate check` also a keyring of gpg in `GNUPGHOME`, or `--vault-transit`. It asks no service of a cloud: of files for those alone it cannot tell."},
	{RuleSOPSWidened, "SOPS rule that leaves values of Secrets plain", true, "Encrypt with `--encrypted-regex '^(data|stringData)$'`."},
	{RuleSOPSCommentRule, "SOPS rule by comments", false, "Choose keys by `encrypted_regex`: which values a comment rule covers only the order of the text tells."},
	{RuleSOPSComment, "Credential in a comment of a SOPS document", true, rotate + "delete the comment; sops encrypts comments only when it encrypts the file."},
	{RuleSOPSRecipient, "SOPS document encrypted for somebody who is not allowed", true, "Take the recipient out and make a new key: `sops updatekeys FILE && sops rotate -i FILE`; if it could read the values, rotate them too."},
	{RuleSOPSDrift, "SOPS document not encrypted for everybody who should read it", false, "`sops updatekeys FILE` brings the file in line with `.sops.yaml`."},
	{RuleSOPSMismatch, "SOPS recipient whose key is for somebody else", true, "Write the keys anew: `sops rotate -i FILE`, and find out who changed the metadata."},
	{RuleSOPSThreshold, "SOPS key groups that do not do what they say", true, "Set `shamir_threshold` in `.sops.yaml` to at least what the policy asks and at most the number of groups, then `sops updatekeys FILE`."},
	{RuleSOPSWeak, "Very short value in a SOPS document", false, "Take a longer value: the length of a value is not hidden by encryption."},
	{RuleSOPSStale, "SOPS document unchanged for long", false, "Rotate the values and the key: `sops rotate -i FILE`."},
	{RuleSOPSUndecryptable, "SOPS text where nothing decrypts it", false, "Apply the decrypted file (`sops -d FILE | kubectl apply -f -`), or let Flux do it with `spec.decryption.provider: sops`."},

	{RuleSealedValue, "Value that is not sealed", true, rotate + "seal it: `kubeseal -f secret.yaml -w sealed.yaml`."},
	{RuleSealedKeySize, "Value sealed with a key of no known size", true, "Seal it again with the controller's certificate: `kubeseal --fetch-cert > cert.pem && kubeseal --cert cert.pem -f secret.yaml`."},
	{RuleSealedShort, "Very short sealed value", false, "Take a longer value: the length of a value is not hidden by sealing."},
	{RuleSealedNothing, "SealedSecret that seals nothing", true, "Move the values of the template into a Secret and seal it, or write a ConfigMap if they are none."},
	{RuleSealedV1, "SealedSecret in the old form spec.data", true, "Seal every value by itself: `kubeseal --re-encrypt` writes `spec.encryptedData`."},
	{RuleSealedScope, "SealedSecret of a wide scope", false, "Seal with `kubeseal --scope strict`: a wider one can be unsealed under other names or in other namespaces."},
	{RuleSealedTemplate, "Plain value in the template of a SealedSecret", true, rotate + "seal it: `kubeseal --raw` gives the text for `spec.encryptedData`, and the template may refer to it."},
	{RuleSealedTakeover, "SealedSecret that takes over a Secret it did not make", false, "Delete the old Secret, and take the annotation away."},
	{RuleSealedCertificate, "Value sealed for none of the known certificates", true, "Seal it again with the controller's present certificate: `kubeseal --fetch-cert`."},

	{RuleExternalTemplate, "Plain value in the template of an ExternalSecret", true, rotate + "put it into the secret store and refer to it in the template, as in `{{ .password }}`."},
	{RuleExternalElsewhere, "Template of an ExternalSecret that stands elsewhere", true, "Write the template into `target.template.data`, where its literals can be seen. A policy with `templates.strict` asks for it."},
	{RuleExternalManifest, "ExternalSecret that writes into something that is no Secret", true, "Let the ExternalSecret write a Secret; what is in a ConfigMap or another kind more people can read."},
	{RuleExternalRefresh, "ExternalSecret that does not follow a rotation", false, "Set `refreshPolicy: Periodic` and a `refreshInterval`."},
	{RuleExternalStore, "Secret store that the policy does not name", true, "Name a store that the policy allows."},
	{RuleStoreFake, "Secret store whose values stand in the manifest", true, "Take a real provider: the fake one is for tests, its values are plain."},
	{RuleStoreProvider, "Secret store of a provider that the policy does not accept", false, "Take a provider that the policy accepts, or name this one in `allowedProviders`."},
	{RuleStoreOpen, "ClusterSecretStore for every namespace", false, "Say in `spec.conditions` which namespaces may use it."},

	{RuleVaultTemplate, "Plain value in a template of Vault's operator or agent", true, rotate + "write it into Vault and refer to it in the template."},
	{RuleVaultTLS, "Connection to Vault without verification of the server", true, "Give the server's CA (`caCertSecretRef`, `caBundle`) in place of `skipTLSVerify`."},
	{RuleVaultRoot, "Root token or root policy of Vault", true, "Take a role whose policy reads only what is needed."},
	{RuleVaultTTL, "Life of a token or certificate over the policy's limit", false, "Ask for at most the policy's limit and renew."},
	{RuleVaultRenewal, "Renewal that comes too late or never", false, "Renew at about two thirds of the life: `renewalPercent: 67`."},
	{RuleVaultWide, "Vault role for every namespace", false, "Name the namespaces in `allowedNamespaces`."},
}
