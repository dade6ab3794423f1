package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// WorkOptions says what Worktree looks at. The zero value compares every tracked
// file by its content and leaves untracked ones alone.
type WorkOptions struct {
	// IndexTime is the modification time of the index file. A file whose size and
	// times are those in the index is not read, if these are older than IndexTime;
	// with the zero time every file is read.
	IndexTime time.Time
	// Limit is the size in bytes above which a file is not read but reported as
	// missed with ErrTooLarge; 0 is none.
	Limit int64
	// Untracked also visits files that are neither in the index nor ignored.
	Untracked bool
	// Excludes are the contents of the ignore files that hold for the whole work
	// tree, weakest first: core.excludesFile, then info/exclude.
	Excludes [][]byte
}

// WorkFile is one file as it lies on disk. A symbolic link is a file (Mode
// 0o120000) whose content is its target.
type WorkFile struct {
	Path   string // below the folder, bytes as found, "/"-separated
	Mode   uint32 // 0o100644, 0o100755 or 0o120000
	Data   []byte
	ID     ID         // the blob that Data would be; zero outside a repository
	Staged IndexEntry // what it differs from; zero when untracked or in conflict
}

// WorkReport says what was not visited.
type WorkReport struct {
	Missed    []WorkSkip   // should have been read and could not be
	Excluded  []WorkSkip   // is not looked at on purpose
	Deleted   []string     // tracked, but not on disk
	Conflicts []IndexEntry // the stages 1 to 3 of paths in conflict: blobs to look at
	Ignored   int          // untracked files and folders left out by ignore files
}

// WorkSkip is a path and why it was not read.
type WorkSkip struct {
	Path   string
	Reason error
}

// Reasons of Excluded.
var (
	ErrNestedRepository = errors.New("another repository, not followed")
	ErrSubmodule        = errors.New("a submodule, not followed")
	ErrNotAFile         = errors.New("a pipe, socket or device, not read")
	ErrGitFolder        = errors.New("git's own folder, not part of the files")
)

// errOddPath refuses what git would not check out, such as "..".
var errOddPath = errors.New("the index has a path that cannot be in a work tree")

// Worktree visits the files of the work tree at dir whose content is not that of
// the entries: changed, added with --intent-to-add, in conflict, or untracked when
// asked for. The comparison is of raw bytes, so files that a filter or an end-of-line
// setting converts are visited too. Symbolic links are never followed, nor is
// anything outside dir opened. An error of visit ends the walk and is returned.
func Worktree(ctx context.Context, dir string, entries []IndexEntry, hashSize int, opts WorkOptions, visit func(WorkFile) error) (WorkReport, error) {
	f, err := newFolder(dir, opts.Limit)
	if err != nil {
		return WorkReport{}, err
	}
	defer f.close()
	w := &workWalk{ctx: ctx, folder: f, hashSize: hashSize, opts: opts, visit: visit}
	if err := w.tracked(entries); err != nil {
		return w.report, err
	}
	if opts.Untracked {
		err = w.untracked(entries)
	}
	return w.report, err
}

// Files visits every file of the folder at dir, tracked by git or not. Symbolic
// links are not followed, and folders named .git are reported as excluded.
func Files(ctx context.Context, dir string, limit int64, visit func(WorkFile) error) (WorkReport, error) {
	f, err := newFolder(dir, limit)
	if err != nil {
		return WorkReport{}, err
	}
	defer f.close()
	w := &workWalk{ctx: ctx, folder: f, visit: visit}
	return w.report, w.walk("", func(path string, d fs.DirEntry) (bool, error) {
		if d.Name() == ".git" && d.IsDir() {
			w.exclude(path, ErrGitFolder)
			return false, nil
		}
		return true, nil
	})
}

// workWalk is one run over a folder.
type workWalk struct {
	ctx      context.Context
	folder   *folder
	hashSize int // 0 outside a repository
	opts     WorkOptions
	visit    func(WorkFile) error
	report   WorkReport
}

func (w *workWalk) miss(path string, err error) {
	w.report.Missed = append(w.report.Missed, WorkSkip{path, err})
}

func (w *workWalk) exclude(path string, reason error) {
	w.report.Excluded = append(w.report.Excluded, WorkSkip{path, reason})
}

// tracked visits what differs from the entries, each path once.
func (w *workWalk) tracked(entries []IndexEntry) error {
	last := ""
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if e.Stage > 0 {
			w.report.Conflicts = append(w.report.Conflicts, e)
			if e.Path == last {
				continue
			}
		}
		last = e.Path
		if err := w.entry(e); err != nil {
			return err
		}
	}
	return nil
}

