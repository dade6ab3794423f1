package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"leakgate": main, "faked": faked})
}

// TestScripts runs the command as users do. Beside testscript's own commands a
// script has: `token NAME` (a new secret in $NAME), `write FILE TEXT…` (a file
// of these lines), `hides NAME` (the last output holds no form of the secret),
// `sshkey FILE FILE` (a private key and its public half).
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, v := range gittest.Environment()[len(os.Environ()):] {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"token": func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], gittest.Token()) },
			"write": func(ts *testscript.TestScript, _ bool, args []string) {
				path := ts.MkAbs(args[0])
				ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
				ts.Check(os.WriteFile(path, []byte(strings.Join(args[1:], "\n")+"\n"), 0o644))
			},
			"hides": hides,
			"sshkey": func(ts *testscript.TestScript, _ bool, args []string) {
				text, public, err := sshKey()
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(public+"\n"), 0o644))
			},
		},
	})
}

// hides fails when the output of the last command, or a file given after the
// name, holds the secret in any spelling.
func hides(ts *testscript.TestScript, _ bool, args []string) {
	texts := []string{ts.ReadFile("stdout"), ts.ReadFile("stderr")}
	for _, file := range args[1:] {
		texts = append(texts, ts.ReadFile(file))
	}
	for _, text := range texts {
		for _, form := range secret.Forms(secret.New(ts.Getenv(args[0]))) {
			if strings.Contains(text, form) {
				ts.Fatalf("the secret %s is visible", args[0])
			}
		}
	}
}

// command runs a command line in this process, without a terminal.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	w := &world{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, now: time.Now,
		env: func(name string) string {
			return map[string]string{keyVariable: strings.Repeat("0123456789abcdef", 4), "XDG_CONFIG_HOME": t.TempDir(), "XDG_STATE_HOME": t.TempDir()}[name]
		},
	}
	code = w.run(context.Background(), args)
	return code, out.String(), errs.String()
}

func TestVersionPrintsOneLine(t *testing.T) {
	code, out, _ := command(t, "", "version")
	if code != exitClean || !strings.HasPrefix(out, "leakgate ") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit %d, %q", code, out)
	}
}
