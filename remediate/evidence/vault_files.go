package evidence

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxLine is the longest line of an audit file, in bytes; one that is longer is
// not read, which is said.
const maxLine = 8 << 20

// searchFiles reads all files and takes in what carries the mark. Each exchange is
// counted once, by its answer.
func searchFiles(r Record, patterns []string, mark string) Record {
	files, err := list(patterns)
	if err != nil {
		return r.fails(err.Error())
	}
	s := search{mark: []byte(mark), record: &r}
	for _, file := range files {
		if err := s.file(file); err != nil {
			s.faults = append(s.faults, fmt.Sprintf("%s was not read to its end: %s", filepath.Base(file), err))
		}
	}
	r.Totals = map[string]int{"answers": s.answers, "failed": s.failed}
	if s.broken > 0 {
		s.faults = append(s.faults, fmt.Sprintf("%d lines are no entries of an audit file", s.broken))
	}
	if len(s.faults) > 0 {
		return r.fails(strings.Join(s.faults, "; "))
	}
	if s.answers == 0 {
		return r.fails("the files hold no answer of Vault")
	}
	return r.whole()
}

func list(patterns []string) (files []string, err error) {
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("%q is no pattern of files", p)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no audit file is named %s", p)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

type search struct {
	mark            []byte
	record          *Record
	answers, failed int
	broken          int // lines
	faults          []string
}

func (s *search) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return errors.New("it cannot be opened")
	}
	defer f.Close()
	var from io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if from, err = gzip.NewReader(f); err != nil {
			return errors.New("it is not packed by gzip")
		}
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		s.line(lines.Bytes())
	}
	return lines.Err()
}

func (s *search) line(text []byte) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return
	}
	var e entry
	if json.Unmarshal(text, &e) != nil || e.Time.IsZero() {
		s.broken++
		return
	}
	s.span(e.Time.UTC())
	if e.Type != "response" {
		return // its answer tells the same and more
	}
	s.answers++
	if e.Error != "" {
		s.failed++
	}
	if bytes.Contains(text, s.mark) && !strings.HasPrefix(e.Request.Path, "sys/audit-hash/") { // ours
		s.record.add(s.use(e))
	}
}

// span widens the window to what was read.
func (s *search) span(at time.Time) {
	if r := s.record; r.From.IsZero() || at.Before(r.From) {
		r.From = at
	}
	s.record.To = later(s.record.To, at)
}

func (s *search) use(e entry) Use {
	u := Use{At: e.Time.UTC(), Who: e.Auth.DisplayName, What: e.Request.Operation + " " + e.Request.Path, From: e.Request.Address}
	if e.Error != "" {
		u.What += " (refused)"
	}
	return u
}
