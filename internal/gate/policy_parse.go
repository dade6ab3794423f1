package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/rules"
)

const (
	maxPolicy   = 1 << 20 // bytes of a policy file
	maxProblems = 20      // problems told at once
)

// ParsePolicy reads a policy file of version 1. name stands in the errors,
// which give line and column of every problem. It never quotes a value, since
// the file may turn out to be something else. Aliases are refused, so that a
// small file cannot unfold into a large one.
func ParsePolicy(name string, text []byte) (Policy, error) { return parse(name, text, nil) }

// parse reads a policy that may have further keys.
func parse(name string, text []byte, further func(*reader) keys) (Policy, error) {
	if len(text) > maxPolicy {
		return Policy{}, fmt.Errorf("%s: a policy has at most %d bytes, this file has %d", name, maxPolicy, len(text))
	}
	root, err := parseYAML(text)
	if err != nil {
		return Policy{}, fmt.Errorf("%s%w", name, err)
	}
	r := &reader{name: name, lines: map[string]int{}}
	r.check(root, 0)
	if len(r.problems) == 0 {
		p := r.policy(root, further)
		if len(r.problems) == 0 {
			return p, nil
		}
	}
	return Policy{}, errors.Join(r.problems...)
}

var (
	// yamlLine is where yaml.v3 tells the line of a syntax error.
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// yamlName is a name of the file that yaml.v3 repeats, as that of an anchor.
	yamlName = regexp.MustCompile(`'[^']{2,}'`)
)

// parseYAML reads the one document of text; its errors start with the place.
func parseYAML(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, errors.New(`: the file is empty; write at least "version: 1"`)
	}
	if err == nil {
		if err = decoder.Decode(&more); errors.Is(err, io.EOF) {
			return document.Content[0], nil
		}
	}
	if err == nil {
		return nil, fmt.Errorf(":%d:1: a second document begins; a policy is one document", more.Line)
	}
	at := yamlLine.FindStringSubmatch(err.Error())
	if at == nil || at[1] == "" {
		at = []string{"", "1"}
	}
	what := yamlName.ReplaceAllString(yamlLine.ReplaceAllString(err.Error(), ""), "'…'")
	return nil, fmt.Errorf(":%s:1: not YAML: %s", at[1], what)
}

// policy reads the whole document, over the defaults.
func (r *reader) policy(root *yaml.Node, further func(*reader) keys) Policy {
	p := Defaults()
	p.Name, p.lines, p.Sections = r.name, r.lines, map[string]bool{}
	section := func(name string) func(*yaml.Node) {
		return func(n *yaml.Node) { p.Sections[name] = r.isMapping(n) }
	}
	table := keys{
		"version":      r.version,
		"mode":         func(n *yaml.Node) { p.Audit = r.word(n, []string{"enforce", "audit"}) == 1 },
		"fail_on":      func(n *yaml.Node) { p.FailOn = wordSet[rules.Severity](r, n, severityWords) },
		"block":        func(n *yaml.Node) { p.Block = wordSet[rules.Confidence](r, n, confidenceWords) },
		"paths":        func(n *yaml.Node) { p.Paths = r.paths(n) },
		"rules":        func(n *yaml.Node) { p.Rules = r.rules(n) },
		"limits":       func(n *yaml.Node) { p.Limits = r.limits(n) },
		"environments": func(n *yaml.Node) { p.Environments = r.environments(n) },
		"exceptions":   func(n *yaml.Node) { p.Exceptions = r.exceptions(n) },
		"kubernetes":   func(n *yaml.Node) { p.Kubernetes = r.kubernetes(n) },
		"remediate":    section("remediate"),
		"app":          func(n *yaml.Node) { p.Sections["app"] = true; p.App = r.app(n) },
	}
	if further != nil {
		maps.Copy(table, further(r))
	}
	r.mapping(root, "", table, "version")
	p.Kubernetes = p.Kubernetes.withForms(p.Exceptions)
	return p
}

// withForms has a cluster know the exceptions of forms that are not bound to paths.
func (k *Kubernetes) withForms(all []Exception) *Kubernetes {
	if k == nil {
		return nil
	}
	out := *k
	out.Forms = slices.DeleteFunc(slices.Clone(all), func(e Exception) bool { return !e.form() || len(e.Paths) > 0 })
	return &out
}

func (r *reader) app(n *yaml.Node) (out App) {
	r.mapping(n, "app.", keys{
		"public_detail": func(n *yaml.Node) { out.PublicDetail = r.truth(n) },
		"comment":       func(n *yaml.Node) { out.NoComment = !r.truth(n) },
		"code_scanning": func(n *yaml.Node) { out.NoCodeScanning = !r.truth(n) },
	})
	return out
}

func (r *reader) version(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Value != "1" {
		r.problem(n, "this leakgate reads version 1")
	}
}

func (r *reader) paths(n *yaml.Node) (out Paths) {
	r.mapping(n, "paths.", keys{
		"exclude": func(n *yaml.Node) { out.Exclude = r.globs(n, ParseGlob) },
	})
	return out
}

