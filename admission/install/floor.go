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
}

// floor makes the expressions. oldObject is null on CREATE.
func floor(k gate.Kubernetes) Floor {
	lifted := lifted(k, "untrusted-writer", "writer-identity", "writer-scope", "writer-claim", "writer-source")
	return Floor{
		Values:  strings.Join([]string{named(k.Writers), lifted, nothingNew}, " || "),
		Guarded: strings.Join([]string{"!(object.type in " + list(admission.GuardedTypes()) + ")", unchanged, namedForGuarded(k), excepted(k, []string{"type-guard"})}, " || "),
	}
}

const (
	// kept is that a key has the value that it had.
	kept = "(request.operation == 'UPDATE' && has(oldObject.data) && k in oldObject.data && oldObject.data[k] == object.data[k])"
	// unchanged is that no value is new.
	unchanged = "(request.operation == 'UPDATE' && (!has(object.data) || object.data.all(k, object.data[k] == '' || " + kept + ")))"
)

// nothingNew is that every value is empty, was there, or is filled in later.
var nothingNew = "!has(object.data) || object.data.all(k, object.data[k] == '' || object.data[k].matches(" + text(lateValue()) + ") || " + kept + ")"

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
func lifted(k gate.Kubernetes, rules ...string) string {
	people := append(userIn(append([]string{}, k.BreakGlass.Users...)), inGroups(append([]string{}, k.BreakGlass.Groups...))...)
	if len(people) == 0 {
		return excepted(k, rules)
	}
	annotated := "has(object.metadata.annotations) && " + text(admission.AnnotationReason) + " in object.metadata.annotations && " +
		text(admission.AnnotationExpires) + " in object.metadata.annotations"
	return "((" + anyOf(people) + ") && " + annotated + ") || " + excepted(k, rules)
}

// excepted is that an exception speaks of the user and the namespace, whatever
// its day and the name of the Secret.
func excepted(k gate.Kubernetes, rules []string) string {
	var out []string
	for _, e := range k.Exceptions {
		for _, rule := range rules {
			if e.Rule == rule {
				out = append(out, "("+nameMatches("request.namespace", e.Namespaces)+" && ("+subjects(e.Subjects)+"))")
			}
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
