package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// sopsKeys are the keys that the environment has for sops, all of them as sops
// takes them, but for what a program would print
// (https://getsops.io/docs/#encrypting-using-age).
func (w *world) sopsKeys() (secret.Secret, error) {
	keys := w.env("SOPS_AGE_KEY")
	for _, name := range []string{"SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"} {
		file := w.env(name)
		if file == "" {
			continue
		}
		text, err := readKeyFile(file)
		if err != nil {
			return secret.Secret{}, flagError{fmt.Errorf("%s: %w", name, err)}
		}
		keys += "\n" + text.Reveal() // they are joined into one text, which is a secret again
	}
	return secret.New(strings.TrimPrefix(keys, "\n")), nil
}

// maxKeyFile is the largest file with keys that is read, in bytes.
const maxKeyFile = 1 << 20

func readKeyFile(name string) (secret.Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return secret.Secret{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	return secret.New(string(text)), err
}

// keyTime is how long one key may take to be opened.
const keyTime = 30 * time.Second

// opener decrypts keys of sops for one kind of recipients.
type opener func(name, enc string) (secret.Secret, bool)

// openers are those that the flags and the environment allow, nil for none.
func (f *checkFlags) openers(ctx context.Context, w *world) (func(kind, name, enc string) (secret.Secret, bool), error) {
	of := map[string]opener{}
	if program, err := exec.LookPath(f.gpg); f.gpg != "" && w.env("GNUPGHOME") != "" {
		if err != nil && f.gpg != "gpg" {
			return nil, badFlag("--gpg %s: there is no such program", f.gpg)
		}
		if err == nil {
			of["pgp"] = func(_, enc string) (secret.Secret, bool) { return gpgOpen(ctx, program, enc) }
		}
	}
	if f.transit {
		v := transit{address: strings.TrimRight(w.env("VAULT_ADDR"), "/"), namespace: w.env("VAULT_NAMESPACE"), token: secret.New(w.env("VAULT_TOKEN"))}
		if v.address == "" || v.token.IsZero() {
			return nil, badFlag("--vault-transit needs VAULT_ADDR and VAULT_TOKEN")
		}
		of["hc_vault"] = func(name, enc string) (secret.Secret, bool) { return v.open(ctx, name, enc) }
	}
	if len(of) == 0 {
		return nil, nil
	}
	return func(kind, name, enc string) (secret.Secret, bool) {
		open := of[kind]
		if open == nil {
			return secret.Secret{}, false
		}
		return open(name, enc)
	}, nil
}

// maxKey is the largest opened key that is read, in bytes; sops' own have 32.
const maxKey = 4096

// gpgOpen has gpg decrypt a key. It asks nobody for a passphrase and fetches
// nothing; what it says on standard error is not passed on.
func gpgOpen(ctx context.Context, program, enc string) (secret.Secret, bool) {
	ctx, stop := context.WithTimeout(ctx, keyTime)
	defer stop()
	out := &capped{left: maxKey}
	cmd := exec.CommandContext(ctx, program, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "error", "--disable-dirmngr", "--decrypt")
	cmd.Stdin, cmd.Stdout = strings.NewReader(enc), out
	err := cmd.Run()
	return secret.New(out.String()), err == nil
}

// transit is a Vault whose transit engine opens keys. Where it is the environment
// says, never the file, which would get the token.
// https://developer.hashicorp.com/vault/api-docs/secret/transit#decrypt-data
type transit struct {
	address, namespace string
	token              secret.Secret
}

func (v transit) open(ctx context.Context, name, enc string) (secret.Secret, bool) {
	path, is := strings.CutPrefix(name, v.address+"/v1/")
	engine, key, named := strings.Cut(path, "/keys/")
	if !is || !named || strings.Contains(path, "..") || strings.ContainsAny(path, "?#%") {
		return secret.Secret{}, false
	}
	ctx, stop := context.WithTimeout(ctx, keyTime)
	defer stop()
	body, err := json.Marshal(map[string]string{"ciphertext": enc})
	if err != nil {
		return secret.Secret{}, false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.address+"/v1/"+engine+"/decrypt/"+key, bytes.NewReader(body))
	if err != nil {
		return secret.Secret{}, false
	}
	request.Header.Set("X-Vault-Token", v.token.Reveal()) // the Vault that the user named
	if v.namespace != "" {
		request.Header.Set("X-Vault-Namespace", v.namespace)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return secret.Secret{}, false
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Plaintext string `json:"plaintext"`
		} `json:"data"`
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(response.Body, 16*maxKey)).Decode(&answer) != nil {
		return secret.Secret{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(answer.Data.Plaintext)
	return secret.New(string(raw)), err == nil
}
