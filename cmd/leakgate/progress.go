package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/leakgate/leakgate/scanner"
)

// progress draws one line on a terminal, at most ten times a second.
type progress struct {
	mu   sync.Mutex
	to   io.Writer // nil: draw nothing
	now  func() time.Time
	last time.Time
	used bool
}

func (w *world) newProgress(quiet bool) *progress {
	p := &progress{now: w.now}
	if w.status && !quiet {
		p.to = w.stderr
	}
	return p
}

const (
	barWidth      = 30
	drawInterval  = 100 * time.Millisecond
	clearToTheEnd = "\r\x1b[K"
)

func (p *progress) show(at scanner.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to == nil || p.now().Sub(p.last) < drawInterval {
		return
	}
	p.last, p.used = p.now(), true
	if at.Total == 0 {
		fmt.Fprintf(p.to, "%s%-8s %d", clearToTheEnd, at.Stage, at.Done)
		return
	}
	full := min(barWidth, barWidth*at.Done/at.Total)
	fmt.Fprintf(p.to, "%s%-8s %s%s %3d%%  %d of %d", clearToTheEnd, at.Stage,
		strings.Repeat("█", full), strings.Repeat("░", barWidth-full), 100*at.Done/at.Total, at.Done, at.Total)
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used {
		fmt.Fprint(p.to, clearToTheEnd)
	}
}
