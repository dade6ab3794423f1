package manifest

import (
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// Fault is one thing that is wrong with one object, at one place. Its texts
// hold names of keys, never a value.
type Fault struct {
	Rule                  string // see [FaultRules]
	Deny                  bool   // refused by default; else worth a warning
	Kind, Namespace, Name string // of the object, which may be nested in another
	// Nested says that the object is not the document's own but lies in a field
	// or a string of it.
	Nested bool
	// Path leads from the document to the field, as [Field.Path] does; "" for
	// the object as a whole.
	Path string
	// About is the public name that is at fault, beside the place: a recipient, a
	// provider, a scope, a type; "" where the place says it all.
	About string
	// Value is what is at fault where it is a plain value that should not be
	// there; zero where the form is at fault.
	Value    secret.Secret
	Encoding []string // of the value, see [Field.Encoding]
	Reason   string   // in plain words, without a full stop
	Fix      string   // the command or edit that mends it

	Start, End        int // byte offsets in the input
	Line, EndLine     int // 1-based
	Column, EndColumn int // 1-based, in characters; EndColumn is one past the last
}

// FaultRule describes one rule of faults.
type FaultRule struct {
	ID     string
	Title  string // what was found, as in "Plain value in a SOPS document"
	Deny   bool   // refused by default
	Advice string // what to do, one or two sentences of Markdown
}

// Checker finds the faults of documents. Its zero value is the default.
type Checker struct {
	Formats Formats
	// Known says by which rule a value is a known credential, or "". nil: none is.
	Known func(value string) (rule string)
	// Prescribed are the recipients that .sops.yaml prescribes for the file; nil
	// where it says nothing.
	Prescribed *Recipients
	// Keys are what may decrypt documents of sops so that their MAC can be
	// verified: age identities, one a line, as in SOPS_AGE_KEY. Zero: none.
	Keys secret.Secret
	// OpenKey decrypts the key of a document of sops for a recipient of another kind
	// than age, given by kind (pgp, hc_vault, …), name and ciphertext, and reports whether it could. It
	// may run a program or ask a service. nil: none can be opened.
	OpenKey func(kind, name, enc string) (secret.Secret, bool)
	// Now is the time against which ages are told; zero tells none.
	Now time.Time
	// InCluster says that the documents are objects of a cluster, where nothing
	// decrypts what sops has encrypted.
	InCluster bool

	encrypted bool // one of the documents has metadata of sops
}
