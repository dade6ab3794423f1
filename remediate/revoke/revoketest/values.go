package revoketest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/rules"
)

var placeholder = regexp.MustCompile(`\{\{([a-z][a-z0-9_]*)(?:\|([a-z0-9]+))?\}\}`)

// generate makes the values of this run.
func (t *Transcript) generate() (err error) {
	t.values = map[string]string{}
	for i, name := range append([]string{"secret"}, keys(t.Given)...) {
		template := t.Given[name]
		if name == "secret" {
			template = t.Secret
		}
		if t.values[name], err = rules.ExpandExample(template, uint64(i)+1); err != nil {
			return err
		}
	}
	for name, value := range t.values { // a value may be made of others
		t.values[name] = t.fill(value)
	}
	switch t.Generate {
	case "":
		return nil
	case "ssh":
		return t.generateSSH()
	case "gcp":
		return t.generateGoogle()
	case "certificate":
		return t.generateCertificate()
	case "issued-certificate":
		return t.generateIssued()
	case "issuer":
		t.values["secret"], err = signed(map[string]string{"iss": "https://login.example/realms/acme", "sub": "ada", "jti": "one"})
		return err
	case "kubernetes":
		return t.generateKubernetes()
	default:
		return fmt.Errorf("nothing generates %q", t.Generate)
	}
}

func (t *Transcript) generateSSH() error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	t.values["secret"] = string(pem.EncodeToMemory(block))
	t.values["public_key"] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	return nil
}

func (t *Transcript) generateGoogle() error {
	key, err := rsa.GenerateKey(rand.Reader, 1024) // a key for nothing, made anew for each run
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	t.values["project"], t.values["key_id"] = "example-project", hex.EncodeToString(sha1Like("key"))[:40]
	t.values["email"] = "robot@example-project.iam.gserviceaccount.com"
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": t.values["project"], "private_key_id": t.values["key_id"],
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": t.values["email"],
	})
	public, e := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if e != nil {
		return e
	}
	t.values["secret"], t.values["google_public"] = string(file), base64.StdEncoding.EncodeToString(public)
	return err
}

func sha1Like(text string) []byte { sum := sha256.Sum256([]byte(text)); return sum[:] }

// generateKubernetes makes a service account's token as the API server does.
func (t *Transcript) generateKubernetes() (err error) {
	t.values["secret"], err = signed(map[string]string{
		"iss": "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/namespace": "prod",
		"kubernetes.io/serviceaccount/secret.name": "robot-token-x7k2p", "sub": "system:serviceaccount:prod:robot",
	})
	return err
}

// signed is a JSON Web Token of a key that nobody keeps.
func signed(claims map[string]string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := b64(`{"alg":"ES256","kid":"one"}`) + "." + b64(string(body))
	sum := sha256.Sum256([]byte(text))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	return text + "." + b64(string(signature)), err
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// fill replaces {{name}} and {{name|filter}}. What is not known stays and is
// found by whoever compares. Filters: sha256, sha512, base64, sha256url,
// crc32c, firstN, lastN, json (without the quotes).
func (t *Transcript) fill(template string) string {
	return placeholder.ReplaceAllStringFunc(template, func(all string) string {
		m := placeholder.FindStringSubmatch(all)
		value, ok := t.values[m[1]]
		if !ok {
			return all
		}
		return filter(m[2], value)
	})
}

func filter(name, value string) string {
	switch {
	case name == "":
		return value
	case name == "sha256":
		sum := sha256.Sum256([]byte(value))
		return hex.EncodeToString(sum[:])
	case name == "sha512":
		sum := sha512.Sum512([]byte(value))
		return hex.EncodeToString(sum[:])
	case name == "sha256url":
		sum := sha256.Sum256([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	case name == "crc32c":
		return strconv.FormatUint(uint64(crc32.Checksum([]byte(value), crc32.MakeTable(crc32.Castagnoli))), 10)
	case name == "base64":
		return base64.StdEncoding.EncodeToString([]byte(value))
	case name == "json":
		text, _ := json.Marshal(value)
		return string(text[1 : len(text)-1])
	case strings.HasPrefix(name, "first"):
		return value[:number(name[5:])]
	default:
		return value[len(value)-number(strings.TrimPrefix(name, "last")):]
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("transcript: no number in a filter: " + text)
	}
	return n
}
