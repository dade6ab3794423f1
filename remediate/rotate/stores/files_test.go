package stores

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// cabinet is an encrypted file and what opens it.
type cabinet struct {
	place  remediate.Place
	env    map[string]string
	opened func(t *testing.T) string // the value, by the key that the store does not have
}

// cabinets are a file of each kind of store that is one.
func cabinets() map[string]func(*testing.T) cabinet {
	all := map[string]func(*testing.T) cabinet{
		"sealed strictly":        func(t *testing.T) cabinet { return sealedCabinet(t, "", "prod/app") },
		"sealed for a namespace": func(t *testing.T) cabinet { return sealedCabinet(t, "namespace-wide", "prod") },
		"sealed for a cluster":   func(t *testing.T) cabinet { return sealedCabinet(t, "cluster-wide", "") },
	}
	if _, err := exec.LookPath("sops"); err == nil {
		all["sops"] = sopsCabinet
	}
	return all
}

func sealedCabinet(t *testing.T, scope, label string) cabinet {
	t.Helper()
	dir := t.TempDir()
	key, certificate := controller(t, dir, time.Now().Add(time.Hour))
	box, err := crypto.HybridEncrypt(rand.Reader, &key.PublicKey, []byte("the-old-value"), []byte(label))
	check(t, err)
	annotations := ""
	if scope != "" {
		annotations = "\n  annotations:\n    sealedsecrets.bitnami.com/" + scope + ": \"true\""
	}
	path := filepath.Join(dir, "sealed.yaml")
	text := "# of the team\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: app\n  namespace: prod" + annotations +
		"\nspec:\n  encryptedData:\n    user: AgBy3i4OJSWK  # stays\n    password: \"" + base64.StdEncoding.EncodeToString(box) + "\" # the one\n  template:\n    type: Opaque\n"
	check(t, os.WriteFile(path, []byte(text), 0o640))
	return cabinet{
		place: remediate.Place{Name: "app", Kind: "sealed-secret", Path: path, Key: "password", Mint: "stdin", Settings: map[string]string{"certificate": certificate}},
		opened: func(t *testing.T) string {
			m, err := (&sealed{key: "password"}).find(contentOf(t, path))
			check(t, err)
			raw, err := base64.StdEncoding.DecodeString(m.Spec.Data["password"].Value)
			check(t, err)
			plain, err := crypto.HybridDecrypt(rand.Reader, map[string]*rsa.PrivateKey{"": key}, raw, []byte(label))
			check(t, err)
			return string(plain)
		},
	}
}

// controller is the key of a controller and the file of its certificate.
func controller(t *testing.T, dir string, until time.Time) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	check(t, err)
	path := filepath.Join(dir, "certificate.pem")
	check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return key, path
}

func sopsCabinet(t *testing.T) cabinet {
	t.Helper()
	dir := t.TempDir()
	id, err := age.GenerateX25519Identity()
	check(t, err)
	other, err := age.GenerateX25519Identity()
	check(t, err)
	path := filepath.Join(dir, "secret.yaml")
	check(t, os.WriteFile(path, []byte("kind: Secret\nmetadata:\n  name: app\nstringData:\n  password: the-old-value\n  user: app\n"), 0o640))
	run(t, nil, "sops", "encrypt", "--in-place", "--age", id.Recipient().String()+","+other.Recipient().String(), "--encrypted-regex", "^(data|stringData)$", path)
	before := metadata(t, path)
	return cabinet{
		place: remediate.Place{Name: "app", Kind: "sops", Path: path, Key: "stringData.password", Mint: "stdin", Credentials: map[string]string{"SOPS_AGE_KEY": "env:KEY"}},
		env:   map[string]string{"KEY": id.String(), "PATH": os.Getenv("PATH")},
		opened: func(t *testing.T) string { // by the other recipient, with the MAC that sops verifies
			if after := metadata(t, path); after != before {
				t.Errorf("the metadata were %s, and are %s", before, after)
			}
			return strings.TrimSpace(run(t, []string{"SOPS_AGE_KEY=" + other.String()}, "sops", "decrypt", "--extract", `["stringData"]["password"]`, path))
		},
	}
}

// metadata is what must stay: the recipients with the key for each, and the rule.
func metadata(t *testing.T, path string) string {
	t.Helper()
	var doc struct {
		Sops struct {
			Age   []map[string]string `yaml:"age"`
			Regex string              `yaml:"encrypted_regex"`
		} `yaml:"sops"`
	}
	check(t, yaml.Unmarshal(contentOf(t, path), &doc))
	return fmt.Sprint(doc)
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "SOPS_DISABLE_VERSION_CHECK=1"}, env...)
	out, err := cmd.Output()
	check(t, err)
	return string(out)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	return text
}