// Kinds of entry, by mode.
const (
	modeFile      = 0o100644
	modeProgram   = 0o100755
	modeSymlink   = 0o120000
	modeSubmodule = 0o160000
	modeFolder    = 0o040000
)

func (w *workWalk) entry(e IndexEntry) error {
	switch {
	case !safePath(strings.TrimSuffix(e.Path, "/")):
		w.miss(e.Path, errOddPath)
		return nil
	case e.Mode == modeSubmodule:
		w.exclude(e.Path, ErrSubmodule)
		return nil
	case e.Mode == modeFolder:
		return w.sparseFolder(strings.TrimSuffix(e.Path, "/"))
	}
	info, err := w.folder.stat(e.Path)
	switch {
	case isAbsent(err) || err == nil && info.IsDir():
		if !e.SkipWorktree {
			w.report.Deleted = append(w.report.Deleted, e.Path)
		}
		return nil
	case err != nil:
		w.miss(e.Path, err)
		return nil
	case w.unchanged(e, info):
		return nil
	}
	return w.compare(e, info)
}

// isAbsent also holds for a path below what is no folder, or no longer one.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// unchanged trusts size and times as git does: not when the file was written in the
// same instant as the index, for then a later change may have left the times alone.
func (w *workWalk) unchanged(e IndexEntry, info fs.FileInfo) bool {
	if e.Stage > 0 || e.IntentToAdd || gitMode(info)&0o170000 != e.Mode&0o170000 {
		return false
	}
	changed, known := changeTime(info)
	return uint32(info.Size()) == e.Size && info.ModTime().Equal(e.ModTime) &&
		(!known || changed.Equal(e.ChangeTime)) && e.ModTime.Before(w.opts.IndexTime)
}

// compare reads a file and visits it unless its blob is that of e.
func (w *workWalk) compare(e IndexEntry, info fs.FileInfo) error {
	file, ok := w.read(e.Path, info)
	if !ok || e.Stage == 0 && file.ID == e.ID {
		return nil
	}
	if e.Stage == 0 {
		file.Staged = e
	}
	return w.visit(file)
}

// read takes in one file or says why it cannot.
func (w *workWalk) read(path string, info fs.FileInfo) (WorkFile, bool) {
	if mode := info.Mode().Type(); mode != 0 && mode != fs.ModeSymlink {
		w.exclude(path, ErrNotAFile)
		return WorkFile{}, false
	}
	data, err := w.folder.content(path, info)
	if err != nil {
		w.miss(path, err)
		return WorkFile{}, false
	}
	return WorkFile{Path: path, Mode: gitMode(info), Data: data, ID: w.blobID(data)}, true
}

func gitMode(info fs.FileInfo) uint32 {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return modeSymlink
	case info.Mode()&0o100 != 0:
		return modeProgram
	}
	return modeFile
}

// blobID is what git would call data.
func (w *workWalk) blobID(data []byte) ID {
	if w.hashSize == 0 {
		return ID{}
	}
	header := "blob " + strconv.Itoa(len(data)) + "\x00"
	id, err := IDFromBytes(hashOf(w.hashSize, []byte(header), data))
	if err != nil {
		return ID{} // equal to no entry, so the file is visited
	}
	return id
}

// sparseFolder visits what lies in a folder of a sparse checkout that should not be
// there: nothing in the index tells what to compare it with.
func (w *workWalk) sparseFolder(path string) error {
	info, err := w.folder.stat(path)
	if isAbsent(err) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		w.miss(path, err)
		return nil
	}
	return w.walk(path, func(_ string, d fs.DirEntry) (bool, error) { return d.Name() != ".git", nil })
}

// walk visits every file below path. wanted is asked for each name first, and may
// leave it out. Entries come in the order of their names.
func (w *workWalk) walk(path string, wanted func(path string, d fs.DirEntry) (bool, error)) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	names, err := w.folder.list(path)
	if err != nil {
		w.miss(path, err)
	}
	for _, d := range names {
		below := joinPath(path, d.Name())
		ok, err := wanted(below, d)
		if err == nil && ok {
			err = w.step(below, d, wanted)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *workWalk) step(path string, d fs.DirEntry, wanted func(string, fs.DirEntry) (bool, error)) error {
	if d.IsDir() {
		return w.walk(path, wanted)
	}
	info, err := w.folder.stat(path)
	if isAbsent(err) { // it was there a moment ago
		err = fmt.Errorf("it vanished during the scan: %w", err)
	}
	if err != nil {
		w.miss(path, err)
		return nil
	}
	if file, ok := w.read(path, info); ok {
		return w.visit(file)
	}
	return nil
}

func joinPath(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}
