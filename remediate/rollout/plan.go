// Package rollout replaces a credential under running applications: the new
// version is made beside the old one, consumers are moved to it stage by stage,
// each stage has to prove itself, and the old version goes only when a grace is
// over and nobody uses it. What fails is moved back.
//
// A rollout lives for days, so it is a plan with a journal: whoever applies it does
// what is due, once, and says when to come again. The new value is written
// nowhere: it follows from the plan and the installation's key.
package rollout

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Duration is a time.Duration that is written as text, as in "15m".
type Duration time.Duration

// UnmarshalText reads the text form.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = errors.New("a duration is not negative")
	}
	*d = Duration(v)
	return err
}

// MarshalText writes the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Spec is what the operator wants, as it is written in a file.
type Spec struct {
	Name     string   `toml:"name" json:"name"`
	Database Database `toml:"database" json:"database"`
	// Deliver hands the new value to where the new version's consumers will find it.
	Deliver Delivery `toml:"deliver" json:"deliver"`
	// Move makes the consumers of a stage use a version.
	Move   Moving  `toml:"move" json:"move"`
	Stages []Stage `toml:"stages" json:"stages"`
	// Grace is how long the old version works behind the last stage; 7 days when 0.
	Grace Duration `toml:"grace" json:"grace"`
	// Patience is how long, behind its dwell, a gate may be unable to tell before
	// the rollout is moved back; an hour when 0.
	Patience Duration `toml:"patience" json:"patience"`
	// Settle is how long a move may take until it shows; before that it is not
	// made again.
	Settle Duration `toml:"settle" json:"settle"`
	// Poll is how often a gate is asked; a minute when 0.
	Poll Duration `toml:"poll" json:"poll"`
}

// Database says whose password is replaced: two users of one group take turns.
type Database struct {
	Kind  string    `toml:"kind" json:"kind"` // postgresql or mysql
	Host  string    `toml:"host" json:"host"` // on the operator's list of servers
	Group string    `toml:"group" json:"group"`
	Users [2]string `toml:"users" json:"users"`
}

// Delivery are commands without a shell that get the value on standard input.
// {version} stands for the new version.
type Delivery struct {
	Write []string `toml:"write" json:"write"`
	// Check exits 0 when the value is there, 1 when it is not; else nobody can tell.
	Check []string `toml:"check" json:"check"`
}

// Moving are commands without a shell, in which {stage} and {version} stand for theirs.
type Moving struct {
	Do []string `toml:"do" json:"do"`
	At []string `toml:"at" json:"at"` // prints the version that a stage uses
}

// Stage is a part of the consumers.
type Stage struct {
	Name  string   `toml:"name" json:"name"`
	Share int      `toml:"share" json:"share"` // percent of production, 0 for what is before it
	Dwell Duration `toml:"dwell" json:"dwell"` // how long its gate must not fail before the next one
	Gate  Gate     `toml:"gate" json:"gate"`
}

// Gate is one question whether a stage is well.
type Gate struct {
	// Prometheus is the address of a server, as in https://prometheus.acme.internal,
	// and Query an expression whose every value must be within Below and Above.
	Prometheus string   `toml:"prometheus" json:"prometheus,omitempty"`
	Query      string   `toml:"query" json:"query,omitempty"`
	Below      *float64 `toml:"below" json:"below,omitempty"`
	Above      *float64 `toml:"above" json:"above,omitempty"`
	// Command exits 0 when all is well, 1 when it is not; else nobody can tell.
	Command []string `toml:"command" json:"command,omitempty"`
	// Unused asks whether the old version has no session any more.
	Unused bool `toml:"unused" json:"unused,omitempty"`
}

// Plan is what the step of a plan is to roll out. It holds no value.
type Plan struct {
	Spec
	Old   string `json:"old"` // the user that is in use
	New   string `json:"new"`
	Nonce string `json:"nonce"` // the new value follows from it and the installation's key
}

const (
	defaultGrace    = Duration(7 * 24 * time.Hour)
	defaultPatience = Duration(time.Hour)
	defaultPoll     = Duration(time.Minute)
)

// ParseSpec reads the operator's file. An unknown key is an error.
func ParseSpec(text []byte) (Spec, error) {
	var s Spec
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&s)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return s, fmt.Errorf("unknown key %s", strings.Join(strict.Errors[0].Key(), "."))
	}
	if err != nil {
		return s, err
	}
	for _, each := range []struct {
		to *Duration
		by Duration
	}{{&s.Grace, defaultGrace}, {&s.Patience, defaultPatience}, {&s.Poll, defaultPoll}} {
		if *each.to == 0 {
			*each.to = each.by
		}
	}
	return s, s.validate()
}

func (s Spec) validate() error {
	d := s.Database
	switch {
	case s.Name == "":
		return errors.New("name says what is rolled out")
	case d.Kind != "postgresql" && d.Kind != "mysql":
		return fmt.Errorf("database.kind is postgresql or mysql, not %q", d.Kind)
	case d.Host == "" || d.Group == "" || d.Users[0] == "" || d.Users[1] == "":
		return errors.New("database has a host, a group and two users")
	case d.Users[0] == d.Users[1] || d.Users[0] == d.Group || d.Users[1] == d.Group:
		return errors.New("database: the two users and the group are three roles")
	case len(s.Deliver.Write) == 0 || len(s.Deliver.Check) == 0:
		return errors.New("deliver has the commands write and check")
	case len(s.Move.Do) == 0 || len(s.Move.At) == 0:
		return errors.New("move has the commands do and at")
	case len(s.Stages) == 0 || s.Stages[len(s.Stages)-1].Share != 100:
		return errors.New("stages end with one whose share is 100")
	}
	names := map[string]bool{}
	share := -1
	for _, stage := range s.Stages {
		if stage.Name == "" || names[stage.Name] {
			return fmt.Errorf("stage %q: each has a name of its own", stage.Name)
		}
		if stage.Share < 0 || stage.Share < share || stage.Share > 100 {
			return fmt.Errorf("stage %s: a share is a percentage and never less than the one before", stage.Name)
		}
		names[stage.Name], share = true, stage.Share
		if err := stage.Gate.validate(); err != nil {
			return fmt.Errorf("stage %s: gate: %w", stage.Name, err)
		}
	}
	return nil
}

func (g Gate) validate() error {
	kinds := 0
	for _, is := range []bool{g.Prometheus != "", len(g.Command) > 0, g.Unused} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return errors.New("exactly one of prometheus, command and unused")
	}
	if g.Prometheus == "" {
		if g.Query != "" || g.Below != nil || g.Above != nil {
			return errors.New("query, below and above belong to prometheus")
		}
		return nil
	}
	u, err := url.Parse(g.Prometheus)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return errors.New("prometheus is the address of a server, without a password")
	}
	if g.Query == "" || g.Below == nil && g.Above == nil {
		return errors.New("prometheus has a query, and below or above")
	}
	return nil
}

// nonce is a new one, of 32 bytes.
func nonce() (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("nonce: %w", err)
	}
	return hex.EncodeToString(raw), nil
}
