package gate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kubernetes tells what a change would let pass in the cluster.
func (d *difference) kubernetes(base, head *Kubernetes) {
	if base == nil {
		return // it adds what was not there; nothing was refused before
	}
	if head == nil {
		d.add("kubernetes", "drops the policy of the cluster")
		return
	}
	d.writers(base.Writers, head.Writers)
	d.modes(base.Modes, head.Modes)
	before, after := formatSettings(base.Formats), formatSettings(head.Formats)
	for i := range after {
		if before[i].Value != after[i].Value {
			d.add(after[i].Key, "changes "+after[i].Key)
		}
	}
	if !slices.Equal(base.Formats.SealedSecret.Certificates, head.Formats.SealedSecret.Certificates) {
		d.add("kubernetes.formats.sealed_secret.certificates", "changes the certificates of SealedSecrets")
	}
	d.breakGlass(base.BreakGlass, head.BreakGlass)
	if head.AuditDays < base.AuditDays {
		d.add("kubernetes.audit_days", "asks for fewer days of audit")
	}
	for _, e := range head.Exceptions {
		if !slices.ContainsFunc(base.Exceptions, func(b WriteException) bool { return b.text() == e.text() }) {
			d.addLine(e.Line, quote("adds or widens the exception of the rule ", e.Rule)+quote(", owner ", e.Owner))
		}
	}
}

func (d *difference) writers(base, head []Writer) {
	for _, w := range head {
		if !slices.ContainsFunc(base, func(b Writer) bool { return b.text() == w.text() }) {
			d.addLine(w.Line, quote("adds or changes who may write Secrets: ", w.Name))
		}
	}
}

// modes compares what every rule and namespace that either policy names gets.
func (d *difference) modes(base, head Modes) {
	rules, namespaces := map[string]bool{"": true}, map[string]bool{"": true}
	for _, m := range []Modes{base, head} {
		gather(rules, m.Rules)
		gather(namespaces, m.Namespaces)
		for _, n := range m.Namespaces {
			gather(rules, n.Rules)
		}
	}
	for _, namespace := range sortedKeys(namespaces) {
		for _, rule := range sortedKeys(rules) {
			if was, is := base.Of(rule, namespace), head.Of(rule, namespace); is < was && (rule == "" || is < head.Of("", namespace)) {
				d.add("kubernetes.modes", fmt.Sprintf("is milder: %s instead of %s%s%s", is, was, about(" for the rule ", rule), about(" in the namespace ", namespace)))
			}
		}
	}
}

func gather[V any](into map[string]bool, from map[string]V) {
	for key := range from {
		into[key] = true
	}
}

func about(text, name string) string {
	if name == "" {
		return ""
	}
	return text + strconv.Quote(name)
}

func (d *difference) breakGlass(base, head BreakGlass) {
	if more := append(gone(head.Users, base.Users), gone(head.Groups, base.Groups)...); len(more) > 0 {
		d.add("kubernetes.break_glass", quote("lets more people break the glass: ", strings.Join(more, ", ")))
	}
	if head.MaxHours > base.MaxHours {
		d.add("kubernetes.break_glass.max_hours", "lets an emergency last longer")
	}
}

func (d *difference) addLine(line int, text string) {
	d.notices = append(d.notices, Notice{Text: "this change loosens the policy, not obeyed yet: it " + text, Path: d.head.Name, Line: line})
}
