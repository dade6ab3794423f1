package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/secret"
)

// The variables that may hold what is otherwise in files.
const (
	keyVariable     = "LEAKGATE_KEY"
	oldKeyVariable  = "LEAKGATE_OLD_KEY"
	webhookVariable = "LEAKGATE_WEBHOOK_SECRET"
)

// storeKey is the installation's key: it gives credentials their ids.
type storeKey = secret.Key

func (w *world) storeKey(data string) (storeKey, error) {
	if text := w.env(keyVariable); text != "" {
		key, err := secret.ParseKey(text)
		if err != nil {
			return key, badFlag("%s: %w", keyVariable, err)
		}
		return key, nil
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return storeKey{}, badFlag("--data: %w", err)
	}
	key, err := secret.LoadKey(filepath.Join(data, "key"))
	if err != nil {
		return key, badFlag("--data: %w", err)
	}
	return key, nil
}

// rotated is the key with those that it replaced, of which files name the latest first.
func (w *world) rotated(key storeKey, files []string) (storeKey, error) {
	var old []storeKey
	if text := w.env(oldKeyVariable); text != "" {
		k, err := secret.ParseKey(text)
		if err != nil {
			return key, badFlag("%s: %w", oldKeyVariable, err)
		}
		old = append(old, k)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil { // LoadKey would make one
			return key, badFlag("--old-key-file: %w", err)
		}
		k, err := secret.LoadKey(file)
		if err != nil {
			return key, badFlag("--old-key-file: %w", err)
		}
		old = append(old, k)
	}
	return after(key, old), nil
}

// after is a key with those before it, each of which replaced the next.
func after(key storeKey, old []storeKey) storeKey {
	if len(old) == 0 {
		return key
	}
	return key.After(after(old[0], old[1:]))
}

// webhookSecrets reads every secret by which a delivery may be signed. Where none need
// come to the door, there may be none.
func (w *world) webhookSecrets(files []string, pull bool) ([]secret.Secret, error) {
	var all []secret.Secret
	if text := w.env(webhookVariable); text != "" {
		all = append(all, secret.New(text))
	}
	for _, file := range files {
		text, err := readSecret(file)
		if err != nil {
			return nil, badFlag("--webhook-secret-file: %w", err)
		}
		all = append(all, text)
	}
	if len(all) == 0 && !pull {
		return nil, badFlag("no webhook secret: name a file with --webhook-secret-file, or set %s", webhookVariable)
	}
	return all, nil
}

// readSecret reads a private file ([secret.Private]); a newline at its end is none of it.
func readSecret(file string) (secret.Secret, error) {
	info, err := os.Stat(file)
	if err != nil {
		return secret.Secret{}, err
	}
	if err := secret.Private(info); err != nil {
		return secret.Secret{}, fmt.Errorf("%s %w", file, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return secret.Secret{}, err
	}
	return secret.New(string(bytes.TrimRight(text, "\r\n"))), nil
}
