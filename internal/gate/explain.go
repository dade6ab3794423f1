package gate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Setting is one effective value of a policy.
type Setting struct {
	Key    string // as in "paths.exclude"
	Value  string // as it could be written in the policy file
	Origin string // FILE:LINE, or "default"
}

// Explain lists every effective value of a policy with its origin.
func Explain(p Policy) []Setting {
	e := &explanation{policy: p}
	e.add("mode", map[bool]string{true: "audit", false: "enforce"}[p.Audit])
	e.add("fail_on", flow(words(p.FailOn, severityWords)))
	e.add("block", flow(words(p.Block, confidenceWords)))
	e.add("paths.exclude", flow(quoted(globTexts(p.Paths.Exclude))))
	e.add("rules.disable", flow(p.Rules.Disable))
	e.add("rules.only", flow(p.Rules.Only))
	for _, rule := range sortedKeys(p.Rules.Severity) {
		e.add("rules.severity."+rule, severityWords[p.Rules.Severity[rule]])
	}
	for _, s := range p.Limits.settings() {
		e.add(s.Key, s.Value)
	}
	for _, env := range p.Environments {
		at := "environments." + env.Name + "."
		e.add(at+"paths", flow(quoted(globTexts(env.Paths))))
		e.add(at+"branches", flow(quoted(globTexts(env.Branches))))
		e.add(at+"namespaces", flow(quoted(globTexts(env.Namespaces))))
		e.add(at+"severity", string(env.Severity))
	}
	for i, x := range p.Exceptions {
		e.exception("exceptions["+strconv.Itoa(i)+"].", x)
	}
	e.kubernetes(p.Kubernetes)
	for _, name := range sortedKeys(p.Sections) {
		if name != "app" {
			e.add(name, "see the file")
		}
	}
	if p.Sections["app"] {
		e.add("app.public_detail", strconv.FormatBool(p.App.PublicDetail))
		e.add("app.comment", strconv.FormatBool(!p.App.NoComment))
		e.add("app.code_scanning", strconv.FormatBool(!p.App.NoCodeScanning))
	}
	return e.settings
}

type explanation struct {
	policy   Policy
	settings []Setting
}

func (e *explanation) add(key, value string) {
	origin := "default"
	if line := e.policy.lines[key]; line > 0 {
		origin = fmt.Sprintf("%s:%d", e.policy.file(key), line)
	}
	e.settings = append(e.settings, Setting{key, value, origin})
}

func (e *explanation) exception(at string, x Exception) {
	if x.form() {
		e.globs(at+"paths", x.Paths)
		e.globs(at+"namespaces", x.Namespaces)
		e.globs(at+"names", x.Names)
	} else {
		e.add(at+"fingerprint", strconv.Quote(x.Fingerprint))
		e.add(at+"blob", x.Blob)
	}
	if x.Rule != "" {
		e.add(at+"rule", x.Rule)
	}
	if x.Path != "" {
		e.add(at+"path", strconv.Quote(x.Path))
	}
	e.add(at+"reason", strconv.Quote(x.Reason))
	e.add(at+"owner", strconv.Quote(x.Owner))
	e.add(at+"expires", x.Expires.Format(time.DateOnly))
}

func (e *explanation) globs(key string, globs []Glob) {
	if len(globs) > 0 {
		e.add(key, flow(quoted(globTexts(globs))))
	}
}

// settings are the limits as text; "unset" leaves a limit to the scanner.
func (l Limits) settings() []Setting {
	text := func(v *int64) string {
		if v == nil {
			return "unset"
		}
		return strconv.FormatInt(*v, 10)
	}
	return []Setting{
		{Key: "limits.max_blob", Value: text(l.MaxBlob)},
		{Key: "limits.archive_depth", Value: text(l.ArchiveDepth)},
		{Key: "limits.archive_bytes", Value: text(l.ArchiveBytes)},
		{Key: "limits.decode_depth", Value: text(l.DecodeDepth)},
	}
}

func flow(items []string) string { return "[" + strings.Join(items, ", ") + "]" }

func quoted(items []string) []string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = strconv.Quote(s)
	}
	return out
}
