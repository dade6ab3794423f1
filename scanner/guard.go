package scanner

import "errors"

// errFailed stands for a panic. What it said is not shown: it may hold a value.
var errFailed = errors.New("the scanner failed here; please report it with the file if you can share it")

// guarded runs a part of the work of a goroutine so that its failure costs that
// part, is told, and does not end the process.
func guarded(do func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errFailed
		}
	}()
	return do()
}
