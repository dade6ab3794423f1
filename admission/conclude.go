package admission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/leakgate/leakgate/internal/gate"
)

// conclude turns findings into an answer. Exceptions and emergencies lift a
// refusal and the mode softens it; of several that are left, the strictest
// counts, and of those the first.
func (d decider) conclude(found []finding) Answer {
	best := Answer{Audit: map[string]string{}}
	var warnings []string
	for _, f := range found {
		for _, w := range f.warn {
			warnings = append(warnings, "leakgate: "+w)
		}
		if a := d.answer(f); best.Rule == "" || a.weight() > best.weight() {
			best = a
		}
	}
	best.settle(warnings)
	return best
}

// answer is that to one finding alone.
func (d decider) answer(f finding) Answer {
	a := Answer{Decision: gate.Allow, Rule: f.rule, Writer: f.writer, Claim: f.claim, Audit: map[string]string{}}
	if !f.refused {
		return a
	}
	owner, over := d.exception(f, d.review.Name)
	if owner != "" {
		a.Rule = ruleException
		a.record("excepted-rule", f.rule)
		a.record("exception-owner", owner)
		return a
	}
	if over != "" {
		a.record("expired-exception-owner", over)
		f.reason += " (the exception of " + quoted(over) + " has expired)"
	}
	if end, why := d.emergency(); why != "" && !unbreakable(f.rule) {
		a.Rule, a.Decision = ruleBreakGlass, gate.Warn
		a.record("broken-rule", f.rule)
		a.record("break-glass-reason", why)
		a.record("break-glass-expires", end.Format(time.RFC3339))
		a.Warnings = []string{"leakgate: break-glass until " + end.Format(time.RFC3339) + ", recorded; rule " + f.rule}
		return a
	}
	a.refusal(f, d.policy.Modes.Of(f.rule, d.review.Namespace))
	return a
}

func (a *Answer) refusal(f finding, mode gate.Mode) {
	if f.rule == ruleBadReview {
		mode = gate.ModeEnforce
	}
	a.Refused, a.Mode = true, mode
	a.record("mode", mode.String())
	switch mode {
	case gate.ModeEnforce:
		a.Decision, a.Code = gate.Block, f.code
		a.Message = clip("leakgate "+f.rule+": "+f.reason+". To fix it: "+f.fix+".", maxMessage)
	case gate.ModeWarn:
		a.Decision = gate.Warn
		a.Warnings = []string{"leakgate " + f.rule + ": " + f.reason}
	}
}

// weight orders answers: a refusal by its mode, then an emergency, then an
// exception, then what is fine.
func (a Answer) weight() int {
	switch {
	case a.Refused:
		return 10 + int(a.Mode)
	case a.Rule == ruleBreakGlass:
		return 2
	case a.Rule == ruleException:
		return 1
	}
	return 0
}

// settle adds the warnings and what the audit log is told.
func (a *Answer) settle(warnings []string) {
	a.Warnings = append(a.Warnings, warnings...)
	a.Warnings = a.Warnings[:min(len(a.Warnings), maxWarnings)]
	for i, w := range a.Warnings {
		a.Warnings[i] = clip(w, maxWarning)
	}
	if len(a.Warnings) > 0 && a.Decision == gate.Allow {
		a.Decision = gate.Warn
	}
	a.record("rule", a.Rule)
	a.record("writer", a.Writer)
	a.record("claim", a.Claim)
	a.record("decision", a.Word())
}

// Word is the decision as audit logs and metrics have it: what audit mode lets
// pass is told apart from what is fine.
func (a Answer) Word() string {
	if a.Refused && a.Mode == gate.ModeAudit {
		return "audit"
	}
	return a.Decision.String()
}

// ModeWord is the mode of a refusal, "" where nothing is refused.
func (a Answer) ModeWord() string {
	if !a.Refused {
		return ""
	}
	return a.Mode.String()
}

func (a *Answer) record(key, value string) {
	if value != "" {
		a.Audit[key] = clip(value, maxAudit)
	}
}

// exception is the owner of an exception that holds today for a finding about the
// object of that name, and else of one that would but is over; "" for none.
func (d decider) exception(f finding, name string) (holds, over string) {
	note := func(owner string, expired bool) {
		if expired {
			over = owner
		} else if holds == "" {
			holds = owner
		}
	}
	if f.rule == ruleBadReview {
		return "", ""
	}
	for _, e := range d.policy.Exceptions {
		if e.Covers(f.rule, d.review.Namespace, name, d.review.User.who()) {
			note(e.Owner, e.Expired(d.now))
		}
	}
	for _, e := range d.policy.Forms {
		// An object within the object says of itself what its author likes.
		if f.fault != nil && f.fault.Value.IsZero() && e.CoversObject(f.rule, d.review.Namespace, name) {
			note(e.Owner, e.Expired(d.now))
		}
	}
	return holds, over
}

