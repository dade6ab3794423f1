package main

import (
	"fmt"
	"runtime"
	"strings"
)

// survive turns a crash into an exit code that no caller takes for clean or for
// its own mistake. It tells where it happened and not what with: the value of a
// panic may hold a part of what was being looked at.
func (w *world) survive(code *int) {
	if recover() == nil {
		return
	}
	fmt.Fprintf(w.stderr, "leakgate: internal error, nothing was decided; please report it with these lines:\n%s", whereCrashed())
	*code = exitUndecided
}

// maxFrames is how much of the stack is told.
const maxFrames = 12

// whereCrashed is the stack above the panic, functions and lines only.
func whereCrashed() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var out strings.Builder
	for range maxFrames {
		f, more := frames.Next()
		fmt.Fprintf(&out, "  %s:%d\n", f.Function, f.Line)
		if !more {
			break
		}
	}
	return out.String()
}
