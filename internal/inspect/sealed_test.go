package inspect_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/leakgate/leakgate/internal/inspect"
)

// Ciphertext looks random, so only where it is verified it is no generic key.
func TestVerifiedCiphertextIsNoGenericKey(t *testing.T) {
	raw := make([]byte, 2+256+20+16)
	raw[0] = 1
	for i := range raw[2:] {
		raw[2+i] = byte(7*i + i/250)
	}
	value := base64.StdEncoding.EncodeToString(raw)
	sealed := "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\nspec:\n  encryptedData:\n    api_key: " + value + "\n"
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"sealed":      {sealed, false},
		"a ConfigMap": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n    api_key: " + value + "\n", true},
		"cut off":     {sealed[:len(sealed)-200] + "\n", true},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range ask(t, inspect.Question{What: inspect.Folder, Path: dir}) {
			found = found || f.At.Field == "" && f.Rule.ID == "generic-api-key" || f.Rule.ID == "sealed-malformed-value" || f.Rule.ID == "sealed-key-size"
		}
		if found != c.want {
			t.Errorf("%s: found is %v", name, found)
		}
	}
}
