package manifest

// vaultSecrets are the kinds of the Vault Secrets Operator and of the Secrets
// Store CSI driver: they name a path in a store. Values that their templates
// or parameters spell out stay Plain.
var vaultSecrets = family{
	name: "Vault",
	has: func(o object) bool {
		g := group(o.apiVersion)
		return g == "secrets.hashicorp.com" || g == "secrets-store.csi.x-k8s.io"
	},
	read: func(path []step, text string) reading {
		if len(path) == 2 && path[0].key == "spec" && vaultPaths[path[1].key] {
			return reading{value: text, kept: Reference}
		}
		return reading{value: text, kept: referenceUnder(path, "secretKeyRef", "secretRef")}
	},
	judge: judgeVault,
}

// vaultPaths are the fields of a spec that say which secret is meant.
var vaultPaths = map[string]bool{"path": true, "mount": true, "vaultAuthRef": true, "vaultConnectionRef": true, "secretRef": true, "provider": true, "role": true}
