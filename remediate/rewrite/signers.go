package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// SSHSigner signs as `git config gpg.format ssh` does. Ed25519 keys sign the same
// bytes the same way each time.
type SSHSigner struct{ key ssh.Signer }

// LoadSSHSigner reads a private key that no passphrase protects.
func LoadSSHSigner(path string) (*SSHSigner, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%s has a passphrase; ssh-keygen -p on a copy takes it off", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no private SSH key", path) // the error could quote it
	}
	return &SSHSigner{key}, nil
}

// Sign gives the armored signature in git's namespace.
func (s *SSHSigner) Sign(payload []byte) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(payload), s.key, sshsig.HashSHA512, "git")
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(sig), nil
}

// GPGSigner signs with gpg. Its signatures hold the time, so ids differ from run to run.
type GPGSigner struct{ User string }

// Sign has gpg sign with the user's key.
func (s GPGSigner) Sign(payload []byte) ([]byte, error) {
	cmd := exec.Command("gpg", "--batch", "--status-fd=2", "-bsau", s.User)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(payload), &out, &said
	if err := cmd.Run(); err != nil || !bytes.Contains(said.Bytes(), []byte("[GNUPG:] SIG_CREATED ")) {
		return nil, fmt.Errorf("gpg: %s: %w", lastLine(said.Bytes()), errors.Join(err, errors.New("no signature came")))
	}
	return out.Bytes(), nil
}
