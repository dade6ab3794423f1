package stores

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// sops is a value in a file that sops encrypts. The program itself writes it, so
// recipients, rules, MAC and all else in the file stay as sops keeps them, for
// every kind of recipient; its library would bring the clients of six clouds.
// The program works on a copy in a folder of its own, in which it finds neither
// the repository's configuration nor the user's credentials.
type sops struct {
	file
	key     string
	index   string
	program string
	search  string                   // PATH, where sops finds other programs
	given   map[string]secret.Secret // variables of the environment
}

var sopsKind = rotate.Kind{
	ID: "sops", Name: "SOPS file in a repository", Fate: rotate.Kept, Kept: inGit, Atomic: true,
	Source: "https://getsops.io/docs/#set-a-sub-part-in-a-document-tree",
	Needs:  []string{"path of the file", "key = \"a.b\" or sops' own [\"a\"][\"b\"]", "settings.program (default sops)", "credentials.SOPS_AGE_KEY, or other variables that sops knows"},
}

func newSOPS(s setup) (rotate.Store, error) {
	f, err := newFile(s)
	if err != nil {
		return nil, err
	}
	program := s.place.Settings["program"]
	if program == "" {
		program = "sops"
	}
	if filepath.Base(program) != program && !filepath.IsAbs(program) {
		return nil, errors.New("settings.program is a name, or a whole path from the root on")
	}
	if program, err = exec.LookPath(program); err != nil {
		return nil, errors.New("the program sops is needed, from version 3.11 on: settings.program says where it is")
	}
	return &sops{f, s.place.Key, indexOf(s.place.Key), program, s.search, s.given}, nil
}

// indexOf is a key as sops spells it.
func indexOf(key string) string {
	if strings.HasPrefix(key, "[") {
		return key
	}
	var b strings.Builder
	for part := range strings.SplitSeq(key, ".") {
		if _, err := strconv.Atoi(part); err == nil {
			fmt.Fprintf(&b, "[%s]", part)
		} else {
			fmt.Fprintf(&b, "[%q]", part)
		}
	}
	return b.String()
}

// Read decrypts the value.
func (s *sops) Read(ctx context.Context, version string) (rotate.Version, error) {
	content, found, err := s.present(version)
	if err != nil {
		return rotate.Version{}, err
	}
	var value secret.Secret
	err = s.aside(content, func(copied string) (err error) {
		value, err = s.run(ctx, copied, secret.Secret{}, "decrypt", "--extract", s.index, copied)
		return err
	})
	return rotate.Version{ID: found, Values: map[string]secret.Secret{s.key: value}}, err
}

// Prepare has sops set the values in a copy, and reads them back.
func (s *sops) Prepare(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	content, err := s.from(from)
	if err != nil {
		return "", err
	}
	err = s.aside(content, func(copied string) error {
		for _, key := range sorted(values) {
			if err := s.set(ctx, copied, indexOf(key), values[key]); err != nil {
				return err
			}
		}
		s.next, err = os.ReadFile(copied)
		return err
	})
	if err != nil {
		s.next = nil
		return "", err
	}
	return versionOf(s.next), nil
}

func (s *sops) set(ctx context.Context, copied, index string, value secret.Secret) error {
	text, err := json.Marshal(value.Reveal()) // sops is to encrypt it
	if err != nil {
		return err
	}
	if _, err := s.run(ctx, copied, secret.New(string(text)), "set", "--value-stdin", copied, index); err != nil {
		return err
	}
	back, err := s.run(ctx, copied, secret.Secret{}, "decrypt", "--extract", index, copied)
	if err == nil && !back.Equal(value) {
		err = denied("sops does not give back what it was given")
	}
	return err
}

// Write puts the prepared file in its place.
func (s *sops) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	return s.written(ctx, from, values, s.Prepare)
}

// aside copies the file into a folder that nobody else sees.
func (s *sops) aside(content []byte, do func(copied string) error) error {
	folder, err := os.MkdirTemp("", "leakgate-sops-")
	if err != nil {
		return denied(err.Error())
	}
	defer os.RemoveAll(folder)
	copied := filepath.Join(folder, "file"+filepath.Ext(s.path)) // by which sops knows the format
	if err := os.WriteFile(copied, content, 0o600); err != nil {
		return denied(err.Error())
	}
	return do(copied)
}

// run runs sops and gives what it writes. Values come on standard input, and
// credentials in its environment, where only the same user sees them.
func (s *sops) run(ctx context.Context, copied string, in secret.Secret, args ...string) (secret.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, args...)
	folder := filepath.Dir(copied)
	cmd.Dir = folder
	cmd.Env = []string{"HOME=" + folder, "PATH=" + s.search, "SOPS_DISABLE_VERSION_CHECK=1"}
	var hidden secret.Redactor
	for name, value := range s.given {
		cmd.Env = append(cmd.Env, name+"="+value.Reveal()) // sops opens the file with it
		hidden.Add(value)
	}
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in.Reveal()), &out, &said // sops is to encrypt it
	if err := cmd.Run(); err != nil {
		hidden.Add(in)
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return secret.Secret{}, denied(fmt.Sprintf("sops %s: %v: %s", args[0], err, cut(hidden.Redact(line), 300)))
	}
	return secret.New(strings.TrimSuffix(out.String(), "\n")), nil
}
