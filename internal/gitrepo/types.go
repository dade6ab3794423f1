package gitrepo

import "time"

// Ref is one name in the repository.
type Ref struct {
	Name   string // refs/heads/main, HEAD, worktrees/x/HEAD, stash@{1}
	ID     ID     // what it points to; zero for an unborn branch
	Peeled ID     // what the tag it points to points to, when packed-refs says; else zero
	Target string // the ref a symbolic ref points to, else ""
}

// Person is an author, committer or tagger; bytes as found, UTF-8 or not.
type Person struct {
	Name, Email string
	When        time.Time // zero when the date does not parse
}

// Commit is one parsed commit.
type Commit struct {
	ID, Tree          ID
	Parents           []ID
	Author, Committer Person
	Encoding          string
	Message           string // bytes as found, UTF-8 or not
	Raw               []byte // the whole object; must not be changed
}

// Tag is one parsed annotated tag.
type Tag struct {
	ID, Target ID
	TargetType Type
	Name       string
	Tagger     Person
	Message    string
	Raw        []byte
}

// Entry is one line of a tree.
type Entry struct {
	Mode uint32 // 0o100644, 0o100755, 0o120000 (symlink), 0o160000 (submodule), 0o040000 (tree)
	Name string
	ID   ID
}

// Change is one path that differs between two trees; a zero Old was added, a zero New was deleted.
type Change struct {
	Path     string
	Old, New Entry
}

// WalkReport says what a walk could not follow.
type WalkReport struct {
	Commits int
	Missing []MissingCommit
	Targets []TagTarget
}

// MissingCommit is a commit that a walk should have visited but could not read.
type MissingCommit struct {
	ID     ID
	Child  ID    // the commit that names it as a parent; zero for a tip
	Reason error // ErrShallow, ErrMissing or *CorruptError
}

// TagTarget is a tree or blob that a tag given as a tip points to.
type TagTarget struct {
	Tag, Target ID
	Type        Type
}
