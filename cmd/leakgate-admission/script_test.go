package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"leakgate-admission": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}

func TestExitCodesAreThoseOfTheHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"manifests"}, 0}, {[]string{"--version"}, 0}, {[]string{"promote"}, 2}, {[]string{"nobody"}, 2}, {[]string{"serve", "--nope"}, 2},
		{[]string{"serve", "--policy", "missing"}, 2}, {[]string{"uninstall"}, 2},
	} {
		w := &world{stdout: io.Discard, stderr: io.Discard, env: func(string) string { return "" }, now: time.Now}
		if got := w.run(context.Background(), c.args); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.args, got, c.want)
		}
	}
}
