package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/regexp"
)

// plain is what a configuration means, without how either loader keeps it.
type plain struct {
	Error      string
	Rules      map[string]plainRule
	Allowlists []plainAllowlist
}

type plainRule struct {
	Description, Regex, Path string
	SecretGroup              int
	Entropy                  float64
	Keywords, Tags           []string
	Allowlists               []plainAllowlist
	Required                 []string
	SkipReport               bool
}

type plainAllowlist struct {
	Description             string
	All                     bool
	Commits, StopWords      []string
	Paths, Regexes, Against string
}

const oracleVariable = "LEAKGATE_RULES_ORACLE"

// TestOracleProcess is no test: it is gitleaks' own loader in a process of its
// own, because that loader works once per process only.
func TestOracleProcess(t *testing.T) {
	file := os.Getenv(oracleVariable)
	if file == "" {
		t.Skip("runs as a child of the tests that compare with gitleaks")
	}
	logging.Logger = zerolog.Nop()
	out, err := json.Marshal(translate(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".json", out, 0o600); err != nil {
		t.Fatal(err)
	}
}

func translate(file string) (p plain) {
	defer func() {
		if r := recover(); r != nil {
			p = plain{Error: fmt.Sprint(r)}
		}
	}()
	var vc config.ViperConfig
	viper.SetConfigFile(file)
	if err := viper.ReadInConfig(); err != nil {
		return plain{Error: err.Error()}
	}
	if err := viper.Unmarshal(&vc); err != nil {
		return plain{Error: err.Error()}
	}
	cfg, err := vc.Translate()
	if err != nil {
		return plain{Error: err.Error()}
	}
	return plainGitleaks(cfg)
}

func plainGitleaks(cfg config.Config) plain {
	p := plain{Rules: map[string]plainRule{}, Allowlists: plainLists(cfg.Allowlists)}
	for id, r := range cfg.Rules {
		q := plainRule{
			Description: r.Description, SecretGroup: r.SecretGroup, Entropy: r.Entropy,
			Keywords: sorted(r.Keywords), Tags: sorted(r.Tags), SkipReport: r.SkipReport,
			Allowlists: plainLists(r.Allowlists), Regex: sourceOf(r.Regex), Path: sourceOf(r.Path),
		}
		for _, need := range r.RequiredRules {
			q.Required = append(q.Required, plainRequired(need.RuleID, need.WithinLines, need.WithinColumns))
		}
		p.Rules[id] = q
	}
	return p
}

func plainRequired(id string, lines, columns *int) string {
	text, _ := json.Marshal([]any{id, lines, columns})
	return string(text)
}

func sourceOf(re *regexp.Regexp) string {
	if re == nil {
		return ""
	}
	return re.String()
}

func plainLists(lists []*config.Allowlist) []plainAllowlist {
	var plainer []plainAllowlist
	for _, a := range lists {
		plainer = append(plainer, plainAllowlist{
			Description: a.Description, All: a.MatchCondition == config.AllowlistMatchAnd,
			Commits: sorted(a.Commits), StopWords: sorted(a.StopWords),
			Paths: joinedSources(a.Paths), Regexes: joinedSources(a.Regexes), Against: a.RegexTarget,
		})
	}
	return plainer
}

func joinedSources(list []*regexp.Regexp) string {
	if len(list) == 0 {
		return ""
	}
	var sources []string
	for _, re := range list {
		sources = append(sources, re.String())
	}
	return "(?:" + strings.Join(sources, "|") + ")"
}

func sorted(list []string) []string {
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(slices.Values(list))))
}

// plainSet is what our loader understood.
func plainSet(s *Set) plain {
	p := plain{Rules: map[string]plainRule{}, Allowlists: ownLists(s.Allowlists)}
	for _, r := range s.Rules {
		p.Rules[r.ID] = plainOwn(r)
	}
	return p
}

func plainOwn(r *Rule) plainRule {
	q := plainRule{
		Description: r.Description, SecretGroup: r.SecretGroup, Entropy: r.Entropy,
		Keywords: sorted(r.Keywords), Tags: sorted(r.Tags), SkipReport: r.SkipReport,
		Allowlists: ownLists(r.Allowlists), Regex: text(r.Regex), Path: text(r.Path),
	}
	for _, need := range r.Required {
		q.Required = append(q.Required, plainRequired(need.RuleID, need.WithinLines, need.WithinColumns))
	}
	return q
}

func ownLists(lists []*Allowlist) []plainAllowlist {
	var plainer []plainAllowlist
	for _, a := range lists {
		plainer = append(plainer, plainAllowlist{
			Description: a.Description, All: a.MatchAll,
			Commits: sorted(a.Commits), StopWords: sorted(a.StopWords),
			Paths: text(a.Paths), Regexes: text(a.Regexes), Against: a.RegexTarget,
		})
	}
	return plainer
}

func text(p *Pattern) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// askGitleaks runs the oracle on files; the configuration is ".gitleaks.toml".
func askGitleaks(t *testing.T, files map[string]string) plain {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	main := filepath.Join(dir, ".gitleaks.toml")
	cmd := exec.Command(os.Args[0], "-test.run=^TestOracleProcess$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), oracleVariable+"="+main)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gitleaks' loader: %v\n%s", err, out)
	}
	answer, err := os.ReadFile(main + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var p plain
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}
