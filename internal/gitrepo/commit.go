package gitrepo

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Commit is one parsed commit.
type Commit struct {
	ID, Tree          ID
	Parents           []ID
	Author, Committer Person
	Encoding          string // as the commit declares, "" for UTF-8
	Message           string // bytes as found, UTF-8 or not
	Raw               []byte // the whole object; must not be changed
}

// Person is an author, committer or tagger; bytes as found, UTF-8 or not.
type Person struct {
	Name, Email string
	When        time.Time // zero when the date does not parse
}

// Commit reads and parses a commit.
func (rd *Reader) Commit(id ID) (*Commit, error) {
	o, err := rd.Object(id)
	if err != nil {
		return nil, err
	}
	if o.Type != TypeCommit {
		return nil, &CorruptError{ID: id, Err: fmt.Errorf("it is a %s where a commit belongs", o.Type)}
	}
	return ParseCommit(id, o.Data)
}

// ParseCommit reads a commit's content. It forgives everything but an unreadable
// tree or parent: old tools wrote odd names, dates and encodings.
func ParseCommit(id ID, raw []byte) (*Commit, error) {
	c := &Commit{ID: id, Raw: raw}
	var bad error
	c.Parents, _, bad = parseParents(nil, raw)
	message := eachHeader(raw, func(key, value []byte) {
		var err error
		switch string(key) {
		case "tree":
			if c.Tree.IsZero() {
				c.Tree, err = parseIDBytes(value)
			}
		case "author":
			c.Author = parsePerson(value)
		case "committer":
			c.Committer = parsePerson(value)
		case "encoding":
			c.Encoding = string(value)
		}
		if bad == nil {
			bad = err
		}
	})
	if bad == nil && c.Tree.IsZero() {
		bad = fmt.Errorf("the commit names no tree")
	}
	if bad != nil {
		return nil, &CorruptError{ID: id, Err: bad}
	}
	c.Message = string(message)
	return c, nil
}

// eachHeader visits the header lines of a commit or tag and returns the message.
// Continuation lines (of signatures) are left out.
func eachHeader(raw []byte, visit func(key, value []byte)) []byte {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if len(line) == 0 {
			return raw
		}
		if line[0] == ' ' {
			continue
		}
		key, value, _ := bytes.Cut(line, []byte{' '})
		visit(key, value)
	}
	return nil
}

func parseIDBytes(hexed []byte) (ID, error) { return ParseID(string(hexed)) }

// parsePerson reads "Name <email> seconds zone" as far as it can.
func parsePerson(line []byte) Person {
	open, end := bytes.IndexByte(line, '<'), bytes.LastIndexByte(line, '>')
	if open < 0 || end < open {
		return Person{Name: string(bytes.TrimSpace(line))}
	}
	return Person{
		Name:  string(bytes.TrimSpace(line[:open])),
		Email: string(line[open+1 : end]),
		When:  parseWhen(line[end+1:]),
	}
}

// maxUnix keeps dates within what four-digit years can print.
const maxUnix = 253402300799

func parseWhen(text []byte) time.Time {
	fields := bytes.Fields(text)
	if len(fields) == 0 {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil || seconds < -maxUnix || seconds > maxUnix {
		return time.Time{}
	}
	when := time.Unix(seconds, 0).UTC()
	if len(fields) > 1 {
		if minutes, ok := parseZone(string(fields[1])); ok && minutes != 0 {
			when = when.In(time.FixedZone("", minutes*60))
		}
	}
	return when
}

func parseZone(text string) (minutes int, ok bool) {
	n, err := strconv.Atoi(text)
	if err != nil || len(text) != 5 {
		return 0, false
	}
	minutes = n/100*60 + n%100
	return minutes, minutes > -24*60 && minutes < 24*60
}
