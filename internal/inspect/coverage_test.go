package inspect_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/sources"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// place is one hiding place for a secret. hide puts the value there; seen says
// whether gitleaks 8.30.1 finds it there. at says where leakgate must find it.
type place struct {
	name  string
	seen  bool
	hide  func(r *gittest.Repo, value string)
	at    func(f scanner.Finding) bool
	value func() string // nil: gittest.Token
}

func inPath(path string) func(scanner.Finding) bool {
	return func(f scanner.Finding) bool { return f.At.Path == path }
}

func decodedFrom(via ...string) func(scanner.Finding) bool {
	return func(f scanner.Finding) bool { return strings.Join(f.At.DecodedFrom, ",") == strings.Join(via, ",") }
}

var places = []place{
	{"an ordinary line", true, func(r *gittest.Repo, v string) { r.File("a.txt", "token: "+v+"\n") }, inPath("a.txt"), nil},
	{"a merge commit that types it in", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("checkout", "-q", "-b", "side")
		r.File("b.txt", "two\n")
		r.Git("checkout", "-q", "main")
		r.File("c.txt", "three\n")
		r.Git("merge", "-q", "--no-commit", "--no-ff", "side")
		r.Write("b.txt", "two\ntoken: "+v+"\n")
		r.Commit("Merge side")
		r.File("b.txt", "two\n")
	}, inPath("b.txt"), nil},
	{"the name of a branch", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("branch", "topic/"+v)
	}, func(f scanner.Finding) bool {
		return f.At.Kind == scanner.InPath && strings.HasPrefix(f.At.Path, "refs/heads/topic/")
	}, nil},
	{"the name of a tag", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("tag", v)
	}, func(f scanner.Finding) bool {
		return f.At.Kind == scanner.InPath && strings.HasPrefix(f.At.Path, "refs/tags/")
	}, nil},
	{"a path marked binary", false, func(r *gittest.Repo, v string) {
		r.Write(".gitattributes", "*.env binary\n")
		r.File("prod.env", "TOKEN="+v+"\n")
	}, inPath("prod.env"), nil},
	{"a path marked -diff", false, func(r *gittest.Repo, v string) {
		r.Write(".gitattributes", "*.env -diff\n")
		r.File("prod.env", "TOKEN="+v+"\n")
	}, inPath("prod.env"), nil},
	{"a symbolic link that becomes a file", false, func(r *gittest.Repo, v string) {
		if err := os.Symlink("elsewhere", filepath.Join(r.Dir, "config")); err != nil {
			panic(err)
		}
		r.Commit("Link")
		os.Remove(filepath.Join(r.Dir, "config"))
		r.File("config", "token: "+v+"\n")
	}, inPath("config"), nil},
	{"UTF-16 with a byte order mark", false, func(r *gittest.Repo, v string) {
		r.File("a.ps1", "\xff\xfe"+utf16le("$token = '"+v+"'\r\n"))
	}, inPath("a.ps1"), nil},
	{"UTF-16 without a byte order mark", false, func(r *gittest.Repo, v string) {
		r.File("a.ps1", utf16le("# settings\r\n$token = '"+v+"'\r\n"))
	}, inPath("a.ps1"), nil},
	{"a pure rename", false, func(r *gittest.Repo, v string) {
		r.File("old.txt", "token: "+v+"\n")
		r.Git("mv", "old.txt", "new.txt")
		r.Commit("Rename")
	}, inPath("new.txt"), nil},
	{"a copy", true, func(r *gittest.Repo, v string) { // without -C git shows a copy as a new file
		r.File("old.txt", "token: "+v+"\n")
		r.File("copy.txt", "token: "+v+"\n")
	}, inPath("copy.txt"), nil},
	{"a commit message", false, func(r *gittest.Repo, v string) {
		r.Write("a.txt", "one\n")
		r.Commit("Use the new token\n\ntoken: " + v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InMessage }, nil},
	{"the message of a tag", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("tag", "-a", "v1", "-m", "released with token: "+v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InMessage }, nil},
	{"a note", true, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("notes", "add", "-m", "token: "+v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InContent }, nil},
	{"a diff that stops the parser of git log's output", false, func(r *gittest.Repo, v string) {
		r.File("later.txt", "token: "+v+"\n")
		r.Git("config", "color.ui", "always")
	}, inPath("later.txt"), nil},
	{"what is only staged", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Write("a.txt", "one\ntoken: "+v+"\n")
		r.Git("add", "a.txt")
	}, func(f scanner.Finding) bool { return f.At.Origin == scanner.FromStaged }, nil},
	{"what is only in the working tree", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Write("a.txt", "one\ntoken: "+v+"\n")
	}, func(f scanner.Finding) bool { return f.At.Origin == scanner.FromWorktree }, nil},
	{"base64", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+b64("token: "+v)+"\n") }, decodedFrom("base64"), nil},
	{"hexadecimal", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+hex.EncodeToString([]byte("token: "+v))+"\n") }, decodedFrom("hex"), nil},
	{"percent encoding", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+percent("token: "+v)+"\n") }, decodedFrom("percent"), nil},
	{"\\u escapes", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+escapes("token: "+v)+"\n") }, decodedFrom("unicode"), nil},
	{"base64, five deep", true, func(r *gittest.Repo, v string) {
		text := "token: " + v
		for range 5 {
			text = b64(text)
		}
		r.File("a.txt", "x: "+text+"\n")
	}, inPath("a.txt"), nil},
	{"a zip", false, func(r *gittest.Repo, v string) {
		r.File("a.zip", zipped("inner/config.txt", "token: "+v+"\n"))
	}, inPath("a.zip!inner/config.txt"), nil},
	{"a jar in a tar.gz in a zip, none named so", false, func(r *gittest.Repo, v string) {
		r.File("picture", zipped("one", tarred("two", zipped("three.txt", "token: "+v+"\n"))))
	}, inPath("picture!one!two!three.txt"), nil},
	{name: "the source of a Jupyter notebook", hide: func(r *gittest.Repo, v string) {
		r.File("a.ipynb", notebook("token = \""+v+"\"\n"))
	}, at: inPath("a.ipynb"), value: boundedToken},
	{name: "a value that contains the word false", hide: func(r *gittest.Repo, v string) {
		r.File("a.txt", "token: "+v+"\n")
	}, at: inPath("a.txt"), value: func() string { t := gittest.Token(); return t[:len(t)-8] + "xFALSEx3" }},
	{name: "an installation token of GitHub's new format", hide: func(r *gittest.Repo, v string) {
		r.File("a.txt", "token: "+v+"\n")
	}, at: inPath("a.txt"), value: installationToken},
	{name: "a file that is added and removed again", seen: true, hide: func(r *gittest.Repo, v string) {
		r.File("a.txt", "token: "+v+"\n")
		r.File("a.txt", "nothing\n")
	}, at: inPath("a.txt")},
	{name: "a line that only moved", seen: true, hide: func(r *gittest.Repo, v string) {
		lines := strings.Repeat("filler\n", 20)
		r.File("a.txt", "token: "+v+"\n"+lines)
		r.File("a.txt", lines+"token: "+v+"\n")
	}, at: func(f scanner.Finding) bool { return f.At.StartLine == 21 }},
	{name: "a Kubernetes Secret with its keys in an odd order", hide: func(r *gittest.Repo, v string) {
		r.File("deploy.yaml", "data:\n  answer: "+b64(v)+"\nmetadata: {name: db}\nkind: Secret\napiVersion: v1\n")
	}, at: inManifest("data.answer"), value: plainWords},
	{name: "a Kubernetes Secret in JSON", hide: func(r *gittest.Repo, v string) {
		r.File("deploy.json", `{"apiVersion":"v1","data":{"answer":"`+b64(v)+`"},"kind":"Secret","metadata":{"name":"db"}}`)
	}, at: inManifest("data.answer"), value: plainWords},
	{name: "stringData of a Kubernetes Secret", hide: func(r *gittest.Repo, v string) {
		r.File("deploy.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  answer: "+v+"\n")
	}, at: inManifest("stringData.answer"), value: plainWords},
}

