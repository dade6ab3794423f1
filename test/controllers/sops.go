package controllers

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/test/kube"
)

// Sops is the real sops with a new key of the real age.
type Sops struct {
	Recipient string // age1...
	Identity  string // the file that age-keygen writes, which holds the private key
	Path      string // of the program
}

// NewSops makes a key.
func NewSops(ctx context.Context) (*Sops, error) {
	folders, err := kube.Components(ctx, "sops", "age")
	if err != nil {
		return nil, err
	}
	identity, err := exec.CommandContext(ctx, filepath.Join(folders["age"], "age-keygen")).Output()
	if err != nil {
		return nil, fmt.Errorf("age-keygen: %w", err)
	}
	s := &Sops{Identity: string(identity), Path: filepath.Join(folders["sops"], "sops")}
	for _, line := range strings.Split(s.Identity, "\n") {
		if key, ok := strings.CutPrefix(line, "# public key: "); ok {
			s.Recipient = key
		}
	}
	return s, nil
}

// Encrypt is sops encrypt over data and stringData of a manifest.
func (s *Sops) Encrypt(ctx context.Context, manifest string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Path, "encrypt", "--age", s.Recipient, "--encrypted-regex", "^(data|stringData)$",
		"--input-type", "yaml", "--output-type", "yaml", "/dev/stdin")
	cmd.Stdin = strings.NewReader(manifest)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("sops encrypt: %w", err)
	}
	return string(out), nil
}
