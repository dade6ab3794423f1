package gitrepo

import "time"

// ScanOptions: the zero value reads everything asked for with one worker per CPU.
type ScanOptions struct {
	Workers    int   // 0: one per CPU
	Limit      int64 // bytes; larger objects are reported as ErrTooLarge; 0: none
	CacheBytes int   // bytes of delta bases kept per worker; 0: 32 MiB
	All        bool  // every object in the repository, reachable or not; ids is ignored
	Only       Type  // with All: only this type; 0: every type
}

// Packed is one object as Scan found it.
type Packed struct {
	ID    ID
	Index int    // position in the wanted ids, -1 with All
	Type  Type   // 0 when Err is set and the type is not known
	Data  []byte // valid only during the call
	Err   error  // corrupt, missing or too large; Data is nil then
	Base  ID     // the object this one is stored as a delta of; zero: stored whole
	Delta []byte // git's delta instructions from Base to Data, valid only during the call
}

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
