package manifest

import (
	"cmp"
	"slices"

	"github.com/leakgate/leakgate/internal/secret"
)

// Faults are what is wrong with the formats of documents, by the policy's
// settings. See [Checker.Faults].
func Faults(docs []Document, f Formats) []Fault { return Checker{Formats: f}.Faults(docs) }

// Faults are what is wrong with the formats of documents, which are all those
// of one file or object, in the order of their places. A plain value of a
// Secret is a fault too, wherever it stands (see [PlainSecrets]).
func (c Checker) Faults(docs []Document) []Fault {
	var out []Fault
	c.encrypted = slices.ContainsFunc(docs, func(d Document) bool { return d.source.metadata() != nil })
	for i := range docs {
		out = append(out, c.document(&docs[i])...)
	}
	return tidy(append(out, c.files(docs)...))
}

// tidy sorts faults and leaves out what says the same again: a plain value of a
// Secret of which another rule knows more, one fault found on two ways.
func tidy(faults []Fault) []Fault {
	better, plain := map[[2]int]bool{}, map[[2]int]bool{}
	for _, f := range faults {
		at := [2]int{f.Start, f.End}
		plain[at] = plain[at] || f.Rule == RulePlainSecret
		better[at] = better[at] || f.Rule != RulePlainSecret && f.Deny && !f.Value.IsZero()
	}
	faults = slices.DeleteFunc(faults, func(f Fault) bool {
		at := [2]int{f.Start, f.End}
		return f.Rule == RulePlainSecret && better[at] || f.Rule == RulePlainValue && !f.Deny && plain[at]
	})
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Rule, b.Rule), cmp.Compare(weight(a), weight(b)))
	})
	return slices.CompactFunc(faults, func(a, b Fault) bool {
		return a.Rule == b.Rule && a.Start == b.Start && a.End == b.End && a.Path == b.Path
	})
}

// weight sorts what is refused before what only warns.
func weight(f Fault) int {
	if f.Deny {
		return 0
	}
	return 1
}

// document judges each object of a document, and its plain values.
func (c Checker) document(d *Document) []Fault {
	j := &judge{Checker: c, document: d}
	for i := range d.objects {
		j.judgeObject(&d.objects[i])
	}
	j.plain()
	j.detected()
	return j.out
}

func (j *judge) judgeObject(o *found) {
	j.object = o
	root := view{j: j, node: o.root}
	j.twice(root)
	if o.family.judge != nil {
		o.family.judge(j, root)
	}
	j.everywhere(root)
}

// judge collects the faults of one document.
type judge struct {
	Checker
	document *Document
	object   *found
	siblings []*Document // those of the same YAML document, where it is judged as a whole
	steps    int
	spent    bool // a fault says that the object is too large to be judged
	out      []Fault
}

// spend counts one step of the judge's work and reports whether it may go on:
// aliases can make a document much larger than its text.
func (j *judge) spend() bool {
	j.steps++
	if j.steps > maxNodes*4 && !j.spent {
		j.spent = true
		j.at(view{j: j, node: j.object.root}, RuleTooLarge, "the object is larger than what can be judged, perhaps by aliases", "write out the aliases or split the document")
	}
	return !j.spent
}

// at reports a fault of the rule's default weight.
func (j *judge) at(v view, rule, reason, fix string) *Fault {
	o := j.object
	n := v.node
	if n.kind != scalar && v.key != nil {
		n = v.key
	} else if n.kind != scalar {
		n = j.title(n)
	}
	f := Fault{
		Rule: rule, Deny: ruleOf(rule).Deny, Kind: o.kind, Namespace: o.namespace, Name: o.name, Nested: o.base > 0,
		Path: o.path, Reason: reason, Fix: fix,
	}
	if steps := v.steps(); len(steps) > 0 {
		f.Path = join(o.path, steps)
	}
	f.Start, f.End = o.span(n)
	scale := j.document.source.scale
	f.Line, f.Column = scale.position(f.Start)
	f.EndLine, f.EndColumn = scale.position(f.End)
	j.out = append(j.out, f)
	return &j.out[len(j.out)-1]
}

// value reports a fault whose cause is the plain text at v.
func (j *judge) value(v view, rule, reason, fix string) *Fault {
	f := j.at(v, rule, reason, fix)
	f.Value = secret.New(v.text())
	return f
}

// title is the node that stands for an object as a whole: its kind, else its
// first key.
func (j *judge) title(n *node) *node {
	for i := 0; i+1 < len(n.kids) && n.kind == mapping; i += 2 {
		if n.kids[i].text == "kind" && n.kids[i+1].kind == scalar {
			return n.kids[i+1]
		}
	}
	if n.kind == mapping && len(n.kids) > 0 {
		return n.kids[0]
	}
	return n
}

// plain reports the plain values of Secrets.
func (j *judge) plain() {
	for _, f := range PlainSecrets([]Document{*j.document}) {
		j.out = append(j.out, Fault{
			Rule: RulePlainSecret, Deny: true, Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Nested: f.nested, Path: f.Path, Value: f.Value, Encoding: f.Encoding,
			Reason: "the value of a Secret is readable", Fix: plainFix,
			Start: f.Start, End: f.End, Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn,
		})
	}
}

// detected reports what the caller's detectors know, in any leaf that is not
// accounted for: base64 is undone.
func (j *judge) detected() {
	if j.Known == nil {
		return
	}
	for _, f := range j.document.Fields {
		if f.Kept != Plain || f.Sensitive || f.Value.Len() < 8 {
			continue
		}
		text := f.Value.Reveal() // the detectors look at the value
		rule := j.Known(text)
		if decoded, ok := decodeBase64(text); rule == "" && ok {
			rule = j.Known(decoded)
		}
		if rule != "" {
			j.out = append(j.out, Fault{
				Rule: RulePlainValue, Deny: true, Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Nested: f.nested, Path: f.Path, Value: f.Value,
				Reason: "the rule " + rule + " knows the value", Fix: valueFix,
				Start: f.Start, End: f.End, Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn,
			})
		}
	}
}

const plainFix = "kubeseal -f secret.yaml -w sealed.yaml, or sops -e -i --encrypted-regex '^(data|stringData)$' FILE, or name the value by an ExternalSecret"
