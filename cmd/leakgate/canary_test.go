package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke"
)

// canary holds values planted in a repository, and searches for them in every
// byte that leaves any door. A new command, format or failure joins it by a line
// in one of the tests beside.
type canary struct {
	t      *testing.T
	values map[string]secret.Secret // by the place they were planted in
	forms  map[string]string        // every spelling of them, with the place
	root   string                   // everything may be written below
	known  map[string]string        // the files that were planted: path to content
	env    map[string]string
	now    func() time.Time
	stdout io.Writer // instead of a buffer
	issuer remediate.Issuer
	client *revoke.Client
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	return &canary{
		t: t, values: map[string]secret.Secret{}, forms: map[string]string{hex.EncodeToString(key): "the installation's key"},
		root: root, known: map[string]string{}, now: time.Now,
		env: map[string]string{keyVariable: hex.EncodeToString(key), cacheVariable: filepath.Join(root, "cache"),
			"XDG_CONFIG_HOME": filepath.Join(root, ".config"), "XDG_STATE_HOME": filepath.Join(root, "state")},
	}
}

// plant makes a value known, and each line of one of several lines by itself.
func (c *canary) plant(place, value string) string {
	c.values[place] = secret.New(value)
	for _, line := range strings.Split(value, "\n") {
		if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			for _, form := range secret.Forms(secret.New(line)) {
				c.forms[form] = place
			}
		}
	}
	return value
}

// token plants a new token.
func (c *canary) token(place string) string { return c.plant(place, gittest.Token()) }

// repo is a repository with a value in every place that a report may show.
func (c *canary) repo() *gittest.Repo {
	r := gittest.New(c.t)
	r.File("a.txt", "hello\n")
	r.Git("tag", "first")
	r.File("token.txt", "token: "+c.token("a line")+"\n")
	r.File("key.pem", c.plant("a private key", privateKey(c.t)))
	r.File("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  password: "+
		base64.StdEncoding.EncodeToString([]byte(c.plant("a Kubernetes Secret", gittest.Letters(28))))+"\n")
	r.File("encoded.txt", "value: "+base64.StdEncoding.EncodeToString([]byte("token: "+c.token("base64")+"\n"))+"\n")
	r.File("name-"+c.token("a path")+"/f.txt", "token: "+c.token("a file with a bad name")+"\n")
	r.Write("said.txt", "hello\n")
	r.Commit("Use " + c.token("a message") + " now")
	r.Write("signed.txt", "token: "+c.token("a file of a bad author")+"\n")
	r.Git("add", "-A")
	r.Git("commit", "-q", "-m", "Sign", "--author", "Ada "+c.token("an author")+" <ada@example.com>")
	r.Git("branch", "topic-"+c.token("a branch"))
	r.Git("tag", "-a", "-m", "Release with "+c.token("a tag message"), "v1")
	r.Write("box.zip", c.zip())
	r.Write("both.txt", "branch: "+c.values["a branch"].Reveal()+"\n")
	r.Commit("Add a box")
	r.Write("staged.txt", "token: "+c.token("what is staged")+"\n")
	r.Git("add", "staged.txt")
	r.Write("token.txt", "other: "+c.token("what is changed")+"\n")
	r.Write("loose.txt", "other: "+c.token("an untracked file")+"\n")
	c.settle(r.Dir)
	return r
}

func (c *canary) zip() string {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	member, err := w.Create("in-" + c.token("a member's name") + "/member.txt")
	if err == nil {
		_, err = member.Write([]byte("token: " + c.token("an archive") + "\n"))
	}
	if err != nil || w.Close() != nil {
		c.t.Fatal(err)
	}
	return out.String()
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE" + " KEY", Bytes: der}))
}

// settle remembers what lies in a folder now: only what is written later leaves.
func (c *canary) settle(dir string) { maps.Copy(c.known, files(c.t, dir)) }

// files reads every file below a folder, but git's objects.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "objects" && d.IsDir() {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			out[path] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run runs a command line, with every verbosity, and searches what it says and
// what it writes. The exit code shows that the door did what it is for.
func (c *canary) run(dirs []string, stdin string, code int, args ...string) {
	c.t.Helper()
	for _, level := range []string{"", "-v", "-vv"} {
		line := args
		if level != "" {
			line = append(slices.Clone(args), level)
		}
		c.once(context.Background(), dirs, stdin, code, line...)
	}
}

// anyCode is for runs whose exit code says nothing.
const anyCode = -1

// driven are the commands that were run.
var driven = map[string]bool{}

func (c *canary) once(ctx context.Context, dirs []string, stdin string, code int, args ...string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	w := &world{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, now: c.now, status: true,
		env: func(name string) string { return c.env[name] }, issuer: c.issuer, client: c.client,
	}
	if c.stdout != nil {
		w.stdout = c.stdout
	}
	if leaf, _, err := w.root().Find(args); err == nil {
		driven[leaf.CommandPath()] = true
	}
	if got := w.run(ctx, args); got != code && code != anyCode {
		c.t.Errorf("%s: exit %d, want %d\n%s%s", c.hide(strings.Join(args, " ")), got, code, c.hide(out.String()), c.hide(errs.String()))
	}
	c.search(args, "standard output", out.String())
	c.search(args, "standard error", errs.String())
	for _, dir := range append(dirs, c.root) {
		for path, text := range files(c.t, dir) {
			if c.known[path] != text {
				c.search(args, "the name of "+filepath.Ext(path), path)
				c.search(args, path, text)
			}
		}
	}
}

// search fails where a value is visible, without showing it.
func (c *canary) search(args []string, where, text string) {
	c.t.Helper()
	for form, place := range c.forms {
		if at := strings.Index(text, form); at >= 0 {
			around := text[max(0, at-60):min(len(text), at+len(form)+40)]
			c.t.Errorf("%s: the value in %s is visible in %s: …%s…", c.hide(strings.Join(args, " ")), place, c.hide(where), c.hide(around))
		}
	}
}

// hide keeps the values from the output of the tests.
func (c *canary) hide(text string) string {
	var r secret.Redactor
	for _, s := range c.values {
		r.Add(s)
	}
	return r.Redact(text)
}

// A new command is not out of sight: it has to be driven by a canary test.
func TestEveryCommandIsSearchedForValues(t *testing.T) {
	if flag.Lookup("test.run").Value.String() != "" {
		t.Skip("only some of the tests were run")
	}
	var missing func(c *cobra.Command)
	missing = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			missing(sub)
		}
		if !c.HasSubCommands() && !driven[c.CommandPath()] {
			t.Errorf("%s is not driven by a canary test", c.CommandPath())
		}
	}
	missing((&world{}).root())
}
