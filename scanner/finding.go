// Package scanner finds secrets in what git, a folder or a stream holds, and
// says how much of it was looked at. It decides nothing: see internal/gate.
package scanner

import (
	"errors"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
)

// Kind says in what a secret was found.
type Kind string

// The kinds of place.
const (
	InContent  Kind = "content"  // text of a file
	InMessage  Kind = "message"  // a commit or tag message
	InPath     Kind = "path"     // the name of a file
	InManifest Kind = "manifest" // a field of a Kubernetes document
)

// Origin says where the scanned text came from.
type Origin string

// The origins of text.
const (
	FromCommit   Origin = "commit"
	FromStaged   Origin = "staged"
	FromWorktree Origin = "worktree"
	FromStdin    Origin = "stdin"
	FromFile     Origin = "file"
)

// Finding is one credential value at one place.
type Finding struct {
	Rule       *rules.Rule
	Secret     secret.Secret
	Confidence rules.Confidence // the rule's, raised or lowered by an offline check
	Severity   rules.Severity   // the rule's; gate may shift it
	At         Place
	Commit     Commit // zero when the text is in no commit
	// Fingerprint names the place by rule, path, the line with every value
	// masked, and an ordinal; for a Form by the object and its field instead of
	// the line. It is public: it says nothing of the value.
	Fingerprint string
	// LineHash is what GitHub computes as primaryLocationLineHash; "" where a
	// finding has no line.
	LineHash string
	// Allowed is set when an allow-comment ("gitleaks:allow", "leakgate:allow")
	// stands on the line.
	Allowed bool
	// Older is set on what stood there before the range that was asked for.
	Older bool
	// Context says why a confidence was changed, or what is wrong with a manifest,
	// in a few words; else "".
	Context string
	// Fix is the command or edit that mends a manifest, with FILE for its path; else "".
	Fix string
}

// Form reports that the form of a manifest is at fault and no value: such a
// finding is known by its place alone.
func (f Finding) Form() bool {
	return f.At.Kind == InManifest && f.Secret.IsZero() && f.Fingerprint != ""
}

// Place is where a finding is. Lines and columns are 1-based, columns count
// characters (runes), EndColumn is one past the last. They are 0 where they
// mean nothing (Kind InPath). For a decoded or unpacked text they give the
// place of the encoded text in the file where that is known.
type Place struct {
	Kind        Kind
	Origin      Origin
	Path        string // inside the repository or folder, "/"-separated; members of archives follow "!"
	Blob        string // object id, "" outside git
	Span        [2]int // byte offsets of the value, or of its encoded form, in the blob
	StartLine   int
	EndLine     int
	StartColumn int
	EndColumn   int
	Field       string   // field of a manifest, as in "data.password"
	Object      Object   // of a manifest, to which the field belongs
	DecodedFrom []string // encodings undone from the outside in, as in ["base64","percent"]
	AtHead      bool     // the same value of the same rule is still at this path in HEAD
}

// Object is one Kubernetes object; Namespace is "" where the manifest has none.
type Object struct{ Kind, Namespace, Name string }

// String is the object as "Kind namespace/name".
func (o Object) String() string {
	name := o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	return strings.TrimSpace(o.Kind + " " + name)
}

// Commit is who brought a finding in.
type Commit struct {
	ID     string
	Author string
	Email  string
	Date   time.Time
}

// Credential is one value, wherever it occurs.
type Credential struct {
	ID          string // HMAC under the installation's key
	Secret      secret.Secret
	Rules       []string
	Occurrences int
	FirstCommit string
	LastCommit  string
	FirstSeen   time.Time
	LastSeen    time.Time
	Paths       []string
	AtHead      bool
}

// Skip is something that was not scanned, and why. Count is how many items it
// stands for (a path excluded in many commits is one Skip).
type Skip struct {
	Path   string
	Commit string
	Reason string
	Count  int
}

// Coverage says what was looked at. Excluded is what the policy leaves out;
// Missed is what should have been read and was not.
type Coverage struct {
	Commits int
	Blobs   int
	Bytes   int64
	// KnownCommits and KnownBlobs of those were looked at by an earlier scan under the
	// same rules, see Cache.
	KnownCommits, KnownBlobs int

	Excluded []Skip
	Missed   []Skip
}

// Complete reports whether nothing was missed.
func (c Coverage) Complete() bool { return len(c.Missed) == 0 }

// Range is what a scan was asked to look at, with both ends resolved.
type Range struct {
	Text string // as in "all refs", "main..HEAD", "staged"
	Base string // object id or ""
	Head string // object id or ""
}

// Result is the outcome of one scan.
type Result struct {
	Range       Range
	Findings    []Finding    // sorted by path, line, column, rule, commit time
	Credentials []Credential // sorted by first occurrence
	StableIDs   bool         // credential ids mean the same in the next run
	Coverage    Coverage
}

// ErrIncomplete is returned, beside a usable Result, when something was missed.
var ErrIncomplete = errors.New("the scan is incomplete")
