package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/leakgate/leakgate/internal/gittest"
)

// encodings write a value in the ways that repositories hold one.
func encodings(v string) map[string]string {
	std := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	lines := func(text string, width int) string {
		var out strings.Builder
		for i := range len(text) {
			if out.WriteByte(text[i]); i%width == width-1 {
				out.WriteByte('\n')
			}
		}
		return out.String()
	}
	each := func(format, between string) string {
		var out []string
		for i := range len(v) {
			out = append(out, fmt.Sprintf(format, v[i]))
		}
		return strings.Join(out, between)
	}
	wide := func(high, low int) string {
		out := make([]byte, 2*len(v))
		for i, u := range utf16.Encode([]rune(v)) {
			out[2*i+low], out[2*i+high] = byte(u), byte(u>>8)
		}
		return hex.EncodeToString(out)
	}
	login := `{"auths": {"registry.example": {"auth": "` + std("ci:"+v) + `"}}}`
	long := gittest.Letters(100)
	return map[string]string{
		"secret.yaml": "kind: Secret\ndata:\n  .dockerconfigjson: " + std(login) + "\n",
		"boot.txt":    std("write_files: [{encoding: b64, content: " + std("kind: Secret\ndata: "+std(v)) + "}]"),
		"align0":      std(long[:30] + v + long), "align1": std(long[:31] + v + long), "align2": std(long[:32] + v + long),
		"url":     base64.RawURLEncoding.EncodeToString([]byte(long[:7] + "~~~" + v + "?")),
		"lines64": lines(std(long+v+long), 64), "lines76": lines(std(long+v+long), 76),
		"escapes.py": `x = b"` + each(`\x%02x`, "") + `"`, "octal.c": `char *x = "` + each(`\%03o`, "") + `";`, "unicode.js": `x = "` + each(`\u%04x`, "") + `"`,
		"colons": each("%02X", ":"), "blanks": each("%02x", " "), "bytes.c": each("0x%02x", ", "),
		"wide": wide(1, 0), "wide-big": wide(0, 1),
		"twice":        "https://h/?next=" + url.QueryEscape("/x?p="+each("%%%02X", "")),
		"numbers.json": "[" + each("%d", ",") + "]",
	}
}

// release is how Helm keeps one, see https://helm.sh/docs/topics/advanced/#storage-backends.
func release(t *testing.T, v string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(`{"config": {"password": "` + v + `"}}`)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	once := base64.StdEncoding.EncodeToString(out.Bytes())
	return "kind: Secret\ndata:\n  release: " + base64.StdEncoding.EncodeToString([]byte(once)) + "\n"
}

var (
	base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)
	hexRun    = regexp.MustCompile(`[0-9A-Fa-f]{12,}`)
	octal     = regexp.MustCompile(`\\([0-7]{3})`)
	decimal   = regexp.MustCompile(`\b\d{2,3}\b`)
)

// visible reports whether anybody who decodes a text finds a value; it knows
// nothing of how the rewriter looks.
func visible(text, v string, depth int) bool {
	if strings.Contains(text, v) {
		return true
	}
	if depth == 0 {
		return false
	}
	var more []string
	for _, in := range []string{text, strings.NewReplacer("\n", "", "\r", "").Replace(text)} {
		for _, run := range base64Run.FindAllString(strings.NewReplacer("-", "+", "_", "/").Replace(in), -1) {
			for skip := range 4 {
				part := run[min(skip, len(run)):]
				raw, _ := base64.RawStdEncoding.DecodeString(part[:len(part)/4*4])
				more = append(more, string(raw))
				raw, _ = base64.RawStdEncoding.DecodeString(part)
				more = append(more, string(raw))
			}
		}
	}
	pairs := strings.NewReplacer(":", "", " ", "", `\x`, "", "0x", "", ", ", "", "\n", "").Replace(text)
	for _, run := range hexRun.FindAllString(pairs, -1) {
		for skip := range 2 {
			raw, _ := hex.DecodeString(run[skip : skip+(len(run)-skip)/2*2])
			more = append(more, string(raw), strings.ReplaceAll(string(raw), "\x00", ""))
		}
	}
	if plain, err := url.QueryUnescape(text); err == nil && plain != text {
		more = append(more, plain)
	}
	more = append(more, octal.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.ParseUint(m[1:], 8, 8)
		return string([]byte{byte(n)})
	}))
	var numbers strings.Builder
	for _, n := range decimal.FindAllString(text, -1) {
		c, _ := strconv.Atoi(n)
		numbers.WriteByte(byte(c))
	}
	more = append(more, numbers.String(), strings.NewReplacer(`\u00`, "").Replace(text))
	return slices.ContainsFunc(more, func(next string) bool { return next != text && visible(next, v, depth-1) })
}

