package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/secret"
)

// keyFileVariable names the file of the App's key where --key-file does not.
const keyFileVariable = "LEAKGATE_APP_KEY_FILE"

// keyOptions say where the App's key is: in a file, or in Vault, which signs with it.
type keyOptions struct {
	keys                 []string
	vaultKey, vaultToken string
}

func (o *keyOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.keys, "key-file", nil, "the App's private key, a PEM file that nobody else can read; while it is changed both, the new one first; default: the files that "+keyFileVariable+" names, with "+string(os.PathListSeparator)+" between")
	f.StringVar(&o.vaultKey, "vault-key", "", "instead, `MOUNT/NAME` of an RSA key in the transit engine of the Vault at VAULT_ADDR (and VAULT_NAMESPACE), which signs and keeps it")
	f.StringVar(&o.vaultToken, "vault-token-file", "", "file with the token for Vault, read anew for every signature; default: VAULT_TOKEN")
}

// appKey is what signs for the App.
func (w *world) appKey(o keyOptions) (hub.Key, error) {
	if o.vaultKey != "" {
		if len(o.keys) > 0 {
			return nil, badFlag("--key-file and --vault-key are two keys: name one")
		}
		v := hub.VaultKey{Address: w.env("VAULT_ADDR"), Namespace: w.env("VAULT_NAMESPACE"), Mount: path.Dir(o.vaultKey), Name: path.Base(o.vaultKey), Token: w.vaultToken(o)}
		if err := v.Check(); err != nil {
			return nil, badFlag("--vault-key: %w", err)
		}
		return v, nil
	}
	if len(o.keys) == 0 && w.env(keyFileVariable) != "" {
		o.keys = filepath.SplitList(w.env(keyFileVariable))
	}
	if len(o.keys) == 0 {
		return nil, badFlag("--key-file is missing: the App's settings page makes a private key")
	}
	var keys hub.Keys
	for _, file := range o.keys {
		key, err := hub.FileKey(file)
		if err != nil {
			return nil, flagError{err}
		}
		keys = append(keys, key)
	}
	return keys, nil
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
