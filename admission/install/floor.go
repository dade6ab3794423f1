package install

import (
	"strings"

	"github.com/leakgate/leakgate/admission"
	"github.com/leakgate/leakgate/internal/gate"
)

// Floor is the part of the policy that an API server can hold without us, as
// expressions of CEL over request, object and oldObject. It reads no other
// object, so it knows writers by name only. It refuses nothing that the webhook
// admits.
type Floor struct {
	Values  string `json:"values"`  // no plain value is new, or somebody named writes it
	Guarded string `json:"guarded"` // a guarded type, only from those named for it
	Message string `json:"message"` // what the first says when it refuses: the names of keys and what to do
}

// floor makes the expressions. oldObject is null on CREATE. Whoever is named as a
// writer passes the first, so of the rules of writers only that of everybody
// else counts there.
func floor(k gate.Kubernetes) Floor {
	isGuarded := "object.type in " + list(admission.GuardedTypes())
	tools := k.Formats.Placeholders
	return Floor{
		Message: floorMessage(tools),
		Values:  strings.Join([]string{isGuarded, named(k.Writers), lifted(k, "untrusted-writer"), soft(k.Modes, "untrusted-writer"), nothingNew(tools)}, " || "),
		Guarded: strings.Join([]string{"!(" + isGuarded + ")", unchanged, namedForGuarded(k),
			excepted(k, "type-guard"), soft(k.Modes, "type-guard")}, " || "),
	}
}

// soft is that the namespace does not enforce a rule.
func soft(m gate.Modes, rule string) string {
	var milder, strict []string
	for _, name := range append(m.Enforcing(), m.Mild()...) {
		if m.Of(rule, name) == gate.ModeEnforce {
			strict = append(strict, name)
		} else {
			milder = append(milder, name)
		}
	}
	if m.Of(rule, "") != gate.ModeEnforce {
		return "!(request.namespace in " + list(strict) + ")"
	}
	return "request.namespace in " + list(milder)
}

const (
	// kept is that a key has the value that it had.
	kept = "(request.operation == 'UPDATE' && has(oldObject.data) && k in oldObject.data && oldObject.data[k] == object.data[k])"
	// unchanged is that no value is new.
	unchanged = "(request.operation == 'UPDATE' && (!has(object.data) || object.data.all(k, object.data[k] == '' || " + kept + ")))"
)

// noValue is that the value of a key is empty, was there, or is filled in later.
func noValue(tools []string) string {
	return "(object.data[k] == '' || object.data[k].matches(" + text(lateValue(tools)) + ") || " + kept + ")"
}

// floorMessage names keys, never values. An API server asks the floor before any
// webhook, so this is what people read in namespaces that enforce.
func floorMessage(tools []string) string {
	return "'leakgate untrusted-writer: the keys ' + object.data.filter(k, !" + noValue(tools) + ").join(', ') + ' have plain values from someone who is no trusted writer. To fix it: " +
		"seal it: kubeseal --format yaml < secret.yaml > sealed.yaml && kubectl apply -f sealed.yaml; or name it by an ExternalSecret; or encrypt it by sops for a deployer that decrypts.'"
}

// nothingNew is that every value is empty, was there, or is filled in later.
func nothingNew(tools []string) string {
	return "!has(object.data) || object.data.all(k, " + noValue(tools) + ")"
}

// namedForGuarded are the users whom some writer names for guarded types.
func namedForGuarded(k gate.Kubernetes) string {
	var writers []gate.Writer
	for _, w := range k.Writers {
		if len(w.GuardedTypes) > 0 {
			writers = append(writers, w)
		}
	}
	return named(writers)
}

// lifted is that an emergency or an exception may lift what a rule refuses. The
// webhook also looks at the end of both.
func lifted(k gate.Kubernetes, rule string) string {
	people := append(userIn(append([]string{}, k.BreakGlass.Users...)), inGroups(append([]string{}, k.BreakGlass.Groups...))...)
	if len(people) == 0 {
		return excepted(k, rule)
	}
	annotated := "has(object.metadata.annotations) && " + text(admission.AnnotationReason) + " in object.metadata.annotations && " +
		text(admission.AnnotationExpires) + " in object.metadata.annotations"
	return "((" + anyOf(people) + ") && " + annotated + ") || " + excepted(k, rule)
}

// excepted is that an exception speaks of the user and the namespace, whatever
// its day and the name of the Secret.
func excepted(k gate.Kubernetes, rule string) string {
	var out []string
	for _, e := range k.Exceptions {
		if e.Rule == rule {
			out = append(out, "("+nameMatches("request.namespace", e.Namespaces)+" && ("+subjects(e.Subjects)+"))")
		}
	}
	return anyOf(out)
}

func subjects(all []string) string {
	if len(all) == 0 {
		return "true"
	}
	var users, names []string
	for _, s := range all {
		kind, name, _ := strings.Cut(s, ":")
		switch kind {
		case "user":
			users = append(users, name)
		case "group":
			names = append(names, name)
		default:
			users = append(users, gate.ServiceAccountUser(name))
		}
	}
	return anyOf(append(userIn(users), inGroups(names)...))
}
