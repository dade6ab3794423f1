package gitrepo

import (
	"io/fs"
	"os"
	"sync"
)

// packedRefs is the file packed-refs, read again when git has replaced it: a
// gc moves loose refs into it at any time.
type packedRefs struct {
	path string
	hash int

	mu    sync.Mutex
	times int         // it was read
	info  fs.FileInfo // the file that was read, nil for none
	refs  map[string]Ref
	err   error
}

// read gives the refs in the file, and which reading they are from.
func (p *packedRefs) read() (refs map[string]Ref, reading int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err != nil {
		info = nil
	}
	if p.times == 0 || !sameVersion(p.info, info) {
		p.times++
		p.info = info
		p.refs, p.err = readPackedRefs(p.path, p.hash)
	}
	return p.refs, p.times, p.err
}

// sameVersion reports whether a file was not written in between. git never writes
// into the file itself, but puts another one in its place.
func sameVersion(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// packedRefs are those that git has packed.
func (r *Repo) packedRefs() (map[string]Ref, error) {
	refs, _, err := r.packed.read()
	return refs, err
}