func inManifest(field string) func(scanner.Finding) bool {
	return func(f scanner.Finding) bool { return f.At.Kind == scanner.InManifest && f.At.Field == field }
}

// boundedToken is in the shape of a DigitalOcean token, which gitleaks' rule
// finds only before a quote, white space or the end.
func boundedToken() string {
	return "dop" + "_v1_" + hex.EncodeToString([]byte(gittest.Letters(32)))
}

// installationToken is in the shape that GitHub gives out since 2026:
// ghs_, the number of the App, and a JSON Web Token.
func installationToken() string {
	part := func(n int) string { return base64.RawURLEncoding.EncodeToString([]byte(gittest.Letters(n))) }
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`))
	return "gh" + "s_123456_" + header + "." + part(90) + "." + part(256)
}

// plainWords is a password without the shape of anything.
func plainWords() string { return "meadow-" + gittest.Letters(4) + "-lantern" }

func TestEveryHidingPlaceIsSearched(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			make := p.value
			if make == nil {
				make = gittest.Token
			}
			repo, value := gittest.New(t), make()
			p.hide(repo, value)
			requireFinding(t, ask(t, inspect.Question{Path: repo.Dir}), value, p.at)
			where := p.name
			if seen := gitleaksFinds(t, repo.Dir, value, p.name == "a pure rename"); seen != p.seen {
				t.Errorf("gitleaks finds the value in %s: %v, not %v as this table says", where, seen, p.seen)
			}
		})
	}
}

// folders are hiding places outside of git, where gitleaks reads files in pieces
// and by their names.
var folders = []struct {
	name  string
	seen  bool
	file  string
	text  func(value string) string
	value func() string
}{
	{"an ordinary file", true, "a.txt", func(v string) string { return "token: " + v + "\n" }, gittest.Token},
	{"a text file named like an archive", false, "a.gz", func(v string) string { return "token: " + v + "\n" }, gittest.Token},
	{"a key across a boundary of 100 kB", false, "a.txt", func(v string) string {
		return strings.Repeat("x", 100_000-30) + "\n" + v // the blank line below the headers ends gitleaks' piece
	}, privateKey},
}

func TestEveryHidingPlaceInAFolderIsSearched(t *testing.T) {
	for _, f := range folders {
		t.Run(f.name, func(t *testing.T) {
			dir, value := t.TempDir(), f.value()
			if err := os.WriteFile(filepath.Join(dir, f.file), []byte(f.text(value)), 0o644); err != nil {
				t.Fatal(err)
			}
			requireFinding(t, ask(t, inspect.Question{What: inspect.Folder, Path: dir}), strings.TrimSpace(value), inPath(f.file))
			d := gitleaksDetector(t)
			found, err := d.DetectSource(context.Background(), &sources.Files{Config: &d.Config, Path: dir, Sema: d.Sema})
			if err != nil {
				t.Fatal(err)
			}
			if seen := len(found) > 0; seen != f.seen {
				t.Errorf("gitleaks finds the value in %s: %v, not %v as this table says", f.name, seen, f.seen)
			}
		})
	}
}

func gitleaksDetector(t *testing.T) *detect.Detector {
	t.Helper()
	silenceGitleaks()
	gitleaksGlobals.Lock()
	defer gitleaksGlobals.Unlock()
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	d.MaxDecodeDepth = 5
	return d
}

// gitleaksGlobals guards what gitleaks reads its configuration into, and
// silenceGitleaks turns its logger off before anything reads it.
var (
	gitleaksGlobals sync.Mutex
	silenceGitleaks = sync.OnceFunc(func() { logging.Logger = zerolog.Nop() })
)

func ask(t *testing.T, q inspect.Question) []scanner.Finding {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Run(context.Background(), q, inspect.World{
		Key: key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Result.Coverage.Missed {
		t.Errorf("missed: %+v", m)
	}
	return r.Result.Findings
}

func requireFinding(t *testing.T, found []scanner.Finding, value string, at func(scanner.Finding) bool) {
	t.Helper()
	var seen []string
	for _, f := range found {
		if strings.Contains(value, f.Secret.Reveal()) || strings.Contains(f.Secret.Reveal(), value) {
			if at(f) {
				return
			}
			seen = append(seen, fmt.Sprintf("%+v", f.At))
		}
	}
	t.Errorf("not found there; found in %q", seen)
}

// gitleaksFinds runs gitleaks' own engine as its command does by default. With
// renamed, only findings under a new name count.
func gitleaksFinds(t *testing.T, dir, value string, renamed bool) bool {
	t.Helper()
	for _, f := range gitleaksHistory(t, dir) {
		if strings.Contains(f.Secret, value) && (!renamed || f.File == "new.txt") {
			return true
		}
	}
	return false
}

func utf16le(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func percent(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		fmt.Fprintf(&out, "%%%02X", b)
	}
	if got, err := url.PathUnescape(out.String()); err != nil || got != s {
		panic("percent encoding is wrong")
	}
	return out.String()
}

func escapes(s string) string {
	var out strings.Builder
	for _, r := range s {
		fmt.Fprintf(&out, "\\u%04x", r)
	}
	return out.String()
}

func zipped(name, content string) string {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err != nil || z.Close() != nil {
		panic("cannot make a zip")
	}
	return out.String()
}

func tarred(name, content string) string {
	var out bytes.Buffer
	g := gzip.NewWriter(&out)
	w := tar.NewWriter(g)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, content)
	w.Close()
	g.Close()
	return out.String()
}

func notebook(source string) string {
	text, err := json.Marshal(map[string]any{
		"nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{},
		"cells": []any{map[string]any{"cell_type": "code", "metadata": map[string]any{}, "outputs": []any{}, "source": []string{source}}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func privateKey() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE" + " KEY", Bytes: x509.MarshalPKCS1PrivateKey(key), Headers: map[string]string{"Comment": "made for a test"},
	}))
}

func TestWhatBecomesASecretByAnotherLineIsFound(t *testing.T) {
	value := plainWords()
	for name, versions := range map[string][2]string{
		"the kind changes": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nstringData:\n  p: " + value + "\n",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  p: " + value + "\n",
		},
		"the syntax is mended": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nq: [1\nstringData:\n  p: " + value + "\n",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nq: [1]\nstringData:\n  p: " + value + "\n",
		},
	} {
		repo := gittest.New(t)
		repo.File("x.yaml", versions[0])
		second := repo.File("x.yaml", versions[1])
		requireFinding(t, ask(t, inspect.Question{Path: repo.Dir}), value, func(f scanner.Finding) bool {
			return f.Commit.ID == second && !f.Older
		})
		if t.Failed() {
			t.Fatalf("when %s", name)
		}
	}
}

func TestADocumentTooLargeToParseIsMissed(t *testing.T) {
	repo := gittest.New(t)
	repo.File("x.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {p: "+plainWords()+"}\nq: "+
		strings.Repeat("[", 250)+strings.Repeat("]", 250)+"\n")
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Run(context.Background(), inspect.Question{Path: repo.Dir}, inspect.World{
		Key: key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test"})
	if err != nil || r.Result.Coverage.Complete() || r.Verdict.ExitCode() != 3 {
		t.Errorf("%v, %+v", err, r.Result.Coverage)
	}
}

func TestFurtherHeadersOfACommitAreSearched(t *testing.T) {
	repo, value := gittest.New(t), gittest.Token()
	repo.File("a.txt", "one\n")
	raw := repo.Git("cat-file", "commit", "HEAD")
	head, message, _ := strings.Cut(raw, "\n\n")
	if err := os.WriteFile(filepath.Join(repo.Dir, "commit"), []byte(head+"\nHG:extra token: "+value+"\n\n"+message+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := repo.Git("hash-object", "-t", "commit", "-w", "commit")
	repo.Git("update-ref", "refs/heads/other", id)
	os.Remove(filepath.Join(repo.Dir, "commit"))
	requireFinding(t, ask(t, inspect.Question{Path: repo.Dir}), value, func(f scanner.Finding) bool { return f.At.Blob == id })
}

func TestWhatIsStagedOutsideOfASparseCheckoutIsFound(t *testing.T) {
	repo, value := gittest.New(t), gittest.Token()
	repo.Write("in/x", "one\n")
	repo.File("out/y", "two\n")
	repo.Git("sparse-checkout", "init", "--cone", "--sparse-index")
	repo.Git("sparse-checkout", "set", "in")
	repo.Write("in/z", "token: "+value+"\n")
	blob := repo.Git("hash-object", "-w", "in/z")
	os.Remove(filepath.Join(repo.Dir, "in/z"))
	out := repo.Git("rev-parse", "HEAD:out")
	list := repo.Git("ls-tree", out) + "\n100644 blob " + blob + "\tsecret\n"
	tree := repo.Pipe(list, "mktree")
	root := repo.Pipe("040000 tree "+repo.Git("rev-parse", "HEAD:in")+"\tin\n040000 tree "+tree+"\tout\n", "mktree")
	repo.Git("read-tree", "-m", "-u", "HEAD", root)
	requireFinding(t, ask(t, inspect.Question{What: inspect.Staged, Path: repo.Dir}), value, inPath("out/secret"))
}
