// Package compose_test holds deploy/compose.yaml against the schema of compose files, and
// runs its App as it says, against a real PostgreSQL that has the same name and port.
package compose_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

const file = "../../deploy/compose.yaml"

type service struct {
	Command, Secrets  []string
	Environment       map[string]string
	User              string
	ReadOnly          bool     `yaml:"read_only"`
	CapDrop           []string `yaml:"cap_drop"`
	Healthcheck       struct{ Test []string }
	Volumes, Networks []string
}

type composed struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Networks map[string]struct{ Internal bool }
}

func read(t *testing.T) (c composed, raw any) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, yaml.Unmarshal(text, &c))
	must(t, yaml.Unmarshal(text, &raw))
	return c, raw
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecretsAreFiles: nothing secret stands in the file or in a variable, each secret is
// used, and PostgreSQL is reached from inside alone.
func TestSecretsAreFiles(t *testing.T) {
	c, _ := read(t)
	used := map[string]bool{}
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			used[secret] = true
		}
		if len(s.Healthcheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
		for variable, value := range s.Environment {
			if strings.Contains(value, "PASSWORD}") || strings.Contains(variable, "PASSWORD") && !strings.HasPrefix(value, "/run/secrets/") {
				t.Errorf("%s: %s", name, variable)
			}
		}
	}
	for name, s := range c.Secrets {
		if !used[name] || s.File == "" {
			t.Errorf("secret %s: %+v", name, s)
		}
		delete(used, name)
	}
	if len(used) > 0 || !c.Networks["inside"].Internal || !slices.Equal(c.Services["postgres"].Networks, []string{"inside"}) {
		t.Errorf("%v %v", used, c.Networks)
	}
	app := c.Services["app"]
	if !app.ReadOnly || app.User != "65532:65532" || !slices.Equal(app.CapDrop, []string{"ALL"}) {
		t.Errorf("the App may do more than it needs: %+v", app)
	}
}

// TestSchema holds the file against the schema that docker compose has.
func TestSchema(t *testing.T) {
	place := os.Getenv("LEAKGATE_COMPOSE_SCHEMA")
	if place == "" {
		t.Skip("LEAKGATE_COMPOSE_SCHEMA names no schema; test/e2e/run compose has it")
	}
	schema, err := jsonschema.NewCompiler().Compile(place)
	must(t, err)
	_, raw := read(t)
	must(t, schema.Validate(raw))
	raw.(map[string]any)["services"].(map[string]any)["app"].(map[string]any)["helthcheck"] = map[string]any{}
	if schema.Validate(raw) == nil {
		t.Error("the schema refuses nothing")
	}
}

// TestTheAppRuns has namespaces of its own for files and the network, in which the secrets
// lie where compose mounts them, as docs/app.md makes them, and PostgreSQL has its name.
func TestTheAppRuns(t *testing.T) {
	if os.Getenv("LEAKGATE_E2E") != "true" || os.Geteuid() != 0 {
		t.Skip("LEAKGATE_E2E is not true, or this is not root; test/e2e/run compose says what is needed")
	}
	c, _ := read(t)
	dir, err := os.MkdirTemp("", "compose")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	app := filepath.Join(dir, "leakgate-app")
	if out, err := exec.Command("go", "build", "-o", app, "../../cmd/leakgate-app").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}), 0o600))
	word := strings.Repeat("w", 32)
	must(t, os.WriteFile(filepath.Join(dir, "word"), []byte(word), 0o600))
	body := `{"zen":"Keep it logically awesome."}`
	must(t, os.WriteFile(filepath.Join(dir, "body"), []byte(body), 0o600))
	mac := hmac.New(sha256.New, []byte(word))
	mac.Write([]byte(body))
	s := c.Services["app"]
	cmd := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "run", dir, strings.Join(s.Healthcheck.Test[1:], " "), app)
	for _, word := range s.Command {
		cmd.Args = append(cmd.Args, filled(word))
	}
	cmd.Env = append(os.Environ(), "SIGNATURE=sha256="+hex.EncodeToString(mac.Sum(nil)), "MAKE_SECRETS="+documented(t))
	for name, value := range s.Environment {
		cmd.Env = append(cmd.Env, name+"="+filled(value))
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "answered 202, kept 1, ended 0") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// filled has variables as a user sets them, or their defaults.
func filled(text string) string {
	return regexp.MustCompile(`\$\{([A-Z_]+):([-?+])([^}]*)\}`).ReplaceAllStringFunc(text, func(v string) string {
		m := regexp.MustCompile(`\$\{([A-Z_]+):([-?+])([^}]*)\}`).FindStringSubmatch(v)
		switch m[2] {
		case "-":
			return m[3]
		case "+": // nobody sets what has no default
			return ""
		}
		return "7"
	})
}

// documented are the commands of docs/app.md that make the secrets.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/app.md")
	must(t, err)
	_, after, ok := strings.Cut(string(text), "<!-- secrets of compose -->\n```sh\n")
	commands, _, end := strings.Cut(after, "```")
	if !ok || !end {
		t.Fatal("docs/app.md does not say how to make the secrets")
	}
	return commands
}
