package revoketest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/remediate/revoke"
)

//go:embed databases/*.toml
var databases embed.FS

// Database is what the documentation of a database says of one kind, in place of a
// transcript. That its statements do so is held against real servers, in test/roles.
type Database struct {
	Speaks string            `toml:"speaks"`
	Read   toml.LocalDate    `toml:"read"`
	Record Record            `toml:"record"`
	Target string            `toml:"target"` // template
	Own    map[string]string `toml:"own"`    // what the server tells, by the column
	Steps  []Statements      `toml:"step"`

	ID string `toml:"-"` // of the provider: the file's name
}

// Statements are one step.
type Statements struct {
	Name          string   `toml:"name"`
	Documentation string   `toml:"documentation"`
	Method        string   `toml:"method"`
	Address       string   `toml:"address"`
	SQL           []string `toml:"sql"`
	Answers       []Coded  `toml:"answer"`
}

// Coded is one documented code and what it means.
type Coded struct {
	Code          string `toml:"code"`
	Name          string `toml:"name"` // as the documentation calls it
	Documentation string `toml:"documentation"`
	Expect        string `toml:"expect"` // live, dead; done, gone, refused
	Text          string `toml:"text"`   // of the message, where the code alone says too little
	Unless        string `toml:"unless"` // counts what speaks against it
}

// Databases reads them all, by provider.
func Databases() (map[string]*Database, error) {
	list, err := databases.ReadDir("databases")
	if err != nil {
		return nil, err
	}
	all := map[string]*Database{}
	for _, file := range list {
		text, err := databases.ReadFile("databases/" + file.Name())
		if err != nil {
			return nil, err
		}
		d := &Database{}
		if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(d); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), strictly(err))
		}
		d.ID = strings.TrimSuffix(file.Name(), ".toml")
		all[d.ID] = d
	}
	return all, nil
}

// ConformDatabase holds a provider to what the documentation says, word by word.
func ConformDatabase(p *revoke.Provider, d *Database) error {
	id := d.ID
	if p.ID != id || p.Speaks != d.Speaks || p.Target != d.Target || p.Value != "" || p.Derive != "" {
		return fmt.Errorf("%s: it is not %s of %s with the target %s", p.ID, id, d.Speaks, d.Target)
	}
	if got := recordOf(p); !reflect.DeepEqual(got, d.Record) {
		return fmt.Errorf("%s: the data says %+v, the documentation %+v", id, got, d.Record)
	}
	if p.Check == nil || p.Look != nil || p.Find != nil {
		return errors.New("a database is signed in to")
	}
	own := map[string]string{}
	for name, c := range p.Check.Own {
		if own[name] = c.Path; c.Match != "" || c.Header != "" || c.As != "" || c.Secret {
			return fmt.Errorf("%s: own.%s is more than a column", id, name)
		}
	}
	if !reflect.DeepEqual(own, d.Own) {
		return fmt.Errorf("%s: it takes %v, the server tells %v", id, own, d.Own)
	}
	got := []Statements{stepOf("check", p.Check.Request, group{"live", p.Check.Live}, group{"dead", p.Check.Dead})}
	for name, a := range map[string]*revoke.Action{"disable": p.Disable, "undo": p.Undo, "revoke": p.Revoke} {
		if a != nil {
			got = append(got, stepOf(name, a.Request, group{"done", a.Done}, group{"gone", a.Gone}, group{"refused", a.Refused}))
		}
		if a != nil && (a.Via != "" || a.Rate != revoke.Rate{}) {
			return fmt.Errorf("%s: %s is more than statements", id, name)
		}
	}
	return compareSteps(id, got, d.Steps)
}

func compareSteps(id string, got, want []Statements) error {
	byName := func(a, b Statements) int { return strings.Compare(a.Name, b.Name) }
	want = slices.Clone(want)
	for i := range want {
		want[i].Documentation, want[i].Answers = "", slices.Clone(want[i].Answers)
		for j := range want[i].Answers {
			want[i].Answers[j].Documentation, want[i].Answers[j].Name = "", ""
		}
	}
	slices.SortFunc(got, byName)
	slices.SortFunc(want, byName)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Errorf("%s: step %d of the data is %+v, documented %+v", id, i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
	return nil
}

type group struct {
	expect  string
	answers []revoke.Answer
}

// stepOf flattens a step to its codes.
func stepOf(name string, r revoke.Request, groups ...group) Statements {
	s := Statements{Name: name, Method: r.Method, Address: r.URL}
	for _, text := range r.SQL {
		s.SQL = append(s.SQL, strings.TrimSpace(text))
	}
	for _, g := range groups {
		for _, a := range g.answers {
			for _, code := range a.Code {
				s.Answers = append(s.Answers, Coded{Code: code, Expect: g.expect, Text: a.Text, Unless: a.Unless})
			}
		}
	}
	return s
}
