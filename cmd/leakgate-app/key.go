package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/kms"
	"github.com/leakgate/leakgate/internal/secret"
)

// keyFileVariable names the file of the App's key where --key-file does not.
const keyFileVariable = "LEAKGATE_APP_KEY_FILE"

// keyOptions say where the App's key is: in a file, or in Vault or a key management
// service, which sign with it.
type keyOptions struct {
	keys                 []string
	vaultKey, vaultToken string
	kmsKey               string
}

func (o *keyOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.keys, "key-file", nil, "the App's private key, a PEM file that nobody else can read; while it is changed both, the new one first; default: the files that "+keyFileVariable+" names, with "+string(os.PathListSeparator)+" between")
	f.StringVar(&o.vaultKey, "vault-key", "", "instead, `MOUNT/NAME` of an RSA key in the transit engine of the Vault at VAULT_ADDR (and VAULT_NAMESPACE), which signs and keeps it")
	f.StringVar(&o.vaultToken, "vault-token-file", "", "file with the token for Vault, read anew for every signature; default: VAULT_TOKEN")
	f.StringVar(&o.kmsKey, "kms-key", "", "instead, the `ARN` of an RSA key in AWS KMS, or projects/…/cryptoKeyVersions/1 in Google Cloud KMS, which signs and keeps it")
}

// appKey is what signs for the App.
func (w *world) appKey(ctx context.Context, o keyOptions) (hub.Key, error) {
	named := 0
	for _, is := range []bool{len(o.keys) > 0, o.vaultKey != "", o.kmsKey != ""} {
		if is {
			named++
		}
	}
	switch {
	case named > 1:
		return nil, badFlag("--key-file, --vault-key and --kms-key are different keys: name one")
	case o.kmsKey != "":
		key, err := kms.Open(ctx, o.kmsKey)
		if err != nil {
			return nil, badFlag("--kms-key: %w", err)
		}
		return key, nil
	case o.vaultKey != "":
		return w.vaultKey(o)
	}
	return w.fileKeys(o.keys)
}

func (w *world) vaultKey(o keyOptions) (hub.Key, error) {
	v := hub.VaultKey{Address: w.env("VAULT_ADDR"), Namespace: w.env("VAULT_NAMESPACE"), Mount: path.Dir(o.vaultKey), Name: path.Base(o.vaultKey), Token: w.vaultToken(o)}
	if err := v.Check(); err != nil {
		return nil, badFlag("--vault-key: %w", err)
	}
	return v, nil
}

// fileKeys reads the files named, or else those that the variable names.
func (w *world) fileKeys(files []string) (hub.Key, error) {
	if len(files) == 0 && w.env(keyFileVariable) != "" {
		files = filepath.SplitList(w.env(keyFileVariable))
	}
	if len(files) == 0 {
		return nil, badFlag("--key-file is missing: the App's settings page makes a private key")
	}
	var keys hub.Keys
	for _, file := range files {
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
