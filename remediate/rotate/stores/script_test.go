package stores

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// script is what the documentation of a store says, written from it alone: each
// request to the last header, each documented answer, and in which order they
// make a read, a write and an end.
type script struct {
	Documentation string         `toml:"documentation"`
	Read          toml.LocalDate `toml:"read"`
	Before        string         `toml:"before"` // version
	After         string         `toml:"after"`  // version
	Place         struct {
		Address     string            `toml:"address"`
		Path        string            `toml:"path"`
		Key         string            `toml:"key"`
		Settings    map[string]string `toml:"settings"`
		Credentials []string          `toml:"credentials"`
	} `toml:"place"`
	Calls []call `toml:"call"`
	Flow  struct {
		Read       []string   `toml:"read"`
		After      []string   `toml:"after"`
		Old        []string   `toml:"old"`
		Write      []string   `toml:"write"`
		Destroy    []string   `toml:"destroy"`
		Annotate   []string   `toml:"annotate"`
		Again      [][]string `toml:"again"`
		Destroyed  [][]string `toml:"destroyed"`
		Gone       [][]string `toml:"gone"`
		Conflict   [][]string `toml:"conflict"`
		Denied     [][]string `toml:"denied"`
		Unclear    [][]string `toml:"unclear"`
		Unreadable [][]string `toml:"unreadable"`
		Stays      [][]string `toml:"stays"`
	} `toml:"flow"`

	kind   string
	values map[string]string
	play   *revoketest.Transcript
}

// call is one request and its documented answers. One with an effect changes
// what consumers read.
type call struct {
	Name          string              `toml:"name"`
	Effect        bool                `toml:"effect"`
	Documentation string              `toml:"documentation"`
	Request       revoketest.Expected `toml:"request"`
	Answers       []revoketest.Reply  `toml:"answers"`
}

// scripts reads them all, with new values.
func scripts(t *testing.T) (all []*script) {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &script{kind: strings.TrimSuffix(filepath.Base(file), ".toml")}
		if err := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields().Decode(s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s.values = map[string]string{"plan": strings.Repeat("0123456789abcdef", 4), "at": "2026-03-01T12:00:00Z"}
		secrets := append([]string{"old", "new", "other"}, s.Place.Credentials...)
		for _, name := range secrets {
			s.values[name] = rand.Text()
		}
		s.play = revoketest.Script(s.values, secrets...)
		all = append(all, s)
	}
	return all
}

// queue is a flow as the fake plays it.
func (s *script) queue(t *testing.T, flow []string) (list []revoketest.Exchange) {
	t.Helper()
	for _, step := range flow {
		name, answer, _ := strings.Cut(step, " ")
		c := s.call(name)
		found := false
		for _, a := range c.Answers {
			if a.Name == answer {
				list, found = append(list, revoketest.Exchange{Request: c.Request, Serve: s.play.Answer(a)}), true
			}
		}
		if !found {
			t.Fatalf("%s: no answer %q", s.kind, step)
		}
	}
	return list
}

func (s *script) call(name string) call {
	for _, c := range s.Calls {
		if c.Name == name {
			return c
		}
	}
	panic(s.kind + " has no call " + name)
}

// effective is the first call of a flow that has an effect.
func (s *script) effective(flow []string) int {
	for i, step := range flow {
		name, _, _ := strings.Cut(step, " ")
		if s.call(name).Effect {
			return i
		}
	}
	return len(flow)
}

// world opens the store of the script on a fake.
func (s *script) world(f *revoketest.Fake) World {
	return World{
		Client: f.Client, Env: func(name string) string { return s.values[name] }, Token: func() string { return s.After },
		Stdin: func() (secret.Secret, error) { return secret.New(s.values["new"]), nil },
	}
}

func (s *script) place() remediate.Place {
	p := remediate.Place{Name: "app", Kind: s.kind, Address: s.Place.Address, Path: s.Place.Path, Key: s.Place.Key, Mint: "stdin", Settings: s.Place.Settings, Credentials: map[string]string{}}
	for _, name := range s.Place.Credentials {
		p.Credentials[name] = "env:" + name
	}
	return p
}

// bench is a store under test and the fake that it speaks to.
type bench struct {
	*script
	t     *testing.T
	fake  *revoketest.Fake
	store rotate.Store
	kind  rotate.Kind
}

func newBench(t *testing.T, s *script) *bench {
	t.Helper()
	f, err := revoketest.NewFake(2 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	b := &bench{script: s, t: t, fake: f}
	w := s.world(f)
	kind, ok := w.Kind(s.kind)
	if !ok {
		t.Fatalf("a transcript of %q, and no such kind", s.kind)
	}
	b.kind = kind
	if b.store, err = w.Store(s.place()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) expect(flows ...[]string) {
	b.t.Helper()
	var all []revoketest.Exchange
	for _, flow := range flows {
		all = append(all, b.queue(b.t, flow)...)
	}
	b.fake.Expect(b.play, all...)
}

// came reports what went otherwise than the flow says, or showed a value.
func (b *bench) came(what any, err error) {
	b.t.Helper()
	if fault := b.fake.Fault(); fault != nil {
		b.t.Errorf("%v: %v", what, fault)
	}
	b.quiet(what, err)
}

func (b *bench) quiet(what any, err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	for name, value := range b.values {
		for _, form := range secret.Forms(secret.New(value)) {
			if name != "plan" && name != "at" && strings.Contains(err.Error(), form) {
				b.t.Errorf("%v: the error shows %s", what, name)
			}
		}
	}
	if strings.Contains(err.Error(), "https://"+b.Place.Path) {
		b.t.Errorf("%v: the error holds an address", what)
	}
}

func (b *bench) write(ctx context.Context) (string, error) {
	return b.store.Write(ctx, b.Before, map[string]secret.Secret{b.place().Key: secret.New(b.values["new"])})
}

// hangs never answers: it calls off whoever asked.
func hangs(cancel context.CancelFunc) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

func named(flow []string) string { return fmt.Sprintf("%q", strings.Join(flow, ", ")) }