// The annotations of an emergency. They grant nothing by themselves: the policy
// names who may use them.
const (
	AnnotationReason  = "leakgate.github.io/break-glass-reason"
	AnnotationExpires = "leakgate.github.io/break-glass-expires"
)

// emergency is why and until when, or "" where the glass is whole.
func (d decider) emergency() (time.Time, string) {
	b, u := d.policy.BreakGlass, d.review.User
	named := slices.Contains(b.Users, u.Name) && (gate.ServiceAccount(u.Name) == "" || u.who().Account != "")
	if !named && !slices.ContainsFunc(b.Groups, func(g string) bool { return slices.Contains(u.Groups, g) }) {
		return time.Time{}, ""
	}
	notes, redactor := d.annotations()
	end, err := time.Parse(time.RFC3339, notes[AnnotationExpires])
	if err != nil || !end.After(d.now) || end.After(d.now.Add(time.Duration(b.MaxHours)*time.Hour)) {
		return time.Time{}, ""
	}
	return end, strings.TrimSpace(redactor(notes[AnnotationReason]))
}

// annotations of the object, and what keeps its values out of a text.
func (d decider) annotations() (map[string]string, func(string) string) {
	if d.review.Kind == secretKind {
		return d.review.Secret.Annotations, d.review.Secret.Redactor().Redact
	}
	return objectAnnotations(d.review.Object), func(s string) string { return s }
}

// Limits on what leaves. An API server cuts a warning at 256 characters and
// asks for 120. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
const (
	maxWarning  = 120
	maxWarnings = 8
	maxMessage  = 1500
	maxAudit    = 200
	maxNames    = 6
)

// clip cuts text to a number of characters and takes out what could steer a
// terminal or break a header.
func clip(text string, most int) string {
	runes := []rune(strings.ToValidUTF8(text, "?"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = ' '
		}
	}
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}

// list names some names, cut where there are many.
func list(names []string) string {
	shown := make([]string, 0, maxNames+1)
	for i, n := range names {
		if i == maxNames {
			shown = append(shown, fmt.Sprintf("and %d more", len(names)-maxNames))
			break
		}
		shown = append(shown, clip(n, 63))
	}
	return strings.Join(shown, ", ")
}

func quoted(name string) string { return strconv.Quote(clip(name, 128)) }

func (d decider) subject() string {
	name := d.review.Name
	if d.review.Namespace != "" {
		name = d.review.Namespace + "/" + name
	}
	return clip(d.review.Kind.Kind+" "+name, 200)
}

func (d decider) plainReason(gained []string, t trust) string {
	reason := fmt.Sprintf("%s: the keys %s have plain values from %s", d.subject(), list(gained), quoted(d.review.User.Name))
	if t.writer.Name == "" {
		return reason + ", who is no trusted writer"
	}
	return reason + ", who is not the trusted writer " + t.writer.Name + " here: " + t.reason
}

// fix is what to do about a refusal of values.
func (d decider) fix(t trust) string {
	switch t.fault {
	case ruleIdentity:
		return "let the controller write with the token of its own pod; or name the opt-out (pod_bound, impersonated) for the writer " + t.writer.Name + " in the policy"
	case ruleScope:
		return "widen namespaces, names or types of the writer " + t.writer.Name + " in the policy"
	case ruleClaim:
		return "create or correct what the Secret is written for; or give the writer " + t.writer.Name + " another claim in the policy"
	case ruleSource:
		return "mend what the Secret is written for; leakgate check shows it in a file"
	}
	return d.fixPlain()
}

// fixPlain is what to type instead. A chart makes its own Secrets.
func (d decider) fixPlain() string {
	s := d.review.Secret
	if s.Labels["app.kubernetes.io/managed-by"] == "Helm" {
		return "give the chart the name of a Secret that a trusted writer makes, often the value existingSecret, and make that one by an ExternalSecret or: kubeseal --format yaml < secret.yaml > sealed.yaml"
	}
	return "seal it: kubeseal --format yaml < secret.yaml > sealed.yaml && kubectl apply -f sealed.yaml; or encrypt it for a deployer that decrypts: sops --encrypt --in-place secret.yaml; or name it by an ExternalSecret"
}