// operator is an operator with the file.
func (c cabinet) operator(t *testing.T) (*rotate.Engine, World) {
	t.Helper()
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	at := &clock{now: time.Now()}
	state, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "leakgate.db"), store.Options{Key: key, Now: at.Now})
	check(t, err)
	t.Cleanup(func() { state.Close() })
	w := World{Env: func(name string) string { return c.env[name] }, Stdin: func() (secret.Secret, error) { return secret.New("the-new-value"), nil }}
	return &rotate.Engine{World: w, Engine: &remediate.Engine{Store: state, Key: key, Clock: at, Actor: "ann", Policy: remediate.Policy{Stores: []remediate.Place{c.place}}}}, w
}

func planned(t *testing.T, e *rotate.Engine) string {
	t.Helper()
	plan, digest, err := e.Plan(t.Context(), []rotate.Wish{{Place: "app"}})
	check(t, err)
	if plan.Acts() != 1 {
		t.Fatal(plan.Steps[0].Note)
	}
	return digest
}

func applied(t *testing.T, e *rotate.Engine, digest string, want remediate.Effect) string {
	t.Helper()
	out, err := e.Apply(t.Context(), digest)
	check(t, err)
	if out[0].Effect != want {
		t.Errorf("%s, want %s: %s", out[0].Effect, want, out[0].Why)
	}
	return out[0].Why
}

// TestSOPSItselfAndSealedFilesAreRotated runs the same over all kinds of files.
func TestSOPSItselfAndSealedFilesAreRotated(t *testing.T) {
	for name, open := range cabinets() {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			before := contentOf(t, c.place.Path)
			e, w := c.operator(t)
			digest := planned(t, e)
			e.World = dying{w}
			died := func() (p any) {
				defer func() { p = recover() }()
				_, err := e.Apply(t.Context(), digest)
				return err
			}()
			if died != death {
				t.Fatalf("the run did not come to the write: %v", died)
			}
			once := contentOf(t, c.place.Path)
			e.World = w
			applied(t, e, digest, rotate.Waiting)
			if after := contentOf(t, c.place.Path); string(after) != string(once) {
				t.Error("the file was written twice")
			}
			if value := c.opened(t); value != "the-new-value" {
				t.Error("the file does not hold the new value")
			}
			only(t, before, once)
			info, err := os.Stat(c.place.Path)
			check(t, err)
			if info.Mode().Perm() != 0o640 {
				t.Errorf("mode %04o", info.Mode().Perm())
			}
			left, err := os.ReadDir(filepath.Dir(c.place.Path))
			check(t, err)
			for _, f := range left {
				if strings.HasPrefix(f.Name(), ".leakgate") || strings.HasSuffix(f.Name(), ".lock") {
					t.Errorf("%s was left", f.Name())
				}
			}
			out, err := e.Undo(t.Context(), digest)
			check(t, err)
			if out[0].Effect != remediate.Refused || !strings.Contains(out[0].Why, "undo with git") {
				t.Errorf("%+v", out[0])
			}
		})
	}
}

// only holds two files to differ in few lines: a value, and of sops the MAC and its time.
func only(t *testing.T, before, after []byte) {
	t.Helper()
	b, a := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	if len(a) != len(b) {
		t.Fatalf("%d lines, and then %d", len(b), len(a))
	}
	for i := range b {
		if a[i] != b[i] && !strings.Contains(b[i], "password:") && !strings.Contains(b[i], "mac:") && !strings.Contains(b[i], "lastmodified:") {
			t.Errorf("line %d changed: %s", i+1, strings.SplitN(b[i], ":", 2)[0])
		}
	}
}

