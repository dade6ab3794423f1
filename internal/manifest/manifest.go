// Package manifest reads Kubernetes documents, YAML streams or JSON, into
// fields: every leaf with its path, its value with base64 undone, its place in
// the input, and how the value is kept (plain, sealed, by SOPS, or elsewhere).
// It judges leaf by leaf: neither a `sops` block nor the kind SealedSecret
// excuses a plain leaf beside it. It decides nothing and reads no files.
package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
)

// Kept says how the value of a leaf is kept. The zero value is Plain, so that
// what no rule recognises counts as readable.
type Kept int

// The ways to keep a value.
const (
	Plain     Kept = iota
	Sealed         // ciphertext of sealed-secrets, structure verified
	SOPS           // one well-formed ENC[AES256_GCM,…]
	Reference      // names where the value is, a placeholder that something fills in, or public
)

// String is the word used in reports.
func (k Kept) String() string {
	return [...]string{"plain", "sealed", "sops", "reference"}[k]
}

// Field is one leaf of a document.
type Field struct {
	Kind, Namespace, Name string // of the object that holds the leaf, which may be nested in another

	// Path leads from the document to the leaf, as in "data.password",
	// "spec.containers[0].env[2].value" or, for keys with other characters than
	// letters, digits, "_" and "-", "metadata.annotations[example.com/a].data.x".
	Path     string
	Value    secret.Secret // base64 undone where the field of the kind holds base64
	Kept     Kept
	Encoding []string // ["base64"] when it was undone

	// Sensitive marks what becomes a value of a Secret: data and stringData of
	// a Secret, encryptedData of a SealedSecret, literals of a secretGenerator.
	Sensitive bool
	// Undecoded says that base64 was due and the text is none: Value is the text.
	Undecoded bool

	Start, End        int // byte offsets of the text of the leaf, without quotes, in the input
	Line, EndLine     int // 1-based
	Column, EndColumn int // 1-based, in characters; EndColumn is one past the last

	nested bool // in an object within another
}

// Document is one object of the input; each item of a List is one.
type Document struct {
	Kind, APIVersion, Namespace, Name string

	Fields     []Field
	Start, End int // byte offsets in the input
	Line       int // 1-based

	source  *source
	objects []found // this one first, then those within it
}

// SyntaxError is a document that could not be read, or not to its end. It
// holds no text of the document.
type SyntaxError struct {
	Name   string
	Line   int // 1-based, where the document or its fault is
	Reason string
	Limit  bool // a size limit was met, the document may be well-formed
	Looks  bool // the document could hold values of Secrets, see [Looks]
}

// Error names the file, the line and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Reason)
}

// Limits on one input. They are far above what an API server accepts.
const (
	maxText     = 64 << 20 // bytes of the input
	maxDocument = 8 << 20  // bytes of one YAML document
	maxNodes    = 500_000  // nodes of one document, an aliased node counted each time
	maxDepth    = 200      // nesting of maps and lists
	maxPaths    = 64 << 20 // bytes of all paths of one document
	maxAgain    = 4 << 20  // bytes of what aliases make of one document beyond its text
	maxEmbedded = 6        // documents within strings of documents
)

// Parse reads the documents of one input; name is for errors only. A document
// that cannot be read does not hide the others: its error, a [*SyntaxError], is
// joined to the returned error, and everything else is returned beside it.
// Input that is no Kubernetes document gives none.
func Parse(name string, text []byte) ([]Document, error) { return parse(name, text, "") }

// parse also takes documents that do not say their kind for one of the kind given.
func parse(name string, text []byte, kind string, helpers ...string) ([]Document, error) {
	if len(text) > maxText {
		return nil, &SyntaxError{Name: name, Line: 1, Reason: fmt.Sprintf("more than %d MiB of documents", maxText>>20), Limit: true, Looks: Looks(text)}
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, &SyntaxError{Name: name, Line: 1, Reason: "the text is UTF-16, it has to be converted to UTF-8 first", Looks: true}
	}
	scale := newRuler(text)
	trees, faults := parseTrees(text)
	var docs []Document
	chart := readChart(string(text), helpers...)
	for _, tree := range trees {
		if kind == "Kustomization" {
			kustomizeCase(tree.root, 0)
		}
		w := walker{scale: scale, source: &source{tree: tree, scale: scale}, chart: chart}
		docs = append(docs, w.documents(tree, kind)...)
		if w.fault != nil {
			w.fault.looks = w.fault.looks || Looks(text[tree.start:tree.end])
			faults = append(faults, w.fault)
		}
	}
	return docs, joined(name, scale, faults)
}

// fault is a SyntaxError before its place is known in lines.
type fault struct {
	at     int // byte offset
	reason string
	limit  bool
	looks  bool
}

func joined(name string, scale *ruler, faults []*fault) error {
	var errs []error
	for _, f := range faults {
		line, _ := scale.position(f.at)
		errs = append(errs, &SyntaxError{Name: name, Line: line, Reason: f.reason, Limit: f.limit, Looks: f.looks})
	}
	return errors.Join(errs...)
}

// PlainSecrets are the leaves that leak by being where they are: plain values
// of Secrets, without empty ones, placeholders, certificates and public keys.
func PlainSecrets(docs []Document) []Field {
	var fields []Field
	for _, d := range docs {
		for _, f := range d.Fields {
			if f.Sensitive && f.Kept == Plain && !f.Value.IsZero() {
				fields = append(fields, f)
			}
		}
	}
	return fields
}
