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
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/cmd/scm"
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
	name string
	seen bool
	hide func(r *gittest.Repo, value string)
	at   func(f scanner.Finding) bool
}

func inPath(path string) func(scanner.Finding) bool {
	return func(f scanner.Finding) bool { return f.At.Path == path }
}

func decodedFrom(via ...string) func(scanner.Finding) bool {
	return func(f scanner.Finding) bool { return strings.Join(f.At.DecodedFrom, ",") == strings.Join(via, ",") }
}

var places = []place{
	{"an ordinary line", true, func(r *gittest.Repo, v string) { r.File("a.txt", "token: "+v+"\n") }, inPath("a.txt")},
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
	}, inPath("b.txt")},
	{"a path marked binary", false, func(r *gittest.Repo, v string) {
		r.Write(".gitattributes", "*.env binary\n")
		r.File("prod.env", "TOKEN="+v+"\n")
	}, inPath("prod.env")},
	{"a path marked -diff", false, func(r *gittest.Repo, v string) {
		r.Write(".gitattributes", "*.env -diff\n")
		r.File("prod.env", "TOKEN="+v+"\n")
	}, inPath("prod.env")},
	{"a symbolic link that becomes a file", false, func(r *gittest.Repo, v string) {
		if err := os.Symlink("elsewhere", filepath.Join(r.Dir, "config")); err != nil {
			panic(err)
		}
		r.Commit("Link")
		os.Remove(filepath.Join(r.Dir, "config"))
		r.File("config", "token: "+v+"\n")
	}, inPath("config")},
	{"UTF-16 with a byte order mark", false, func(r *gittest.Repo, v string) {
		r.File("a.ps1", "\xff\xfe"+utf16le("$token = '"+v+"'\r\n"))
	}, inPath("a.ps1")},
	{"UTF-16 without a byte order mark", false, func(r *gittest.Repo, v string) {
		r.File("a.ps1", utf16le("# settings\r\n$token = '"+v+"'\r\n"))
	}, inPath("a.ps1")},
	{"a pure rename", false, func(r *gittest.Repo, v string) {
		r.File("old.txt", "token: "+v+"\n")
		r.Git("mv", "old.txt", "new.txt")
		r.Commit("Rename")
	}, inPath("new.txt")},
	{"a copy", true, func(r *gittest.Repo, v string) { // without -C git shows a copy as a new file
		r.File("old.txt", "token: "+v+"\n")
		r.File("copy.txt", "token: "+v+"\n")
	}, inPath("copy.txt")},
	{"a commit message", false, func(r *gittest.Repo, v string) {
		r.Write("a.txt", "one\n")
		r.Commit("Use the new token\n\ntoken: " + v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InMessage }},
	{"the message of a tag", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("tag", "-a", "v1", "-m", "released with token: "+v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InMessage }},
	{"a note", true, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Git("notes", "add", "-m", "token: "+v)
	}, func(f scanner.Finding) bool { return f.At.Kind == scanner.InContent }},
	{"a diff that stops the parser of git log's output", false, func(r *gittest.Repo, v string) {
		r.File("later.txt", "token: "+v+"\n")
		r.Git("config", "color.ui", "always")
	}, inPath("later.txt")},
	{"what is only staged", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Write("a.txt", "one\ntoken: "+v+"\n")
		r.Git("add", "a.txt")
	}, func(f scanner.Finding) bool { return f.At.Origin == scanner.FromStaged }},
	{"what is only in the working tree", false, func(r *gittest.Repo, v string) {
		r.File("a.txt", "one\n")
		r.Write("a.txt", "one\ntoken: "+v+"\n")
	}, func(f scanner.Finding) bool { return f.At.Origin == scanner.FromWorktree }},
	{"base64", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+b64("token: "+v)+"\n") }, decodedFrom("base64")},
	{"hexadecimal", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+hex.EncodeToString([]byte("token: "+v))+"\n") }, decodedFrom("hex")},
	{"percent encoding", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+percent("token: "+v)+"\n") }, decodedFrom("percent")},
	{"\\u escapes", true, func(r *gittest.Repo, v string) { r.File("a.txt", "x: "+escapes("token: "+v)+"\n") }, decodedFrom("unicode")},
	{"base64, five deep", true, func(r *gittest.Repo, v string) {
		text := "token: " + v
		for range 5 {
			text = b64(text)
		}
		r.File("a.txt", "x: "+text+"\n")
	}, inPath("a.txt")},
	{"a zip", false, func(r *gittest.Repo, v string) {
		r.File("a.zip", zipped("inner/config.txt", "token: "+v+"\n"))
	}, inPath("a.zip!inner/config.txt")},
	{"a jar in a tar.gz in a zip, none named so", false, func(r *gittest.Repo, v string) {
		r.File("picture", zipped("one", tarred("two", zipped("three.txt", "token: "+v+"\n"))))
	}, inPath("picture!one!two!three.txt")},
	{"the source of a Jupyter notebook", false, func(r *gittest.Repo, v string) {
		r.File("a.ipynb", notebook("password = \""+v+"\"\n"))
	}, inPath("a.ipynb")},
}

func TestEveryHidingPlaceIsSearched(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			repo, value := gittest.New(t), gittest.Token()
			p.hide(repo, value)
			requireFinding(t, ask(t, inspect.Question{Path: repo.Dir}), value, p.at)
			where := p.name
			if seen := gitleaksFinds(t, repo.Dir, value, p.name == "a pure rename"); seen != p.seen {
				t.Errorf("gitleaks finds the value in %s: %v, not %v as this table says", where, seen, p.seen)
			}
		})
	}
}

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
	logging.Logger = zerolog.Nop()
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	d.MaxDecodeDepth = 5
	cmd, err := sources.NewGitLogCmd(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.DetectSource(context.Background(), &sources.Git{
		Cmd: cmd, Config: &d.Config, Sema: d.Sema,
		Remote: &sources.RemoteInfo{Platform: scm.NoPlatform},
	})
	if err != nil {
		t.Logf("gitleaks: %v", err)
	}
	for _, f := range found {
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
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE" + " KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}
