package main

import (
	"context"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

// broken are files of configuration that cannot be used, or only just, and hold
// a value where messages quote.
var broken = map[string][]string{
	".leakgate.yaml": {
		"version: 1\nVALUE: x\n", "version: 1\nmode: VALUE\n", "version: 1\nmode: [VALUE\n", "version: VALUE\n", "version: 1\npaths: VALUE\n",
		"version: 1\nrules: {disable: [VALUE]}\n", "version: 1\npaths: {exclude: ['VALUE[']}\n", "version: 1\nenvironments: {VALUE: {}}\n",
		"version: 1\nrules: {severity: {VALUE: low}}\n", "version: 1\nVALUE: a\nVALUE: b\n", "version: 1\nlimits: {max_blob: VALUE}\n",
		"version: 1\nexceptions:\n  - {fingerprint: VALUE, blob: VALUE, reason: VALUE, owner: VALUE, expires: VALUE}\n",
		"version: 1\nexceptions:\n  - {fingerprint: VALUE, blob: 0a4d55a8d778e5022fab701977c5d840bbc486d0, reason: VALUE, owner: VALUE, expires: 2020-01-01}\n",
		"*VALUE\n", "version: 1\nmode: !VALUE audit\n", "VALUE",
	},
	".gitleaks.toml": {
		"VALUE", "VALUE = 1\n", "title = \"VALUE\n", "[[rules]]\nid = \"x\"\nregex = '''VALUE('''\n", "[[rules]]\nid = \"VALUE\"\nregex = '''('''\n",
		"[extend]\npath = \"VALUE\"\n", "[[rules]]\nid = \"VALUE\"\nregex = '''abc'''\n[[rules]]\nid = \"VALUE\"\nregex = '''abc'''\n",
		"[extend]\nuseDefault = true\ndisabledRules = [\"VALUE\"]\n", "[[rules]]\nid = \"x\"\nregex = '''x'''\nentropy = \"VALUE\"\n",
		"[[rules]]\nid = \"x\"\nregex = ''''VALUE''''\nkeywords = [\"VALUE\"]\n[[rules.allowlists]]\ndescription = \"VALUE\"\nregexes = [''''VALUE'''']\nstopwords = [\"VALUE\"]\n",
		"[[allowlists]]\ntargetRules = [\"VALUE\"]\nregexes = ['''VALUE''']\n", "minVersion = \"VALUE\"\n",
	},
	".gitleaksignore": {"VALUE\n", "a:b:VALUE\n", "VALUE:x:1:2:3\n"},
	".leakgate-baseline.json": {
		"VALUE", "{\"VALUE\": 1}", `{"schemaVersion": 1, "entries": [{"fingerprint": "VALUE", "rule": "VALUE", "path": "VALUE", "blob": "VALUE"}]}`,
		`{"schemaVersion": "VALUE"}`,
	},
}

func TestNoDoorShowsAValueOfABrokenConfiguration(t *testing.T) {
	flag := map[string]string{".leakgate.yaml": "--policy", ".gitleaks.toml": "--gitleaks-config", ".gitleaksignore": "--gitleaks-ignore",
		".leakgate-baseline.json": "--baseline"}
	for name, texts := range broken {
		for i, text := range texts {
			c := newCanary(t)
			r := gittest.New(t)
			old := r.File("a.txt", "hello\n")
			value := c.token(name)
			r.Write(name, strings.ReplaceAll(text, "VALUE", value))
			tip := r.Commit("Configure")
			c.settle(r.Dir)
			t.Chdir(r.Dir)
			dirs := []string{r.Dir}
			doors := [][]string{
				{"scan"}, {"scan", "--range", old + ".."}, {"scan", "--dir"}, {"scan", "--dir", flag[name], name},
				{"config", "validate"}, {"config", "explain"}, {"baseline", "create", "-o", "-"}, {"hook", "pre-commit"}, {"init"},
			}
			switch name {
			case ".gitleaks.toml":
				doors = append(doors, []string{"rules", "list"}, []string{"rules", "explain", "x"}, []string{"rules", "test", "github-pat"})
			case ".leakgate-baseline.json":
				doors = append(doors, []string{"baseline", "diff", name, name})
			}
			for _, args := range doors {
				c.once(context.Background(), dirs, "", anyCode, args...)
			}
			zeros := strings.Repeat("0", 40)
			c.once(context.Background(), dirs, zeros+" "+tip+" refs/heads/x\n"+old+" "+tip+" refs/heads/main\n", anyCode, "hook", "pre-receive")
			c.once(context.Background(), dirs, "refs/heads/x "+tip+" refs/heads/x "+zeros+"\n", anyCode, "hook", "pre-push", "origin")
			if t.Failed() {
				t.Logf("%s %d: %q", name, i, text)
			}
		}
	}
}
