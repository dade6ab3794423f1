package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// bar shows how far a sweep is: one line that changes on a terminal, else a line now and then.
type bar struct {
	to       io.Writer
	terminal bool
	now      func() time.Time
	begun    time.Time
	last     time.Time
	said     string
	hinted   bool
}

func (w *world) newBar() *bar {
	return &bar{to: w.stderr, terminal: w.terminal, now: w.now, begun: w.now()}
}

const (
	barWidth      = 30
	plainEvery    = 15 * time.Second // between two lines
	nobodyAfter   = 20 * time.Second // without anybody who takes the sweep up
	clearToTheEnd = "\r\x1b[K"
)

func (b *bar) show(s store.Sweep) {
	if s.State == store.PassWaiting && !b.hinted && b.now().Sub(b.begun) > nobodyAfter {
		b.hinted = true
		b.clear()
		fmt.Fprintln(b.to, "nobody has begun yet: `leakgate-app serve` with this database, and with --histories above 0, does it")
	}
	text := progressText(s)
	switch {
	case b.terminal:
		fmt.Fprint(b.to, clearToTheEnd+text)
	case text != b.said && b.now().Sub(b.last) >= plainEvery:
		fmt.Fprintln(b.to, text)
		b.last = b.now()
	}
	b.said = text
}

func (b *bar) clear() {
	if b.terminal {
		fmt.Fprint(b.to, clearToTheEnd)
	}
}

// progressText is one line: how many repositories are over, what was looked at, and how
// long the rest takes.
func progressText(s store.Sweep) string {
	if s.State == store.PassWaiting {
		return "waiting for the list of repositories"
	}
	part := 1.0
	if s.Bytes > 0 {
		part = float64(s.Over) / float64(s.Bytes)
	} else if s.Total > 0 {
		part = float64(s.Done()) / float64(s.Total)
	}
	full := int(part * barWidth)
	text := fmt.Sprintf("%s%s %3d%%  %d of %d repositories, %d commits, %s", strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
		int(100*part), s.Done(), s.Total, s.Commits, sizeText(s.Scanned))
	if s.Left > 0 {
		text += ", " + durationText(s.Left) + " left"
	}
	return text
}

func sizeText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// durationText leaves out what nobody wants to know.
func durationText(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
