package rewrite

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// texts edits what people wrote into a commit or tag: headers and the message,
// and no ids, dates or zones.
func (e *editor) texts(p *parts) (err error) {
	for i := range p.fields {
		f := &p.fields[i]
		switch key := f.key(); {
		case key == "tree", key == "parent", key == "object", key == "type", key == "mergetag", signatureKeys[key]:
		default:
			if f.raw, err = e.header(f.raw); err != nil {
				return err
			}
		}
	}
	p.rest, err = e.edit(p.rest, false)
	return err
}

// person is a header or a line of a reflog that says who and when.
var person = regexp.MustCompile(`(?s)^((?:author|committer|tagger) |[0-9a-f]{40,64} [0-9a-f]{40,64} )(.*)(> -?\d+ [-+]\d+\n?)$`)

// header edits one header. An expression may match a date, which stays.
func (e *editor) header(raw []byte) ([]byte, error) {
	if out, err := e.edit(raw, false); err == nil && bytes.Equal(out, raw) {
		return raw, nil // as nearly all are
	}
	before, text, behind := []byte(nil), raw, []byte(nil)
	if m := person.FindSubmatch(raw); m != nil {
		before, text, behind = m[1], m[2], m[3]
	}
	out, err := e.edit(text, false)
	if err == nil && bytes.Count(out, []byte("\n")) > bytes.Count(text, []byte("\n")) {
		return nil, fmt.Errorf("%w: a value is in a name or another header, and what replaces it has several lines", ErrSpec)
	}
	if err != nil || bytes.Equal(out, text) {
		return raw, err
	}
	return bytes.Join([][]byte{before, out, behind}, nil), nil
}

// logLine edits a line of a reflog.
func (e *editor) logLine(raw []byte) ([]byte, error) {
	who, message, said := bytes.Cut(raw, []byte("\t"))
	who, err := e.header(who)
	if err != nil || !said {
		return who, err
	}
	message, err = e.edit(message, false)
	return bytes.Join([][]byte{who, message}, []byte("\t")), err
}

// matched reports whether expressions change anything in an object. An error is
// for whoever edits it.
func (e *editor) matched(kind gitrepo.Type, data []byte) bool {
	if !e.matches(data) {
		return false
	}
	if kind == gitrepo.TypeCommit || kind == gitrepo.TypeTag {
		return e.matchedTexts(data)
	}
	out, err := e.blob(data)
	return err != nil || !bytes.Equal(out, data)
}

func (e *editor) matchedTexts(data []byte) bool {
	p := split(data)
	for i := range p.fields {
		if f := &p.fields[i]; f.key() == "mergetag" && e.matchedTexts(append(f.value(), '\n')) {
			return true
		}
	}
	err := e.texts(&p)
	return err != nil || !bytes.Equal(p.join(), data)
}

func (e *editor) matches(text []byte) bool {
	for _, p := range e.patterns {
		if p.Match.Match(text) {
			return true
		}
	}
	return false
}
