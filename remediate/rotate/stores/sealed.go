package stores

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// sealed is a value of a SealedSecret in a file. Only the controller in the
// cluster opens it, so nothing is read back: the version that was prepared is
// the proof of what was written.
type sealed struct {
	file
	key         string
	certificate *rsa.PublicKey
}

var sealedKind = rotate.Kind{
	ID: "sealed-secret", Name: "SealedSecret in a repository", Fate: rotate.Kept, Kept: inGit, Blind: true, Atomic: true,
	Source: "https://github.com/bitnami-labs/sealed-secrets/blob/main/docs/developer/crypto.md",
	Needs:  []string{"path of the file", "key of encryptedData", "settings.certificate = file of the controller's certificate (kubeseal --fetch-cert)"},
}

func newSealed(s setup) (rotate.Store, error) {
	f, err := newFile(s)
	if err != nil {
		return nil, err
	}
	key, err := certificateOf(s.place.Settings["certificate"], s.now())
	return &sealed{f, s.place.Key, key}, err
}

// certificateOf reads the controller's certificate. One that has ended is
// refused, as the controller has made a new key since.
func certificateOf(path string, now time.Time) (*rsa.PublicKey, error) {
	if !filepath.IsAbs(path) { // one beside a repository could be anybody's
		return nil, errors.New("settings.certificate is the whole path of the controller's certificate, from the root on")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("settings.certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("settings.certificate is no certificate in PEM: kubeseal --fetch-cert writes it")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("settings.certificate does not parse")
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, errors.New("settings.certificate holds no RSA key")
	case now.After(c.NotAfter):
		return nil, fmt.Errorf("settings.certificate ended at %s: kubeseal --fetch-cert gives the new one", c.NotAfter.UTC().Format(time.RFC3339))
	}
	return key, nil
}

// manifest is what is read of a SealedSecret.
type manifest struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Spec struct {
		Data map[string]yaml.Node `yaml:"encryptedData"`
	} `yaml:"spec"`
}

// find gives the one SealedSecret of the file that has the key.
func (s *sealed) find(content []byte) (found manifest, err error) {
	defer func() {
		if recover() != nil { // the YAML parser panics on its own mistakes
			err = denied("the file does not parse (YAML)")
		}
	}()
	count := 0
	d := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var m manifest
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) { // not by its text, in which values of the file stand
			break
		}
		if err != nil {
			return m, denied("the file does not parse (YAML)")
		}
		if _, ok := m.Spec.Data[s.key]; ok && m.Kind == "SealedSecret" {
			found, count = m, count+1
		}
	}
	if count != 1 {
		return found, denied(fmt.Sprintf("%d SealedSecrets in the file have the key %q", count, s.key))
	}
	return found, nil
}

// label binds a value to where it may be opened, as kubeseal's scopes do:
// https://github.com/bitnami-labs/sealed-secrets#scopes
func (m manifest) label() ([]byte, error) {
	switch {
	case m.Metadata.Annotations["sealedsecrets.bitnami.com/cluster-wide"] == "true":
		return nil, nil
	case m.Metadata.Namespace == "":
		return nil, denied("the SealedSecret names no namespace, and its values are bound to one")
	case m.Metadata.Annotations["sealedsecrets.bitnami.com/namespace-wide"] == "true":
		return []byte(m.Metadata.Namespace), nil
	case m.Metadata.Name == "":
		return nil, denied("the SealedSecret has no name, and its values are bound to one")
	}
	return []byte(m.Metadata.Namespace + "/" + m.Metadata.Name), nil
}

// Read tells the version. The values are the cluster's.
func (s *sealed) Read(_ context.Context, version string) (rotate.Version, error) {
	content, found, err := s.present(version)
	if err == nil {
		_, err = s.find(content)
	}
	return rotate.Version{ID: found}, err
}

// Prepare seals the values and puts them where the old ones stand, and changes
// nothing else in the file.
func (s *sealed) Prepare(_ context.Context, from string, values map[string]secret.Secret) (string, error) {
	content, err := s.from(from)
	if err != nil {
		return "", err
	}
	next := content
	for _, key := range sorted(values) {
		m, err := (&sealed{key: key}).find(next)
		if err != nil {
			return "", err
		}
		label, err := m.label()
		if err != nil {
			return "", err
		}
		box, err := crypto.HybridEncrypt(rand.Reader, s.certificate, []byte(values[key].Reveal()), label) // it is sealed here
		if err != nil {
			return "", denied("the value cannot be sealed for the certificate")
		}
		if next, err = exchange(next, m.Spec.Data[key], base64.StdEncoding.EncodeToString(box)); err != nil {
			return "", err
		}
	}
	s.next = next
	return versionOf(next), nil
}

// Write puts the prepared file in its place.
func (s *sealed) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	return s.written(ctx, from, values, s.Prepare)
}
