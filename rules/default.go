package rules

import (
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/logging"
)

//go:embed *.toml
var packFiles embed.FS

// One pattern of gitleaks' global allowlist lost its group, so that it drops
// every value with "false" inside.
const (
	looseWords    = `'''(?i)^true|false|null$'''`
	anchoredWords = `'''(?i)^(?:true|false|null)$'''`
)

// Default returns gitleaks' 222 default rules, described and extended by the
// rules of this project. The Set is made once and shared: it must not change.
func Default() (*Set, error) { return defaultSet() }

var defaultSet = sync.OnceValues(func() (*Set, error) {
	c, err := defaultCollection()
	if err != nil {
		return nil, err
	}
	return (&loader{}).finish(c.clone())
})

var defaultCollection = sync.OnceValues(readDefaults)

func readDefaults() (*collection, error) {
	c, err := gitleaksCollection()
	if err != nil {
		return nil, fmt.Errorf("read gitleaks' default rules: %w", err)
	}
	files, err := packFiles.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var meta []*entry
	for _, file := range files {
		text, err := packFiles.ReadFile(file.Name())
		if err != nil {
			return nil, err
		}
		pack, err := readBuiltin(file.Name(), text, document{origin: "leakgate", trusted: true, meta: true})
		if err != nil {
			return nil, err
		}
		if err := c.addPack(pack); err != nil {
			return nil, err
		}
		meta = append(meta, pack.meta...)
	}
	return c, c.describe(meta)
}

// gitleaksCollection reads the configuration that the gitleaks module embeds.
// Its logger writes values to stderr at debug level, so it is silenced first.
func gitleaksCollection() (*collection, error) {
	logging.Logger = zerolog.Nop()
	if strings.Count(config.DefaultConfig, looseWords) != 1 {
		return nil, errors.New("the allowlist of gitleaks is not the known one")
	}
	text := strings.Replace(config.DefaultConfig, looseWords, anchoredWords, 1)
	c, err := readBuiltin("gitleaks.toml", []byte(text), document{origin: "gitleaks", trusted: true})
	if err != nil {
		return nil, err
	}
	c.allowlists = splitPlaces(c.allowlists)
	return c, nil
}

// splitPlaces parts lists of alternatives into their paths, which hold for
// doubtful rules only, and their contents, which hold for all.
func splitPlaces(lists []*Allowlist) []*Allowlist {
	var split []*Allowlist
	for _, a := range lists {
		if a.MatchAll || a.Paths == nil {
			split = append(split, a)
			continue
		}
		split = append(split, &Allowlist{Description: a.Description, Paths: a.Paths, Default: true})
		if len(a.Commits) > 0 || a.Regexes != nil || len(a.StopWords) > 0 {
			split = append(split, &Allowlist{
				Description: a.Description, Commits: a.Commits,
				Regexes: a.Regexes, RegexTarget: a.RegexTarget, StopWords: a.StopWords,
			})
		}
	}
	return split
}

// readBuiltin reads an embedded file, where whatever a user would only be
// warned of is an error.
func readBuiltin(name string, text []byte, d document) (*collection, error) {
	src := &source{name: name, text: text}
	root, err := parseTOML(src, d.trusted)
	if err != nil {
		return nil, err
	}
	f := &fields{src: src}
	c := readCollection(f, root, d)
	if f.err == nil && len(f.warnings) > 0 {
		return nil, errors.New(f.warnings[0])
	}
	return c, f.err
}

// addPack adds the rules of a pack; one with a known id replaces that rule.
func (c *collection) addPack(pack *collection) error {
	for id, e := range pack.rules {
		if before := c.rules[id]; before != nil && before.rule.Origin == "leakgate" {
			return e.at.errorf(id, "two packs hold this rule")
		}
		c.rules[id] = e
	}
	c.allowlists = append(c.allowlists, pack.allowlists...)
	c.targets = append(c.targets, pack.targets...)
	return nil
}

// describe fills what rules do not say of themselves from [[meta]] tables.
func (c *collection) describe(meta []*entry) error {
	seen := map[string]bool{}
	for _, m := range meta {
		id := m.rule.ID
		e := c.rules[id]
		if e == nil || seen[id] {
			return m.at.errorf(id, "[[meta]] describes no rule, or one that is described already")
		}
		seen[id] = true
		m.describe(e)
		e.rule.Examples = Examples{}
		e.describe(m)
	}
	return nil
}
