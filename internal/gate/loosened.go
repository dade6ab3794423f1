package gate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// ProposedPolicy tells what a change does to the policy file, by base, the
// policy that judges it. text is the file after the change, nil where there is
// none. None of it is obeyed before it is merged. One that cannot be read blocks,
// since it would close the gate for everyone after it.
func ProposedPolicy(base Policy, name string, text []byte) []Notice {
	head := Defaults()
	if text != nil {
		var err error
		if head, err = ParsePolicy(name, text); err != nil {
			return []Notice{{Path: name, Block: true, Text: "this change leaves a policy that cannot be read: " + strings.ReplaceAll(err.Error(), "\n", "; ")}}
		}
	}
	head.Name = name
	if base.organisation != nil {
		head, _ = Merge(*base.organisation, head)
	}
	return Loosened(base, head)
}

// Loosened lists what a change would let pass that base does not: each a
// notice at its line of the changed policy.
func Loosened(base, head Policy) []Notice {
	d := &difference{head: head}
	if head.Audit && !base.Audit {
		d.add("mode", "only audits")
	}
	for _, w := range gone(words(base.FailOn, severityWords), words(head.FailOn, severityWords)) {
		d.add("fail_on", "no longer blocks severity "+w)
	}
	for _, w := range gone(words(base.Block, confidenceWords), words(head.Block, confidenceWords)) {
		d.add("block", "no longer blocks confidence "+w)
	}
	for _, glob := range gone(globTexts(head.Paths.Exclude), globTexts(base.Paths.Exclude)) {
		d.add("paths.exclude", quote("excludes ", glob))
	}
	d.rules(base.Rules, head.Rules)
	d.limits(base.Limits, head.Limits)
	d.environments(base, head)
	d.exceptions(base.Exceptions)
	d.kubernetes(base.Kubernetes, head.Kubernetes)
	return atMost(d.notices, "more that this change loosens")
}

// difference collects what a changed policy loosens.
type difference struct {
	head    Policy
	notices []Notice
}

func (d *difference) add(key, text string) {
	d.notices = append(d.notices, d.head.notice(key, "this change loosens the policy, not obeyed yet: it "+text))
}

func (d *difference) rules(base, head RuleChoice) {
	for _, rule := range gone(head.Disable, base.Disable) {
		d.add("rules.disable", quote("disables the rule ", rule))
	}
	if len(base.Only) == 0 && len(head.Only) > 0 {
		d.add("rules.only", "uses only some of the rules")
	} else if len(head.Only) > 0 {
		for _, rule := range gone(base.Only, head.Only) {
			d.add("rules.only", quote("no longer uses the rule ", rule))
		}
	}
	for _, rule := range sortedKeys(head.Severity) {
		if was, set := base.Severity[rule]; !set || head.Severity[rule] != was {
			d.add("rules.severity."+rule, quote(severityWords[head.Severity[rule]]+" becomes the severity of ", rule))
		}
	}
	for _, rule := range sortedKeys(base.Severity) {
		if _, set := head.Severity[rule]; !set {
			d.add("rules.severity", quote("no longer sets the severity of ", rule))
		}
	}
}

// limits tells of every change: a lower limit excludes more, and a limit that
// is named turns what was missed into excluded.
func (d *difference) limits(base, head Limits) {
	before, after := base.settings(), head.settings()
	for i := range after {
		if before[i].Value != after[i].Value {
			d.add(after[i].Key, fmt.Sprintf("changes %s from %s to %s", after[i].Key, before[i].Value, after[i].Value))
		}
	}
}

// environments tells of every change, since a pattern that moves a path from
// one to the other may lower its severity.
func (d *difference) environments(base, head Policy) {
	for _, name := range environmentWords {
		if before, after := base.environment(name), head.environment(name); before != after {
			d.add("environments."+name, "changes what belongs to "+name+" or its severity")
		}
	}
}

// environment is the whole of one environment as text, "" if there is none.
func (p Policy) environment(name string) string {
	for _, e := range p.Environments {
		if e.Name == name {
			return fmt.Sprintf("%q %q %q %s", globTexts(e.Paths), globTexts(e.Branches), globTexts(e.Namespaces), e.Severity)
		}
	}
	return ""
}

func (d *difference) exceptions(base []Exception) {
	for _, e := range d.head.Exceptions {
		if !slices.ContainsFunc(base, func(b Exception) bool { return b.covers(e) }) {
			text := quote("adds or widens the exception of fingerprint ", e.Fingerprint)
			if e.form() {
				text = quote("adds or widens the exception of the rule ", e.Rule)
			}
			text += quote(", owner ", e.Owner)
			d.notices = append(d.notices, Notice{Text: "this change loosens the policy, not obeyed yet: it " + text,
				Path: d.head.Name, Line: e.Line})
		}
	}
}

// covers reports whether all that other allows was allowed already.
func (e Exception) covers(other Exception) bool {
	if e.form() || other.form() {
		return e.form() && other.form() && e.Rule == other.Rule && !e.Expires.Before(other.Expires) && e.where() == other.where()
	}
	return e.Fingerprint == other.Fingerprint && e.Blob == other.Blob &&
		(e.Rule == "" || e.Rule == other.Rule) && (e.Path == "" || e.Path == other.Path) &&
		!e.Expires.Before(other.Expires)
}

// AddedLines tells each line that a change adds to an ignore file, as
// .gitleaksignore. Comments and empty lines count for nothing.
func AddedLines(path string, before, after []byte) []Notice {
	known := map[string]bool{}
	for line := range bytes.Lines(before) {
		known[string(bytes.TrimSpace(line))] = true
	}
	var out []Notice
	number := 0
	for line := range bytes.Lines(after) {
		number++
		text := string(bytes.TrimSpace(line))
		if text != "" && !strings.HasPrefix(text, "#") && !known[text] {
			out = append(out, Notice{Path: path, Line: number, Text: "an ignore line that this change adds is not obeyed"})
		}
	}
	return atMost(out, "more ignore lines that this change adds")
}

// maxTold is the most notices of one kind that are told one by one.
const maxTold = 50

// atMost cuts a flood of notices of one file and counts the rest.
func atMost(notices []Notice, rest string) []Notice {
	if len(notices) <= maxTold {
		return notices
	}
	more := Notice{Path: notices[0].Path, Text: fmt.Sprintf("%d %s", len(notices)-maxTold, rest)}
	return append(notices[:maxTold:maxTold], more)
}

// ChangedFile tells that a change touches a file whose allowances are not
// compared one by one, as .gitleaks.toml or the baseline. nil bytes stand for
// no file.
func ChangedFile(path string, before, after []byte) []Notice {
	switch {
	case bytes.Equal(before, after) && (before == nil) == (after == nil):
		return nil
	case before == nil:
		return []Notice{{Path: path, Text: "this change adds the file; what it allows is not obeyed yet"}}
	case after == nil:
		return []Notice{{Path: path, Text: "this change removes the file; it is obeyed until then"}}
	}
	return []Notice{{Path: path, Text: "this change edits the file; what it allows anew is not obeyed yet"}}
}

// gone lists what is in from and not in other.
func gone(from, other []string) (out []string) {
	has := map[string]bool{}
	for _, w := range other {
		has[w] = true
	}
	for _, w := range from {
		if !has[w] {
			out = append(out, w)
		}
	}
	return out
}

func globTexts(globs []Glob) []string {
	out := make([]string, len(globs))
	for i, g := range globs {
		out[i] = g.String()
	}
	return out
}
