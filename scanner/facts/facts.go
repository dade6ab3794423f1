// Package facts is what scans of histories have learned of objects that never
// change: which paths a commit brought in, in which blobs something was found and
// where. It holds no value and nothing that was computed from one, and it does not
// know what a policy says. See docs/design/cache.md.
package facts

import "github.com/leakgate/leakgate/internal/gitrepo"

// Table is all that is known under one set of rules and settings. Numbers lead
// from one list into another.
type Table struct {
	Commits  []Commit
	Changes  []Change // of all commits, those of one side by side
	Olds     []int32  // see Change
	Findings []Finding
	Paths    []Path
	Blobs    []Blob
}

// Commit is one commit and what it brought in. What is said of one that is not
// Known is its ID alone: the commit has to be looked at again.
type Commit struct {
	ID          gitrepo.ID
	Known       bool
	Said        bool    // something was found in its message or people
	When        int64   // committer date, seconds since 1970
	Parents     []int32 // commits
	First, Last int32   // its changes: [First, Last)
}

// Change is a path whose content one commit brought in. A commit without parents
// has one old blob for each change, others have one for each parent.
type Change struct {
	Path, Blob int32
	Olds       int32 // where its old blobs begin in Table.Olds; -1 there stands for none
	Link       bool  // the path is a submodule
	Judged     bool  // the findings are all that the change brought in with its content
	From, To   int32 // its findings: [From, To)
}

// Path is the name of a file. Rules is the set of those that look at some paths
// only and at this one, by bits. Alone tells that rules find something in the
// name alone.
type Path struct {
	Name  string
	Rules uint64
	Alone bool
}

// Blob is the content of a file, by its id. One that is not Known was not searched.
type Blob struct {
	ID    gitrepo.ID
	Known bool
	Found bool   // something is in it, whether it is reported or not
	LFS   bool   // it stands for content kept by Git LFS
	Size  int64  // bytes
	Rules uint64 // those that look at some paths only, and that it was searched for
	Skips []Skip // what was left out of it
}

// Skip is a part of a blob that was not searched. Its name is not kept.
type Skip struct {
	Reason        string
	Limit, Closed bool
}

// Finding is a finding in the text of a blob, without its value: the value is
// read again from the blob.
type Finding struct {
	Rule        string
	Context     string
	Confidence  int
	Allowed     bool
	Span        [2]int // byte offsets of the value
	Lines       [2]int // first and last, 1-based
	Columns     [2]int
	Fingerprint string // hexadecimal
	Head        int32  // the blob at the path in HEAD when it was last asked about, -1 for none
	AtHead      bool   // what the answer was
}
