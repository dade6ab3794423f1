package manifest

// Faults are what is wrong with the formats of documents, by the policy's
// settings, in the order of their places.
func Faults(docs []Document, f Formats) []Fault { return Checker{Formats: f}.Faults(docs) }

// Faults are what is wrong with the formats of documents. A plain value of a
// Secret is a fault too, wherever it stands (see [PlainSecrets]).
func (c Checker) Faults(docs []Document) []Fault {
	var out []Fault
	for _, d := range docs {
		out = append(out, c.document(d)...)
	}
	return out
}

// RulePlainSecret is the rule of plain values of Secrets.
const RulePlainSecret = "kubernetes-plain-secret"

func (c Checker) document(d Document) (out []Fault) {
	for _, f := range PlainSecrets([]Document{d}) {
		out = append(out, Fault{
			Rule: RulePlainSecret, Deny: true, Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Path: f.Path, Value: f.Value,
			Reason: "the value of a Secret is readable", Fix: "keep it in a secret store and name it by an ExternalSecret, or seal it with kubeseal or encrypt it with sops",
			Start: f.Start, End: f.End, Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn,
		})
	}
	return out
}