func TestSOPSItselfAndSealedFilesOfOthersAreLeftAlone(t *testing.T) {
	for name, open := range cabinets() {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			e, w := c.operator(t)
			digest := planned(t, e)
			f, err := os.OpenFile(c.place.Path, os.O_APPEND|os.O_WRONLY, 0)
			check(t, err)
			_, err = f.WriteString("# of somebody else\n")
			check(t, errors.Join(err, f.Close()))
			theirs := contentOf(t, c.place.Path)
			if why := applied(t, e, digest, remediate.Refused); !strings.Contains(why, rotate.ErrConflict.Error()) {
				t.Error(why)
			}
			s, err := w.Store(c.place)
			check(t, err)
			if _, err := s.Write(t.Context(), strings.Repeat("0", 64), map[string]secret.Secret{c.place.Key: secret.New("x")}); !errors.Is(err, rotate.ErrConflict) {
				t.Errorf("a write over another version: %v", err)
			}
			if string(contentOf(t, c.place.Path)) != string(theirs) {
				t.Error("what somebody else wrote is lost")
			}
			elsewhere := c.place.Path + ".elsewhere"
			check(t, os.Rename(c.place.Path, elsewhere))
			check(t, os.Symlink(elsewhere, c.place.Path))
			if _, err := s.Read(t.Context(), ""); !errors.Is(err, rotate.ErrDenied) {
				t.Errorf("a link is followed: %v", err)
			}
			check(t, os.Remove(c.place.Path))
			if _, err := s.Read(t.Context(), ""); !errors.Is(err, rotate.ErrGone) {
				t.Errorf("a file that is not there: %v", err)
			}
		})
	}
}

func TestSealedRefusesWhatItCannotBind(t *testing.T) {
	dir := t.TempDir()
	_, certificate := controller(t, dir, time.Now().Add(time.Hour))
	box := strings.Repeat("QUFB", 20)
	for name, text := range map[string]string{
		"no namespace": "kind: SealedSecret\nmetadata: {name: app}\nspec: {encryptedData: {password: " + box + "}}\n",
		"no name":      "kind: SealedSecret\nmetadata: {namespace: prod}\nspec: {encryptedData: {password: " + box + "}}\n",
		"two of them":  strings.Repeat("---\nkind: SealedSecret\nmetadata: {name: app, namespace: prod}\nspec: {encryptedData: {password: "+box+"}}\n", 2),
		"on two lines": "kind: SealedSecret\nmetadata: {name: app, namespace: prod}\nspec:\n  encryptedData:\n    password: >-\n      " + box + "\n",
		"the same text twice": "kind: SealedSecret\nmetadata: {name: app, namespace: prod}\nspec:\n  encryptedData:\n    other: " + box +
			"\n    password: " + box + "\n",
		"a plain Secret": "kind: Secret\nmetadata: {name: app, namespace: prod}\nspec: {encryptedData: {password: " + box + "}}\n",
		"no YAML":        "kind: [",
	} {
		path := filepath.Join(dir, "f.yaml")
		check(t, os.WriteFile(path, []byte(text), 0o600))
		s, err := World{Env: os.Getenv}.Store(remediate.Place{Name: "app", Kind: "sealed-secret", Path: path, Key: "password", Settings: map[string]string{"certificate": certificate}})
		check(t, err)
		if _, err := s.Write(t.Context(), versionOf([]byte(text)), map[string]secret.Secret{"password": secret.New("the-new-value")}); !errors.Is(err, rotate.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		if string(contentOf(t, path)) != text {
			t.Errorf("%s: the file changed", name)
		}
	}
	_, certificate = controller(t, dir, time.Now().Add(-time.Hour))
	if _, err := (World{Env: os.Getenv}).Store(remediate.Place{Name: "app", Kind: "sealed-secret", Path: "/x", Key: "password", Settings: map[string]string{"certificate": certificate}}); err == nil || !strings.Contains(err.Error(), "fetch-cert") {
		t.Errorf("a certificate that has ended: %v", err)
	}
}

func TestSOPSItselfRefusesAFileWhoseMACDoesNotFit(t *testing.T) {
	if _, err := exec.LookPath("sops"); err != nil {
		t.Skip("needs sops: test/e2e/run sops")
	}
	c := sopsCabinet(t)
	text := strings.Replace(string(contentOf(t, c.place.Path)), "name: app", "name: app\nstringData2: x", 1)
	check(t, os.WriteFile(c.place.Path, []byte(text), 0o600))
	_, w := c.operator(t)
	s, err := w.Store(c.place)
	check(t, err)
	_, err = s.Write(t.Context(), versionOf([]byte(text)), map[string]secret.Secret{c.place.Key: secret.New("the-new-value")})
	if !errors.Is(err, rotate.ErrDenied) || strings.Contains(err.Error(), "the-new-value") {
		t.Errorf("%v", err)
	}
	if string(contentOf(t, c.place.Path)) != text {
		t.Error("the file changed")
	}
}