// holding lists the objects of a clone in which a value is visible.
func holding(t *testing.T, remote, v string) (ids []string) {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone.git")
	run := func(args ...string) string {
		c := exec.Command("git", args...)
		c.Env = gittest.Environment()
		out, err := c.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return string(out)
	}
	run("clone", "-q", "--mirror", "--no-local", "file://"+remote, clone)
	run("-C", clone, "fsck", "--strict")
	for line := range strings.Lines(run("-C", clone, "cat-file", "--batch-check", "--batch-all-objects")) {
		f := strings.Fields(line)
		if f[1] != "tree" && visible(run("-C", clone, "cat-file", f[1], f[0]), v, 4) {
			ids = append(ids, f[0])
		}
	}
	return ids
}

// TestEncodedValuesLeaveARemote runs the program as users do: no encoding of a value is in
// any object of a fresh clone, and what is compressed is told.
func TestEncodedValuesLeaveARemote(t *testing.T) {
	home, v := t.TempDir(), gittest.Letters(11)+"/"+gittest.Letters(12)
	g := gittest.New(t)
	files := encodings(v)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		g.Write(name, files[name])
	}
	g.File("helm.yaml", release(t, v))
	g.File("clean", "nothing")
	remote := filepath.Join(home, "shared.git")
	g.Git("clone", "-q", "--mirror", g.Dir, remote)
	if found := holding(t, remote, v); len(found) != len(files) {
		t.Fatalf("a value is visible in %d files, not %d: this test sees nothing", len(found), len(files))
	}
	config := filepath.Join(home, "config", "leakgate")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	private, public, err := sshKey()
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(home, "bob")
	binary := func(want int, args ...string) string {
		t.Helper()
		c := exec.Command("leakgate", args...)
		c.Dir, c.Stdin = g.Dir, strings.NewReader(v+"\n")
		c.Env = append(gittest.Environment(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Dir(config), "XDG_STATE_HOME="+filepath.Join(home, "state"), "USER=ann")
		out, err := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != want {
			t.Fatalf("leakgate %v: %v, exit code %d, not %d: %s", args, err, code, want, out)
		}
		return string(out)
	}
	recipient, _, _ := strings.Cut(binary(0, "seal", "init", "--shares", "2", "--threshold", "2", "--dir", home), "\n")
	settings := fmt.Sprintf("owned = [%q]\n[rewrite]\napprovals = 1\nrecipients = [%q]\n[[approvers]]\nname = \"bob\"\nkeys = [%q]\n", remote, recipient, public)
	if err := os.WriteFile(filepath.Join(config, "remediate.toml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, private, 0o600); err != nil {
		t.Fatal(err)
	}
	plan := func(more ...string) string {
		text := binary(1, append([]string{"rewrite", "plan", "--remote", remote, "--stdin", "--override", "a test"}, more...)...)
		digest := regexp.MustCompile(`rewrite apply ([0-9a-f]{64})`).FindStringSubmatch(text)
		if digest == nil {
			t.Fatal(text)
		}
		binary(0, "rewrite", "approve", digest[1], "--actor", "bob", "--key", key)
		binary(0, append([]string{"rewrite", "apply", digest[1], "--stdin"}, more...)...)
		return digest[1]
	}

	first := plan()
	helm := g.Git("rev-parse", "HEAD:helm.yaml")
	if text := binary(1, "rewrite", "verify", first, "--stdin"); !strings.Contains(text, helm) || !strings.Contains(text, "Not looked for") {
		t.Errorf("what is compressed is not told: %s", text)
	}
	if found := holding(t, remote, v); len(found) != 0 {
		t.Errorf("a value is visible in %v", found)
	}
	second := plan("--drop", "helm.yaml")
	binary(0, "rewrite", "verify", second, "--stdin", "--drop", "helm.yaml")
	g.Git("fetch", "-q", remote, "+refs/heads/*:refs/new/*")
	if g.Git("log", "--all", "--glob=refs/new", "--format=%h", "--not", "HEAD", "--", "helm.yaml") != "" {
		t.Error("the release is still there")
	}
}
