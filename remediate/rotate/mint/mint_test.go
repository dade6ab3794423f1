package mint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// script is what the documentation of an issuer says, written from it alone.
type script struct {
	Documentation string            `toml:"documentation"`
	Read          toml.LocalDate    `toml:"read"`
	Settings      map[string]string `toml:"settings"`
	Credentials   []string          `toml:"credentials"`
	Public        map[string]string `toml:"public"` // of the credentials, what is no secret
	ID            string            `toml:"id"`     // of the new one
	Limit         int               `toml:"limit"`  // how many there may be
	Make          struct {
		Request revoketest.Expected `toml:"request"`
		Done    revoketest.Reply    `toml:"done"`
		Refused []revoketest.Reply  `toml:"refused"`
	} `toml:"make"`
	List struct {
		Request revoketest.Expected `toml:"request"`
		None    revoketest.Reply    `toml:"none"`
		One     revoketest.Reply    `toml:"one"`
		Two     revoketest.Reply    `toml:"two"`
		More    *revoketest.Reply   `toml:"more"`
	} `toml:"list"`
	Discard struct {
		Request revoketest.Expected `toml:"request"`
		Done    revoketest.Reply    `toml:"done"`
		Gone    revoketest.Reply    `toml:"gone"`
	} `toml:"discard"`

	values map[string]string
	play   *revoketest.Transcript
}

func readScript(t *testing.T, id string) *script {
	t.Helper()
	text, err := os.ReadFile("testdata/" + id + ".toml")
	if err != nil {
		t.Fatal("an issuer without a transcript: ", err)
	}
	s := &script{values: map[string]string{"value": rand.Text()}}
	if err := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields().Decode(s); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"value"}
	for _, name := range s.Credentials {
		if s.values[name] = s.Public[name]; s.Public[name] == "" {
			s.values[name] = rand.Text()
		}
		if s.Public[name] == "" && name != "account_sid" { // Twilio has it in its addresses
			secrets = append(secrets, name)
		}
	}
	s.play = revoketest.Script(s.values, secrets...)
	return s
}

// conform holds an issuer's data to the transcript.
func conform(t *testing.T, f *revoketest.Fake, i *Issuer, s *script) error {
	m := &Minter{i, f.Client, map[string]secret.Secret{}}
	for _, name := range i.Settings {
		m.values[name] = secret.New(s.Settings[name])
	}
	for _, name := range i.Credentials {
		m.values[name] = secret.New(s.values[name])
	}
	if i.Limit != s.Limit || len(i.Settings) != len(s.Settings) || !slices.Equal(i.Credentials, s.Credentials) {
		return errors.New("it needs something else")
	}
	answered := func(want revoketest.Expected, r revoketest.Reply) {
		f.Expect(s.play, revoketest.Exchange{Request: want, Serve: s.play.Answer(r)})
	}
	answered(s.Make.Request, s.Make.Done)
	made, err := m.Mint(t.Context())
	if err := errors.Join(err, f.Fault()); err != nil || made.ID != s.ID || made.Value.Reveal() != s.values["value"] {
		return fmt.Errorf("make: %w", errors.Join(err, errors.New("not what was made")))
	}
	for _, r := range s.Make.Refused {
		answered(s.Make.Request, r)
		if _, err := m.Mint(t.Context()); !errors.Is(err, rotate.ErrDenied) || f.Fault() != nil {
			return fmt.Errorf("refused with %d: %w", r.Status, err)
		}
	}
	for want, r := range map[string]revoketest.Reply{"": s.List.None, "one": s.List.One, "one,two": s.List.Two} {
		answered(s.List.Request, r)
		ids, err := m.List(t.Context())
		if err := errors.Join(err, f.Fault()); err != nil || strings.Join(ids, ",") != want {
			return fmt.Errorf("list %q: %q, %w", want, ids, err)
		}
		if (s.Limit > 0 && len(ids) >= s.Limit) != (m.Full(ids) != "") {
			return fmt.Errorf("full with %d: %q", len(ids), m.Full(ids))
		}
	}
	if s.List.More != nil {
		answered(s.List.Request, *s.List.More)
		if _, err := m.List(t.Context()); err == nil || f.Fault() != nil {
			return errors.New("a list that goes on was taken for whole")
		}
	}
	for _, r := range []revoketest.Reply{s.Discard.Done, s.Discard.Gone} {
		answered(s.Discard.Request, r)
		if err := errors.Join(m.Discard(t.Context(), s.ID), f.Fault()); err != nil {
			return fmt.Errorf("discard: %w", err)
		}
	}
	return fails(t, f, m, s)
}

// fails learns nothing from what is no answer.
func fails(t *testing.T, f *revoketest.Fake, m *Minter, s *script) error {
	for name, serve := range revoketest.Failures() {
		f.Expect(s.play, revoketest.Exchange{Request: s.Make.Request, Serve: serve})
		_, err := m.Mint(t.Context())
		if err == nil || errors.Is(err, rotate.ErrDenied) {
			return fmt.Errorf("make: %s: %w", name, err)
		}
		for _, value := range s.values {
			if value != "" && strings.Contains(err.Error(), value) {
				return errors.New("the error shows a value")
			}
		}
		f.Expect(s.play, revoketest.Exchange{Request: s.List.Request, Serve: serve})
		if ids, err := m.List(t.Context()); err == nil {
			return fmt.Errorf("list: %s: %q", name, ids)
		}
	}
	return nil
}

func TestIssuersMintAsTheyDocument(t *testing.T) {
	all, err := Issuers()
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	for _, i := range all {
		t.Run(i.ID, func(t *testing.T) {
			f, err := revoketest.NewFake(2 * time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s := readScript(t, i.ID)
			if err := conform(t, f, i, s); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile("issuers/" + i.ID + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			var data map[string]any
			if err := toml.Unmarshal(text, &data); err != nil {
				t.Fatal(err)
			}
			for at, changed := range changes(data, "") {
				body, err := toml.Marshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				if mutant, err := Parse(body); err == nil && conform(t, f, mutant, s) == nil {
					t.Errorf("a change of %s is not noticed", at)
				}
			}
		})
	}
}

// changes are documents that differ in one text or number that is not for people.
func changes(node map[string]any, at string) map[string]map[string]any {
	all := map[string]map[string]any{}
	for key, value := range node {
		path := strings.TrimPrefix(at+"."+key, ".")
		with := func(v any) map[string]any {
			changed := maps.Clone(node)
			changed[key] = v
			return changed
		}
		switch v := value.(type) {
		case string:
			if !slices.Contains([]string{"id", "name", "note", "source"}, path) {
				all[path] = with(v + "x")
			}
		case int64:
			all[path] = with(v + 1)
		case []any:
			for i := range v {
				all[fmt.Sprint(path, ".", i)] = with(slices.Delete(slices.Clone(v), i, i+1))
			}
		case map[string]any:
			for inner, changed := range changes(v, path) {
				all[inner] = with(changed)
			}
		}
	}
	return all
}
