package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/rules"
)

// TestPatternsFindWhatTheirRulesFind runs every pattern over the true examples of its rule.
func TestPatternsFindWhatTheirRulesFind(t *testing.T) {
	set, err := rules.Default()
	if err != nil {
		t.Fatal(err)
	}
	patterns, left, err := gitHubPatterns()
	if err != nil || len(patterns) < 50 || len(patterns) > 500 {
		t.Fatalf("%d patterns, %d rules left: %v", len(patterns), left, err)
	}
	t.Logf("%d patterns, %d rules left", len(patterns), left)
	for _, p := range patterns {
		re, err := regexp.Compile(p.Pattern)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if re.MatchString("") {
			t.Errorf("%s matches nothing at all", p.Name)
		}
		rule := set.Rule(strings.TrimPrefix(p.Name, patternName))
		for i, example := range rule.Examples.True {
			text, err := rules.ExpandExample(example, 1)
			if err != nil || rule.Regex.MatchString(text) && !re.MatchString(text) {
				t.Errorf("%s misses example %d: %v", p.Name, i+1, err)
			}
		}
	}
}

func TestRulesBecomePatterns(t *testing.T) {
	g := ghfake.New(t, ghfake.Options{})
	g.Org("acme")
	app, err := g.App("leakgate", "", map[string]string{"metadata": "read", "organization_administration": "write"})
	if err != nil {
		t.Fatal(err)
	}
	g.Install(app, "acme")
	key, err := hub.ParseKey(app.Key)
	if err != nil {
		t.Fatal(err)
	}
	there, err := hub.New(hub.Options{ID: app.ID, Key: key, Server: hub.Server{API: g.API + "/", Web: g.URL + "/"}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(dry bool) string {
		var out bytes.Buffer
		if err := (&world{stdout: &out}).syncAt(t.Context(), there, "acme", dry); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	all, _, err := gitHubPatterns()
	if err != nil {
		t.Fatal(err)
	}
	n := strconv.Itoa(len(all))
	if said := run(true); !strings.HasPrefix(said, n+" patterns would be made") || len(g.Patterns("acme")) != 0 {
		t.Error(said)
	}
	if said := run(false); !strings.HasPrefix(said, n+" patterns made") || len(g.Patterns("acme")) != len(all) {
		t.Error(said)
	}
	g.SetPattern("acme", all[0].Name, "another")
	if said := run(false); !strings.HasPrefix(said, "0 patterns made, 1 changed") {
		t.Error(said)
	}
	if said := run(false); !strings.HasPrefix(said, "0 patterns made, 0 changed, "+n) || g.Patterns("acme")[all[0].Name] != all[0].Pattern {
		t.Error(said)
	}
	w := &world{stdout: io.Discard, stderr: io.Discard, env: func(string) string { return "" }, hostname: os.Hostname, now: time.Now}
	if code := w.run(t.Context(), []string{"rules", "sync-github", "../x"}); code != 2 {
		t.Errorf("a wrong name ends with %d", code)
	}
}