func (r *reader) rules(n *yaml.Node) (out RuleChoice) {
	r.mapping(n, "rules.", keys{
		"disable": func(n *yaml.Node) { out.Disable = r.texts(n) },
		"only": func(n *yaml.Node) {
			if out.Only = r.texts(n); len(out.Only) == 0 {
				r.problem(n, "an empty list would leave no rule; leave the key out to use every rule")
			}
		},
		"severity": func(n *yaml.Node) { out.Severity = r.severities(n) },
	})
	return out
}

// severities reads rule: severity pairs. Rule ids are open, so any key is fine.
func (r *reader) severities(n *yaml.Node) map[string]rules.Severity {
	out := map[string]rules.Severity{}
	if !r.isMapping(n) {
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		rule := n.Content[i].Value
		r.lines["rules.severity."+rule] = n.Content[i].Line
		out[rule] = rules.Severity(r.word(n.Content[i+1], severityWords))
	}
	return out
}

func (r *reader) limits(n *yaml.Node) (out Limits) {
	r.mapping(n, "limits.", keys{
		"max_blob":      func(n *yaml.Node) { out.MaxBlob = r.size(n) },
		"archive_depth": func(n *yaml.Node) { out.ArchiveDepth = r.depth(n) },
		"archive_bytes": func(n *yaml.Node) { out.ArchiveBytes = r.size(n) },
		"decode_depth":  func(n *yaml.Node) { out.DecodeDepth = r.depth(n) },
	})
	return out
}

func (r *reader) environments(n *yaml.Node) []Environment {
	found := map[string]Environment{}
	table := keys{}
	for _, name := range environmentWords {
		table[name] = func(n *yaml.Node) { found[name] = r.environment(n, name) }
	}
	r.mapping(n, "environments.", table)
	var out []Environment
	for _, name := range environmentWords {
		if e, ok := found[name]; ok {
			out = append(out, e)
		}
	}
	return out
}

func (r *reader) environment(n *yaml.Node, name string) Environment {
	out := Environment{Name: name, Severity: usualShift(name)}
	r.mapping(n, "environments."+name+".", keys{
		"paths":      func(n *yaml.Node) { out.Paths = r.globs(n, ParseGlob) },
		"branches":   func(n *yaml.Node) { out.Branches = r.globs(n, ParseName) },
		"namespaces": func(n *yaml.Node) { out.Namespaces = r.globs(n, ParseName) },
		"severity": func(n *yaml.Node) {
			if i := r.word(n, shiftWords); i >= 0 {
				out.Severity = Shift(shiftWords[i])
			}
		},
	})
	return out
}

func (r *reader) exceptions(n *yaml.Node) []Exception {
	var out []Exception
	for i, item := range r.list(n) {
		e := Exception{Line: item.Line}
		r.mapping(item, "exceptions["+strconv.Itoa(i)+"].", keys{
			"paths":       func(n *yaml.Node) { e.Paths = r.some(n, r.globs(n, ParseGlob)) },
			"namespaces":  func(n *yaml.Node) { e.Namespaces = r.someGlobs(n) },
			"names":       func(n *yaml.Node) { e.Names = r.someGlobs(n) },
			"fingerprint": func(n *yaml.Node) { e.Fingerprint = r.text(n) },
			"blob":        func(n *yaml.Node) { e.Blob = r.objectID(n) },
			"rule":        func(n *yaml.Node) { e.Rule = r.text(n) },
			"path":        func(n *yaml.Node) { e.Path = r.text(n) },
			"reason":      func(n *yaml.Node) { e.Reason = r.text(n) },
			"owner":       func(n *yaml.Node) { e.Owner = r.text(n) },
			"expires":     func(n *yaml.Node) { e.Expires = r.date(n) },
		}, "reason", "owner", "expires")
		r.checkException(item, e)
		out = append(out, e)
	}
	return out
}

// checkException tells an exception of a value, which names its place and a blob,
// from one of a form, which names a rule and where it holds.
func (r *reader) checkException(n *yaml.Node, e Exception) {
	given := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		given[n.Content[i].Value] = n.Content[i+1]
	}
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return given[key] != nil })
	}
	missing := func(key string) { r.problem(n, fmt.Sprintf("the key %q is missing", key)) }
	where := has("paths", "namespaces", "names")
	switch {
	case where && has("fingerprint", "blob", "path"):
		r.problem(n, "paths, namespaces and names belong to an exception of a form, and fingerprint, blob and path to one of a value; write two")
	case where && !has("rule"):
		missing("rule")
	case where && !slices.Contains(FormRules(), e.Rule):
		r.problem(given["rule"], "this rule is none about forms"+unknown(e.Rule, FormRules()))
	case where:
	case !has("fingerprint", "blob") && has("rule"):
		r.problem(n, "say where it holds: paths, namespaces or names for a form, fingerprint and blob for a value")
	default:
		for _, key := range []string{"fingerprint", "blob"} {
			if !has(key) {
				missing(key)
			}
		}
	}
}

func (r *reader) globs(n *yaml.Node, parse func(string) (Glob, error)) []Glob {
	var out []Glob
	for _, item := range r.list(n) {
		text := r.text(item)
		if text == "" {
			continue
		}
		g, err := parse(text)
		if err != nil {
			r.problem(item, err.Error())
		}
		out = append(out, g)
	}
	return out
}

func (r *reader) texts(n *yaml.Node) []string {
	var out []string
	for _, item := range r.list(n) {
		out = append(out, strings.TrimSpace(r.text(item)))
	}
	return out
}
