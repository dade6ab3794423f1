package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const main = ".gitleaks.toml"

// asGitleaks are configurations that must mean, or fail, as with gitleaks.
var asGitleaks = map[string]map[string]string{
	"rules alone replace the defaults": {main: `
title = "t"
minVersion = "v9.9.9"
[[rules]]
id = "one"
description = "d"
regex = '''(a)(b)'''
secretGroup = 2
entropy = 3
keywords = ["Alpha", "BETA"]
tags = ["x"]
[[rules]]
id = "two"
path = '''\.pem$'''
skipReport = true`},
	"defaults":           {main: "[extend]\nuseDefault = true"},
	"defaults less some": {main: "[extend]\nuseDefault = true\ndisabledRules = ['adafruit-api-key', 'no-such-rule']"},
	"default rule changed": {main: `
[extend]
useDefault = true
[[rules]]
id = "adafruit-api-key"
description = "ours"
entropy = 1.5
keywords = ["Mine"]
tags = ["t"]
path = '''x'''
skipReport = true
[[rules.allowlists]]
stopwords = ["Example"]
[[rules]]
id = "hashicorp-tf-password"
regex = '''(new)(er)'''
secretGroup = 2`},
	"allowlist for named rules": {main: `
[extend]
useDefault = true
[[allowlists]]
targetRules = ["adafruit-api-key", "own"]
regexes = ["x"]
[[allowlists]]
paths = ["p"]
[[rules]]
id = "own"
regex = "o"`},
	"allowlist for a rule that is not": {main: "[[allowlists]]\ntargetRules=['no']\nregexes=['x']\n[[rules]]\nid='a'\nregex='a'"},
	"target that is disabled":          {main: "[extend]\nuseDefault=true\ndisabledRules=['adafruit-api-key']\n[[allowlists]]\ntargetRules=['adafruit-api-key']\nregexes=['x']"},
	"old allowlists": {main: `
[allowlist]
description = "g"
commits = [" ABC ", "abc"]
regexes = ["r1", "(?i)r2"]
[[rules]]
id = "a"
regex = "a"
[rules.allowlist]
stopwords = ["X", "x", "y"]
regexTarget = "line"`},
	"both global allowlist forms": {main: "[allowlist]\nregexes=['a']\n[[allowlists]]\nregexes=['b']"},
	"both rule allowlist forms":   {main: "[[rules]]\nid='a'\nregex='a'\n[rules.allowlist]\nregexes=['a']\n[[rules.allowlists]]\nregexes=['b']"},
	"empty global allowlist":      {main: "[allowlist]\n[[rules]]\nid='a'\nregex='a'"},
	"empty rule allowlist":        {main: "[[rules]]\nid='a'\nregex='a'\n[rules.allowlist]"},
	"allowlist without criterion": {main: "[[allowlists]]\ndescription='d'"},
	"list of old allowlists":      {main: "[[allowlist]]\nregexes=['a']"},
	"conditions and targets": {main: `
[[allowlists]]
condition = "AND"
paths = ["p"]
commits = ["C"]
[[allowlists]]
condition = "&&"
regexTarget = "match"
regexes = ["p"]
[[allowlists]]
condition = "or"
regexTarget = "secret"
regexes = ["p"]
[[allowlists]]
condition = "||"
stopwords = ["s"]`},
	"unknown condition":             {main: "[[allowlists]]\ncondition='xor'\npaths=['a']"},
	"unknown target":                {main: "[[allowlists]]\nregexTarget='Line'\nregexes=['a']"},
	"keys in any case":              {main: "[EXTEND]\nUSEDEFAULT=true\n[[Rules]]\nID='a'\nRegEx='(a)'\nSECRETGROUP=1\n[[Rules.AllowLists]]\nStopWords=['a']\nREGEXTARGET='match'"},
	"inline tables and dotted keys": {main: "extend.useDefault = true\nrules = [{id='a', regex='a', allowlists=[{regexes=['b']}]}]"},
	"scalars of other kinds":        {main: "[[rules]]\nid=5\nregex='(a)(b)'\nentropy='3.5'\nsecretGroup='1'\nkeywords='a,B'\ntags=7\nskipReport='true'\ndescription=true"},
	"numbers for flags":             {main: "[[rules]]\nid='x'\nregex='(a)(b)'\nentropy=2\nsecretGroup=1.0\nskipReport=1"},
	"one table for a list":          {main: "[rules]\nid='a'\nregex='a'\n[rules.allowlists]\nregexes=['b']"},
	"rule that requires": {main: `
[[rules]]
id = "a"
regex = "a"
[[rules.required]]
id = "b"
withinLines = 3
[[rules.required]]
id = "c"
withinColumns = 0
[[rules]]
id = "b"
regex = "b"
skipReport = true
[[rules]]
id = "c"
regex = "c"`},
	"requires what is not":         {main: "[[rules]]\nid='a'\nregex='a'\n[[rules.required]]\nid='b'"},
	"requires without id":          {main: "[[rules]]\nid='a'\nregex='a'\n[[rules.required]]\nwithinLines=1"},
	"same id twice":                {main: "[[rules]]\nid='a'\nregex='a'\n[[rules]]\nid='a'\nregex='b'"},
	"rule without id":              {main: "[[rules]]\nregex='a'"},
	"rule that matches nothing":    {main: "[[rules]]\nid='a'"},
	"group that is not":            {main: "[[rules]]\nid='a'\nregex='(a)'\nsecretGroup=2"},
	"group of a rule on paths":     {main: "[[rules]]\nid='a'\npath='a'\nsecretGroup=2"},
	"regex with lookahead":         {main: "[[rules]]\nid='a'\nregex='a(?=b)'"},
	"allowed path does not parse":  {main: "[[allowlists]]\npaths=['(']"},
	"two groups of one name":       {main: "[[allowlists]]\nregexes=['(?P<n>a)', '(?P<n>b)']"},
	"open quotation":               {main: "[[allowlists]]\nregexes=['''\\Qa''', 'b']"},
	"unknown keys":                 {main: "colour='red'\n[[rules]]\nid='a'\nregex='a'\nhue=1"},
	"not TOML":                     {main: "[[rules]\nid='a'"},
	"a key written twice":          {main: "[[rules]]\nid='a'\nid='b'\nregex='a'"},
	"both kinds of extend":         {main: "[extend]\nuseDefault=true\npath='x.toml'"},
	"extended file is not there":   {main: "[extend]\npath='x.toml'"},
	"a path, and its own defaults": {main: "[extend]\npath='base.toml'\ndisabledRules=['adafruit-api-key','gone']\n[[rules]]\nid='b'\nentropy=4.0", "base.toml": "[extend]\nuseDefault=true\n[[allowlists]]\npaths=['q']\n[[rules]]\nid='b'\nregex='(b)'\nkeywords=['B']\n[[rules]]\nid='gone'\nregex='x'"},
	"a third extend is ignored":    {main: "[extend]\npath='1.toml'\n[[rules]]\nid='a'\nregex='a'", "1.toml": "[extend]\npath='2.toml'\n[[rules]]\nid='b'\nregex='b'", "2.toml": "[extend]\npath='3.toml'\n[[rules]]\nid='c'\nregex='c'", "3.toml": "[[rules]]\nid='d'\nregex='d'"},
	"complete only when merged":    {main: "[extend]\npath='1.toml'\n[[rules]]\nid='a'\nregex='(a)'", "1.toml": "[[rules]]\nid='a'\nsecretGroup=1"},
	"required stays below":         {main: "[extend]\npath='1.toml'\n[[rules]]\nid='a'\nentropy=1.0", "1.toml": "[[rules]]\nid='a'\nregex='a'\nskipReport=true\n[[rules.required]]\nid='b'\n[[rules]]\nid='b'\nregex='b'"},
}

