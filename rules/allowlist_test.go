package rules

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/regexp"
	"github.com/zricethezav/gitleaks/v8/sources"
)

// The words below are made so that every criterion can hold or not.
var (
	someCommits   = []string{"AAAA000000000000000000000000000000000000", "bbbb000000000000000000000000000000000000"}
	somePaths     = []string{`^src/`, `(?i)\.LOCK$`, `\.txt$`}
	someRegexes   = []string{`^alpha`, `(?i)BETA`, `GAMMA`, `key = a`, `tail$`}
	someStopWords = []string{"Example", "alpha", "zebra"}
	someTargets   = []string{"", "secret", "match", "line"}
	someValues    = []string{"alphaone", "Betatwo", "gammathree", "myEXAMPLEkey", "plainvalue", "zeBRAalpha"}
	placePaths    = []string{"", "src/main.go", "a/yarn.lock", "doc/read.txt", "other"}
	placeCommits  = []string{"", "aaaa000000000000000000000000000000000000", "BBBB000000000000000000000000000000000000", "cccc"}
)

func someOf(random *rand.Rand, from []string) []string {
	var chosen []string
	for _, s := range from {
		if random.IntN(4) == 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func TestAllowlistsDecideAsGitleaksDoes(t *testing.T) {
	logging.Logger = zerolog.Nop()
	random := rand.New(rand.NewPCG(1, 2))
	allowed := 0
	for range 1500 {
		toml, theirs := randomAllowlists(t, random)
		ours := mustLoad(t, toml)
		for range 6 {
			f := fragment{
				value: pick(random, someValues), path: pick(random, placePaths), commit: pick(random, placeCommits),
				tail: pick(random, []string{"", " tail"}), pathOnly: random.IntN(8) == 0,
			}
			want, got := theirs.allows(f), allows(ours, f)
			if want != got {
				t.Fatalf("gitleaks allows: %v, we: %v\n%s\n%+v", want, got, toml, f)
			}
			if want {
				allowed++
			}
		}
	}
	if allowed < 1000 || allowed > 8000 {
		t.Errorf("%d of 9000 matches were allowed: the cases are lopsided", allowed)
	}
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

type fragment struct {
	value, path, commit, tail string
	pathOnly                  bool
}

func (f fragment) line() string  { return "my key = " + f.value + f.tail }
func (f fragment) match() string { return "key = " + f.value }

type gitleaksOracle struct{ content, path *detect.Detector }

func (o gitleaksOracle) allows(f fragment) bool {
	detector := o.content
	if f.pathOnly {
		detector = o.path
	}
	found := detector.DetectContext(context.Background(), detect.Fragment(sources.Fragment{
		Raw: f.line(), FilePath: f.path, CommitSHA: f.commit,
	}))
	return len(found) == 0
}

// allows is how an engine is meant to use an Allowlist.
func allows(s *Set, f fragment) bool {
	for _, a := range slices.Concat(s.Allowlists, s.Rule("r").Allowlists) {
		if a.Place(f.path, f.commit, false) {
			return true
		}
		if f.pathOnly {
			continue
		}
		switch a.Content(f.value, f.match(), f.line()) {
		case Yes:
			return true
		case DependsOnPlace:
			if a.Place(f.path, f.commit, true) {
				return true
			}
		}
	}
	return false
}

func randomAllowlists(t *testing.T, random *rand.Rand) (string, gitleaksOracle) {
	t.Helper()
	var global, own strings.Builder
	cfg := config.Config{Rules: map[string]config.Rule{}, Keywords: map[string]struct{}{}}
	rule := config.Rule{RuleID: "r"}
	for range 1 + random.IntN(2) {
		header, text, list := randomAllowlist(random)
		if err := list.Validate(); err != nil {
			t.Fatal(err)
		}
		if random.IntN(2) == 0 {
			cfg.Allowlists = append(cfg.Allowlists, list)
			global.WriteString("[[allowlists]]\n" + header + text)
		} else {
			rule.Allowlists = append(rule.Allowlists, list)
			own.WriteString("[[rules.allowlists]]\n" + header + text)
		}
	}
	toml := global.String() + "[[rules]]\nid = 'r'\nregex = 'key = ([A-Za-z]+)'\n" + own.String()
	pathRule, pathConfig := rule, cfg
	rule.Regex = regexp.MustCompile(`key = ([A-Za-z]+)`)
	cfg.Rules["r"] = rule
	pathRule.Path = regexp.MustCompile(``)
	pathConfig.Rules = map[string]config.Rule{"r": pathRule}
	return toml, gitleaksOracle{detect.NewDetector(cfg), detect.NewDetector(pathConfig)}
}

func randomAllowlist(random *rand.Rand) (header, text string, list *config.Allowlist) {
	list = &config.Allowlist{}
	for len(list.Commits)+len(list.Paths)+len(list.Regexes)+len(list.StopWords) == 0 {
		list = &config.Allowlist{Commits: someOf(random, someCommits), StopWords: someOf(random, someStopWords)}
		paths, regexes := someOf(random, somePaths), someOf(random, someRegexes)
		for _, p := range paths {
			list.Paths = append(list.Paths, regexp.MustCompile(p))
		}
		for _, r := range regexes {
			list.Regexes = append(list.Regexes, regexp.MustCompile(r))
		}
		text = tomlList("commits", list.Commits) + tomlList("paths", paths) +
			tomlList("regexes", regexes) + tomlList("stopwords", list.StopWords)
	}
	target := pick(random, someTargets)
	list.RegexTarget = strings.TrimPrefix(target, "secret")
	header = fmt.Sprintf("regexTarget = %q\n", target)
	if random.IntN(2) == 0 {
		list.MatchCondition = config.AllowlistMatchAnd
		header += "condition = 'and'\n"
	}
	return header, text, list
}

func tomlList(name string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	return name + " = ['''" + strings.Join(items, "''', '''") + "''']\n"
}

func mustLoad(t *testing.T, toml string) *Set {
	t.Helper()
	s, err := Load("test.toml", []byte(toml), LoadOptions{})
	if err != nil {
		t.Fatalf("%v\n%s", err, toml)
	}
	return s
}

func TestInlineFlagOfOnePatternReachesTheNext(t *testing.T) {
	s := mustLoad(t, "[[rules]]\nid='r'\nregex='x'\n[[rules.allowlists]]\nregexes=['(?i)one', 'two']\n")
	if s.Rules[0].Allowlists[0].Content("TWO", "", "") != Yes {
		t.Error("the flag (?i) of the first pattern did not reach the second")
	}
}

func TestOnlyDoubtfulRulesHeedTheBuiltInPaths(t *testing.T) {
	builtIn, users := &Allowlist{Default: true}, &Allowlist{}
	for confidence, want := range map[Confidence]bool{Possible: true, Likely: false, Certain: false} {
		r := &Rule{Confidence: confidence}
		if builtIn.AppliesTo(r) != want || !users.AppliesTo(r) {
			t.Errorf("confidence %v: built-in %v, of a user %v", confidence, builtIn.AppliesTo(r), users.AppliesTo(r))
		}
	}
}

func TestStopWordsAreFoundAsSubstringsInAnyCase(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	letters := []string{"a", "b", "A", "é", "É", "\xff", "K", "k"}
	word := func(most int) string {
		var b strings.Builder
		for range 1 + random.IntN(most) {
			b.WriteString(pick(random, letters))
		}
		return b.String()
	}
	for range 20_000 {
		words := []string{word(5), word(5), word(4), word(3)}
		value := word(12)
		want := slices.ContainsFunc(words, func(w string) bool {
			return strings.Contains(strings.ToLower(value), strings.ToLower(w))
		})
		if got := (&Allowlist{StopWords: words}).StopWordIn(value); got != want {
			t.Fatalf("%q in %q: %v, want %v", words, value, got, want)
		}
	}
}

func TestStopWordsCostNoAllocation(t *testing.T) {
	a := genericStopWords(t)
	value := strings.Repeat("Qx7z", 12)
	if n := testing.AllocsPerRun(100, func() { a.StopWordIn(value) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func genericStopWords(t testing.TB) *Allowlist {
	t.Helper()
	c, err := gitleaksCollection()
	if err != nil {
		t.Fatal(err)
	}
	var longest *Allowlist
	for _, a := range c.rules["generic-api-key"].rule.Allowlists {
		if longest == nil || len(a.StopWords) > len(longest.StopWords) {
			longest = a
		}
	}
	if len(longest.StopWords) < 1000 {
		t.Fatalf("%d stop words", len(longest.StopWords))
	}
	return longest
}

func BenchmarkStopWords(b *testing.B) {
	a := genericStopWords(b)
	value := "Zq8Wn3Xv5Kd1Rj7Lp0Fh4Gs6Tb9My2Vc"
	a.StopWordIn(value)
	for b.Loop() {
		a.StopWordIn(value)
	}
}

func BenchmarkStopWordIndex(b *testing.B) {
	words := genericStopWords(b).StopWords
	for b.Loop() {
		newWordSet(words)
	}
}
