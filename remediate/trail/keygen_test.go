package trail

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

// An auditor without leakgate verifies the manifest with OpenSSH.
func TestSSHKeygenVerifiesBundles(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen; test/e2e/run approve installs one")
	}
	text, dir := bundled(t), t.TempDir()
	files, err := unpack(bytes.NewReader(text), int64(len(text)))
	check(t, err)
	signature, allowed := filepath.Join(dir, "sig"), filepath.Join(dir, "allowed")
	check(t, os.WriteFile(signature, files[signatureFile], 0o600))
	check(t, os.WriteFile(allowed, append([]byte("ann "), ssh.MarshalAuthorizedKey(signer(t, "ours").PublicKey())...), 0o600))
	run := func(manifest []byte) error {
		cmd := exec.Command(keygen, "-Y", "verify", "-f", allowed, "-I", "ann", "-n", Namespace, "-s", signature)
		cmd.Stdin = bytes.NewReader(manifest)
		return cmd.Run()
	}
	if err := run(files[manifestFile]); err != nil {
		t.Errorf("ssh-keygen does not verify: %v", err)
	}
	if err := run(append(files[manifestFile], ' ')); err == nil {
		t.Error("ssh-keygen verifies what was changed")
	}
}