func TestConfigurationsMeanWhatTheyMeanToGitleaks(t *testing.T) {
	for name, files := range asGitleaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := askGitleaks(t, files)
			set, err := loadFiles(files)
			if (want.Error != "") != (err != nil) {
				t.Fatalf("gitleaks: %q\nwe: %v", want.Error, err)
			}
			if err == nil {
				compareSets(t, want, set)
			}
		})
	}
}

func loadFiles(files map[string]string) (*Set, error) {
	return Load(main, []byte(files[main]), LoadOptions{Open: func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}})
}

// compareSets leaves out what this project adds to the default rules.
func compareSets(t *testing.T, want plain, set *Set) {
	t.Helper()
	got := map[string]plainRule{}
	for _, r := range set.Rules {
		if strings.HasPrefix(r.Origin, "leakgate") {
			delete(want.Rules, r.ID)
			continue
		}
		got[r.ID] = plainOwn(r)
	}
	if diff := cmp.Diff(want.Rules, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rules (-gitleaks +ours):\n%s", diff)
	}
	if diff := cmp.Diff(usersLists(want.Allowlists), usersLists(ownLists(set.Allowlists)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("allowlists (-gitleaks +ours):\n%s", diff)
	}
}

func usersLists(lists []plainAllowlist) []plainAllowlist {
	var users []plainAllowlist
	for _, a := range lists {
		if a.Description == "global allow lists" {
			break
		}
		users = append(users, a)
	}
	return users
}

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	const rule = "[[rules]]\nid = 'a'\n"
	for text, want := range map[string]string{
		"\nx = = 1":                              `.gitleaks.toml:2:5: not TOML: unexpected character`,
		rule + "id = 'b'":                        `.gitleaks.toml:3:1: key "id" is written twice`,
		"[EXTEND]\nuseDefault = true\n[extend]":  `.gitleaks.toml:3:2: key "extend" is also written "EXTEND" (upper and lower case are one key)`,
		rule + "ID = 'b'":                        `.gitleaks.toml:3:1: key "ID" is also written "id" (upper and lower case are one key)`,
		rule + "  regex = 'a(?=b)'":              ".gitleaks.toml:3:11: rule \"a\": regex does not parse: invalid or unsupported Perl syntax: `(?=` (RE2 has no lookaround; match the context and take the value with a group and secretGroup)",
		rule + "regex = '''(x)\\1'''":            ".gitleaks.toml:3:9: rule \"a\": regex does not parse: invalid escape sequence: `\\1` (RE2 has no back-references)",
		rule + "path = 'a{1001}'":                ".gitleaks.toml:3:8: rule \"a\": path does not parse: invalid repeat count: `{1001}` (a repeat counts to 1000 at most)",
		rule + "regex = 'a++'":                   ".gitleaks.toml:3:9: rule \"a\": regex does not parse: invalid nested repetition operator: `++` (RE2 has no possessive quantifiers and no repeat of a repeat)",
		rule + "regex = '(?>a)'":                 ".gitleaks.toml:3:9: rule \"a\": regex does not parse: invalid or unsupported Perl syntax: `(?>` (RE2 has no atomic groups; it never backtracks, a plain group does)",
		rule + "regex = '(a)'\nsecretGroup = 2":  `.gitleaks.toml:4:15: rule "a": secretGroup is 2, but the regex has 1 groups`,
		rule:                                     `.gitleaks.toml:1:3: rule "a": both regex and path are empty, this rule would have no effect`,
		"[[rules]]\nregex = 'a'":                 `.gitleaks.toml:1:3: the rule has no id`,
		rule + "regex = 'a'\nseverity = 'worst'": `.gitleaks.toml:4:12: rule "a": severity must be one of low, medium, high, critical`,
		rule + "regex = 'a'\ncheck = 'nope'":     `.gitleaks.toml:4:9: rule "a": no check is named "nope"; known: `,
		rule + "regex = 'a'\nentropy = 'much'":   `.gitleaks.toml:4:11: rule "a": entropy must be a number`,
		rule + "regex = ['a']":                   `.gitleaks.toml:3:1: rule "a": regex must be a string`,
		rule + "regex = 'a'\n[rules.allowlist]\nregexes=['a']\n[[rules.allowlists]]\nregexes=['b']":  `.gitleaks.toml:4:8: rule "a": [rules.allowlist] is deprecated, it cannot be used alongside [[rules.allowlists]]; move it into a further [[rules.allowlists]]`,
		"[[allowlists]]\nregexes=['a']\n[allowlist]\nregexes=['b']":                                  `.gitleaks.toml:3:2: [allowlist] is deprecated, it cannot be used alongside [[allowlists]]; move it into a further [[allowlists]]`,
		"[[allowlists]]\nregexes = [\n  'a',\n  '(',\n]":                                             ".gitleaks.toml:4:3: regexes does not parse: missing closing )",
		"[[allowlists]]\nregexes = ['\\Qa', 'b']":                                                    ".gitleaks.toml:2:1: regexes joined with | does not parse: missing closing )",
		"[[allowlists]]\ntargetRules = ['x']\nregexes = ['a']":                                       `.gitleaks.toml:2:1: [[allowlists]] target rule "x" does not exist`,
		"[extend]\npath = 'a.toml'\nuseDefault = true":                                               `.gitleaks.toml:2:8: extend.path and extend.useDefault cannot be used together`,
		"[extend]\npath = 'none.toml'":                                                               `.gitleaks.toml:2:8: open extend.path: file does not exist`,
		"[extend]\npath = './.gitleaks.toml'":                                                        `.gitleaks.toml:2:8: extend.path leads back to .gitleaks.toml`,
		rule + "regex = 'a'\n[[rules.required]]\nid = 'b'":                                           `.gitleaks.toml:5:6: rule "a": [[rules.required]] rule "b" does not exist`,
		rule + "regex = '" + strings.Repeat("a", maxPatternBytes+1) + "'":                            `.gitleaks.toml:3:9: rule "a": regex is longer than 64 kB`,
		"[[allowlists]]\npaths = [" + strings.Repeat("'"+strings.Repeat("a", 60_000)+"',", 18) + "]": `.gitleaks.toml:2:1: paths joined with | is longer than 1024 kB`,
		strings.Repeat("#", maxConfigBytes+1):                                                        `.gitleaks.toml:1:1: the file is larger than 5 MiB`,
		strings.Repeat("a.", 40) + "b = 1":                                                           `: a key of more than 32 parts`,
		strings.Repeat("[[rules]]\n", maxRules+1):                                                    `.gitleaks.toml:1:3: more than 10000 rules`,
	} {
		_, err := loadFiles(map[string]string{main: text, "./" + main: text})
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.90q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestErrorsOfExtendedFilesNameThatFile(t *testing.T) {
	_, err := loadFiles(map[string]string{main: "[extend]\npath='sub/base.toml'", "sub/base.toml": "\n[[rules]]\nid='a'\nregex='('"})
	if err == nil || !strings.HasPrefix(err.Error(), `sub/base.toml:4:7: rule "a": regex`) {
		t.Error(err)
	}
}

func TestExtendThatGoesRoundIsAnError(t *testing.T) {
	_, err := loadFiles(map[string]string{main: "[extend]\npath='1.toml'", "1.toml": "[extend]\npath='2.toml'", "2.toml": "[extend]\npath='1.toml'"})
	if err == nil || !strings.Contains(err.Error(), "leads back to .gitleaks.toml") {
		t.Errorf("the second file reads as the first: %v", err)
	}
	_, err = loadFiles(map[string]string{main: "[extend]\npath='1.toml'", "1.toml": "[extend]\npath='" + main + "'"})
	if err == nil || !strings.Contains(err.Error(), "leads back to .gitleaks.toml") {
		t.Error(err)
	}
}

func TestExtendPathNeedsFilesToFollow(t *testing.T) {
	_, err := Load(main, []byte("[extend]\npath='a.toml'"), LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), "cannot be followed") {
		t.Error(err)
	}
	_, err = loadFiles(map[string]string{main: "[extend]\npath='a.toml'"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap the cause", err)
	}
}

func TestWhatDoesNothingIsAWarning(t *testing.T) {
	set, err := loadFiles(map[string]string{main: `colour = 1
[extend]
path = "b.toml"
disabledRules = ["part", "nosuch"]
[[rules]]
id = "a"
regex = "a"
keywords = "x,y"
hue = 1
[[rules]]
id = "a"
regex = "b"
keywords = [""]
[[rules]]
id = "whole"
skipReport = true
`, "b.toml": `
[[allowlists]]
targetRules = ["other"]
regexes = ["", "x"]
[[rules]]
id = "whole"
regex = "w"
[[rules.required]]
id = "part"
[[rules]]
id = "part"
regex = "p"
`})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`.gitleaks.toml:1:10: unknown key "colour" in the file is ignored`,
		`.gitleaks.toml:9:7: rule "a": unknown key "hue" in [[rules]] is ignored`,
		`.gitleaks.toml:8:12: rule "a": keywords is one string, it is split at its commas; write a list`,
		`.gitleaks.toml:13:1: rule "a": an empty keyword is ignored`,
		`.gitleaks.toml:10:3: rule "a" replaces the one of line 5, which has the same id`,
		`b.toml:4:12: an empty pattern in regexes matches everything`,
		`.gitleaks.toml:4:1: disabledRules names "nosuch", which is no rule of what is extended`,
		`.gitleaks.toml:14:3: rule "whole": required and skipReport are ignored in a rule that changes an extended one`,
		`b.toml:3:1: [[allowlists]] target rule "other" does not exist`,
		`b.toml:9:6: rule "whole": required rule "part" is disabled, so this rule finds nothing`,
	}
	sort := cmpopts.SortSlices(strings.Compare)
	if diff := cmp.Diff(want, set.Warnings, sort); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestTargetRulesOfAnExtendedFileHold(t *testing.T) {
	set, err := loadFiles(map[string]string{
		main:     "[extend]\npath='b.toml'",
		"b.toml": "[[allowlists]]\ntargetRules=['a']\nregexes=['x']\n[[rules]]\nid='a'\nregex='a'",
	})
	if err != nil || len(set.Rule("a").Allowlists) != 1 || len(set.Allowlists) != 0 {
		t.Errorf("%v %+v", err, set)
	}
}

func TestUsersRulesAreMeantUnlessTheySayOtherwise(t *testing.T) {
	set := mustLoad(t, "[[rules]]\nid='a'\nregex='a'\n[[rules]]\nid='b'\nregex='b'\nseverity='Low'\nconfidence='possible'\nprefix='b_'\nadvice='x'\nprovider='B'\nexamples={true=['b'],false=['c']}\n")
	a, b := set.Rule("a"), set.Rule("b")
	if a.Severity != High || a.Confidence != Likely || a.Origin != "test.toml:1" {
		t.Errorf("a is %v, %v, from %s", a.Severity, a.Confidence, a.Origin)
	}
	if b.Severity != Low || b.Confidence != Possible || b.Prefix != "b_" || b.Advice != "x" || b.Provider != "B" ||
		len(b.Examples.True) != 1 || len(b.Examples.False) != 1 {
		t.Errorf("b is %+v", b)
	}
}

func TestChangingADefaultRuleLeavesTheDefaultsAlone(t *testing.T) {
	before := mustDefault(t).Digest
	text := "[extend]\nuseDefault=true\n[[allowlists]]\ntargetRules=['adafruit-api-key']\nregexes=['x']\n[[rules]]\nid='adafruit-api-key'\nkeywords=['k']\n"
	first, second := mustLoad(t, text), mustLoad(t, text)
	if first.Digest != second.Digest || first.Digest == before {
		t.Errorf("digests %s and %s, defaults %s", first.Digest, second.Digest, before)
	}
	if digest(mustDefault(t)) != before || len(mustDefault(t).Rule("adafruit-api-key").Allowlists) != 0 {
		t.Error("loading changed the shared defaults")
	}
}

func TestNewRegexDropsTheCheckOfTheOldOne(t *testing.T) {
	base := "[[rules]]\nid='a'\nregex='a'\ncheck='github'\nprefix='a_'\nexamples={true=['a']}\n"
	for text, want := range map[string]string{
		"regex='b'":                 "",
		"regex='b'\ncheck='gitlab'": "gitlab",
		"entropy=1.0":               "github",
	} {
		set, err := loadFiles(map[string]string{main: "[extend]\npath='b.toml'\n[[rules]]\nid='a'\n" + text, "b.toml": base})
		if err != nil {
			t.Fatal(err)
		}
		if r := set.Rule("a"); r.Check != want || r.Prefix != "a_" || (len(r.Examples.True) > 0) != (want == "github") {
			t.Errorf("%s: check %q, prefix %q, examples %v", text, r.Check, r.Prefix, r.Examples)
		}
	}
}

func TestManyTargetsStayCheap(t *testing.T) {
	many := strings.Repeat("'a',", 500_000)
	set := mustLoad(t, "[[rules]]\nid='a'\nregex='a'\n[[allowlists]]\nregexes=['x']\ntargetRules=["+many+"]")
	if n := len(set.Rule("a").Allowlists); n != 500_000 {
		t.Errorf("%d allowlists", n)
	}
}

func TestLargeTablesAreRefused(t *testing.T) {
	var keys, tables, inline strings.Builder
	for i := range maxTableKeys + 1 {
		fmt.Fprintf(&keys, "k%d=1\n", i)
		fmt.Fprintf(&tables, "[t%d]\n", i)
		fmt.Fprintf(&inline, "k%d=1,", i)
	}
	for _, text := range []string{keys.String(), tables.String(), "[t]\n" + keys.String(), "t = {" + inline.String() + "z=1}"} {
		_, err := Load(main, []byte(text), LoadOptions{})
		if err == nil || !strings.Contains(err.Error(), "more than 200 keys in one table") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func BenchmarkLoadOverDefaults(b *testing.B) {
	text := []byte("[extend]\nuseDefault=true\n[[rules]]\nid='a'\nregex='a'\n")
	for b.Loop() {
		if _, err := Load(main, text, LoadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// People write the values that they allow into allowlists.
func TestErrorsDoNotRepeatWhatAPatternSpellsOut(t *testing.T) {
	value := strings.Repeat("s3cr3t", 4)
	for _, pattern := range []string{value + "(", "(?P<" + value + "-", "[" + value, value + "**", "(?=" + value, value + `\`} {
		_, err := Load(main, []byte("[[allowlists]]\nregexes=['"+pattern+"']"), LoadOptions{})
		if err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%v", err)
		}
	}
}
