package main

import (
	"errors"
	"path"

	"github.com/spf13/pflag"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
)

// keyFileVariable names the file of the App's key where --key-file does not.
const keyFileVariable = "LEAKGATE_APP_KEY_FILE"

// keyOptions say where the App's key is: in a file, or in Vault, which signs with it.
type keyOptions struct {
	key, vaultKey, vaultToken string
}

func (o *keyOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.key, "key-file", "", "the App's private key, a PEM file that nobody else can read; default: the file that "+keyFileVariable+" names")
	f.StringVar(&o.vaultKey, "vault-key", "", "instead, `MOUNT/NAME` of an RSA key in the transit engine of the Vault at VAULT_ADDR (and VAULT_NAMESPACE), which signs and keeps it")
	f.StringVar(&o.vaultToken, "vault-token-file", "", "file with the token for Vault, read anew for every signature; default: VAULT_TOKEN")
}

// appKey is what signs for the App.
func (w *world) appKey(o keyOptions) (hub.Key, error) {
	if o.vaultKey != "" {
		if o.key != "" {
			return nil, badFlag("--key-file and --vault-key are two keys: name one")
		}
		v := hub.VaultKey{Address: w.env("VAULT_ADDR"), Namespace: w.env("VAULT_NAMESPACE"), Mount: path.Dir(o.vaultKey), Name: path.Base(o.vaultKey), Token: w.vaultToken(o)}
		if err := v.Check(); err != nil {
			return nil, badFlag("--vault-key: %w", err)
		}
		return v, nil
	}
	if o.key == "" {
		o.key = w.env(keyFileVariable)
	}
	if o.key == "" {
		return nil, badFlag("--key-file is missing: the App's settings page makes a private key")
	}
	key, err := hub.FileKey(o.key)
	if err != nil {
		return nil, flagError{err}
	}
	return key, nil
}

func (w *world) vaultToken(o keyOptions) func() (secret.Secret, error) {
	if o.vaultToken != "" {
		return func() (secret.Secret, error) { return readSecret(o.vaultToken) }
	}
	return func() (secret.Secret, error) {
		if text := w.env("VAULT_TOKEN"); text != "" {
			return secret.New(text), nil
		}
		return secret.Secret{}, errors.New("set VAULT_TOKEN, or name a file with --vault-token-file")
	}
}
