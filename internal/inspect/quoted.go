package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
	"github.com/leakgate/leakgate/scanner/detect"
)

// quoted knows the texts that messages quote, the files that judge, so that a
// value in one of them is not shown by a message about it. The built-in rules
// look for values, because the file's own may be what is broken.
type quoted struct {
	texts    [][]byte // not searched yet
	redactor secret.Redactor
}

func (q *quoted) add(text []byte) { q.texts = append(q.texts, text) }

// clean is a message without the values of the texts.
func (q *quoted) clean(message string) string {
	if err := q.search(); err != nil {
		return "what is wrong is not shown, because it cannot be searched for values: " + err.Error()
	}
	return q.redactor.Redact(message)
}

func (q *quoted) search() error {
	if len(q.texts) == 0 {
		return nil
	}
	set, err := rules.Default()
	if err != nil {
		return err
	}
	d := detect.New(set, detect.Options{Depth: scanner.DefaultDepth})
	for _, text := range q.texts {
		found, err := d.Text(context.Background(), nil, text)
		if err != nil {
			return err
		}
		for _, m := range found {
			q.redactor.Add(m.Secret)
		}
	}
	q.texts = nil
	return nil
}

// error is an error about a text: it shows none of its values, and is still what it was.
func (q *quoted) error(err error, about []byte) error {
	if err == nil {
		return nil
	}
	q.add(about)
	var all []error
	for _, each := range separate(err) {
		all = append(all, &cleanError{q.clean(each.Error()), each})
	}
	return errors.Join(all...)
}

// separate are the errors that were joined, a line each, or the one there is.
func separate(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var lines []string
	for _, each := range joined.Unwrap() {
		lines = append(lines, each.Error())
	}
	if strings.Join(lines, "\n") != err.Error() {
		return []error{err}
	}
	return joined.Unwrap()
}

type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }
func (e *cleanError) Unwrap() error { return e.err }

func (q *quoted) cleanAll(messages []string) []string {
	out := slices.Clone(messages)
	for i := range out {
		out[i] = q.clean(out[i])
	}
	return out
}

// report cleans what a report says beside its findings: names of branches and of
// files that were not searched may hold values too.
func (q *quoted) report(asked Question, r *report.Report) {
	if asked.Range != "" {
		q.add([]byte(asked.Range))
		r.Result.Range.Text = q.clean(r.Result.Range.Text)
	}
	r.Verdict.Notices = q.notices(r.Verdict.Notices)
	q.skips(r.Result.Coverage.Excluded)
	q.skips(r.Result.Coverage.Missed)
}

func (q *quoted) skips(list []scanner.Skip) {
	var text bytes.Buffer
	for _, s := range list {
		fmt.Fprintf(&text, "%s\n%s\n", s.Path, s.Reason)
	}
	if len(list) > 0 {
		q.add(text.Bytes())
	}
	for i := range list {
		list[i].Path, list[i].Reason = q.clean(list[i].Path), q.clean(list[i].Reason)
	}
}

// Clean is a message without values that stand in it.
func Clean(message string) string {
	q := &quoted{}
	q.add([]byte(message))
	return q.clean(message)
}

func (q *quoted) notices(list []gate.Notice) []gate.Notice {
	out := slices.Clone(list)
	for i := range out {
		out[i].Text = q.clean(out[i].Text)
	}
	return out
}

// load hands one file to parse: the named one, else that of the tree, if any.
func (q *quoted) load(named string, t tree, name string, parse func(name string, text []byte) error) error {
	if named != "" {
		text, err := readNamed(named)
		if err != nil {
			return usage(err)
		}
		return usage(q.error(parse(named, text), text))
	}
	text, err := t.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := q.error(parse(name, text), text); err != nil {
		return &BrokenError{err}
	}
	return nil
}

// open takes up what a file includes.
func (q *quoted) open(read func(name string) ([]byte, error)) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, err := read(name)
		q.add(text)
		return text, err
	}
}

// refuseNames refuses a rule whose name every report would show.
func (q *quoted) refuseNames(set *rules.Set) error {
	for _, r := range set.Rules {
		for _, text := range append([]string{r.ID, r.Description}, r.Tags...) {
			if q.clean(text) != text {
				return fmt.Errorf("%s: the id, description or a tag of a rule holds a value: %s", r.Origin, q.clean(r.ID))
			}
		}
	}
	return nil
}
