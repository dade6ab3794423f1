package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
	"github.com/leakgate/leakgate/scanner/detect"
)

// Rules are the rules that apply to a question.
func Rules(q Question) (*rules.Set, error) {
	r, err := loadRulings(q, folderTree{q.Path})
	return r.rules, err
}

// Settings are those of the policy that applies to a question about a folder.
func Settings(q Question) ([]gate.Setting, error) {
	r, err := loadRulings(q, folderTree{q.Path})
	if err != nil {
		return nil, err
	}
	settings := gate.Explain(r.policy)
	for i := range settings {
		settings[i].Key, settings[i].Value = r.quoted.clean(settings[i].Key), r.quoted.clean(settings[i].Value)
	}
	return settings, nil
}

// Baseline reads a baseline that the user named.
func Baseline(file string) (gate.Baseline, error) {
	text, err := readNamed(file)
	if err != nil {
		return gate.Baseline{}, err
	}
	b, err := gate.ParseBaseline(file, text)
	return b, new(quoted).error(err, text)
}

// Validate checks every file that judges a folder, and lists what is legal but
// odd. The error names the first file that cannot be used.
func Validate(q Question) ([]gate.Notice, error) {
	r, err := loadRulings(q, folderTree{q.Path})
	if err != nil {
		return nil, err
	}
	out := r.odd()
	for _, w := range r.rules.Warnings {
		out = append(out, gate.Notice{Text: w})
	}
	if r.ignores != nil {
		for _, w := range r.ignores.Warnings {
			out = append(out, gate.Notice{Text: w})
		}
	}
	return append(out, r.quoted.notices(r.policy.UnknownRules(r.knows))...), nil
}

// knows reports whether there is a rule of that ID.
func (r rulings) knows(id string) bool {
	return r.rules.Rule(id) != nil || scanner.ManifestRule(id) != nil
}

// TestRule runs a rule over its examples, expanded anew, and counts them.
func TestRule(set *rules.Set, r *rules.Rule) (int, error) {
	d := detect.New(set, detect.Options{})
	n := 0
	for i, example := range r.Examples.True {
		n++
		if found, err := finds(d, r, example); err != nil || !found {
			return n, missed(fmt.Sprintf("true example %d is not found", i+1), err)
		}
	}
	for i, example := range r.Examples.False {
		n++
		if found, err := finds(d, r, example); err != nil || found {
			return n, missed(fmt.Sprintf("false example %d is found", i+1), err)
		}
	}
	return n, nil
}

// missed says what an example missed, without its text, which may be a value.
func missed(what string, err error) error {
	if err == nil {
		return errors.New(what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// finds reports whether a rule finds the example of that template.
func finds(d *detect.Detector, r *rules.Rule, template string) (bool, error) {
	text, err := rules.ExpandExample(template, 1)
	if err != nil {
		return false, err
	}
	if r.Regex == nil {
		return r.Path.MatchString(text), nil
	}
	matches, err := d.Text(context.Background(), nil, []byte(text))
	for _, m := range matches {
		if m.Rule == r {
			return true, err
		}
	}
	return false, err
}
