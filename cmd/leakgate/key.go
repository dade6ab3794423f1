package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/secret"
)

// keyVariable names the environment variable that holds the installation's key.
const keyVariable = "LEAKGATE_KEY"

// key is the installation's key: from the environment, else from a file in the
// user's configuration folder, which is made when there is none. Where no such
// folder can be used, as in a container, the key lives for this run only.
func (w *world) key() (secret.Key, error) {
	if text := w.env(keyVariable); text != "" {
		key, err := secret.ParseKey(text)
		if err != nil {
			return key, badFlag("%s: %w", keyVariable, err)
		}
		return key, nil
	}
	folder := w.configFolder()
	if folder == "" {
		return secret.NewKey()
	}
	path := filepath.Join(folder, "leakgate", "key")
	key, err := secret.LoadKey(path)
	if err == nil {
		return key, nil
	}
	if _, there := os.Stat(path); there == nil {
		return key, fmt.Errorf("%w (or set %s)", err, keyVariable)
	}
	return secret.NewKey() // a home that cannot be written
}

// configFolder is where the user's configuration lives, "" for nowhere.
func (w *world) configFolder() string {
	if folder := w.env("XDG_CONFIG_HOME"); folder != "" {
		return folder
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return folder
}
