package revoketest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// prose are the keys that people read. A change of one shows on the page of
// the provider, which another test holds to the data; every other change must
// be found by the transcript.
var prose = []string{"name", "outage", "irreversible", "note", "evidence", "source", "reviewed", "help", "means", "secret_in_url", "unchecked", "about", "but"}

// TestEveryFieldOfTheDataIsHeldByTheTranscript changes and removes each field
// of each provider alone and expects the suite to fail.
func TestEveryFieldOfTheDataIsHeldByTheTranscript(t *testing.T) {
	total := make(chan int, 1)
	total <- 0
	t.Run("providers", func(t *testing.T) {
		eachProvider(t, 30*time.Second, func(t *testing.T, f *Fake, p *revoke.Provider, s *Transcript) {
			n, err := survivors(p, func(mutant *revoke.Provider) error { return Conform(f, mutant, s) })
			if err != nil {
				t.Error(err)
			}
			total <- n + <-total
		})
	})
	t.Logf("%d changes", <-total)
}

func survivors(p *revoke.Provider, conform func(*revoke.Provider) error) (count int, err error) {
	text, err := os.ReadFile(filepath.Join("..", "providers", p.ID+".toml"))
	if err != nil {
		return 0, err
	}
	var data map[string]any
	if err := toml.Unmarshal(text, &data); err != nil {
		return 0, err
	}
	var survived []string
	for _, m := range mutations(data, "") {
		count++
		changed, err := toml.Marshal(m.document)
		if err != nil {
			return count, fmt.Errorf("%s: %w", m.at, err)
		}
		mutant, err := revoke.ParseProvider(changed)
		if err != nil || conform(mutant) != nil {
			continue
		}
		if m.prose() && mutant.Page() != p.Page() {
			continue
		}
		survived = append(survived, m.at)
	}
	if len(survived) > 0 {
		return count, fmt.Errorf("%d of %d changes are not noticed:\n  %s", len(survived), count, strings.Join(survived, "\n  "))
	}
	return count, nil
}

// mutation is a document with one change.
type mutation struct {
	at       string
	document any
}

func (m mutation) prose() bool {
	names := strings.Split(strings.Fields(m.at)[0], ".")
	last := names[len(names)-1]
	return slices.Contains(prose, last) && !strings.Contains(m.at, "own.") && !strings.Contains(m.at, "form.") && !strings.Contains(m.at, "json.") && !strings.Contains(m.at, "fields.")
}

// mutations are all documents that differ from node in one place.
func mutations(node any, at string) (list []mutation) {
	switch n := node.(type) {
	case map[string]any:
		for _, key := range keys(n) {
			path := strings.TrimPrefix(at+"."+key, ".")
			without := maps.Clone(n)
			delete(without, key)
			list = append(list, mutation{path + " removed", without})
			for _, m := range mutations(n[key], path) {
				changed := maps.Clone(n)
				changed[key] = m.document
				list = append(list, mutation{m.at, changed})
			}
		}
	case []any:
		for i := range n {
			path := fmt.Sprintf("%s.%d", at, i)
			list = append(list, mutation{path + " removed", slices.Delete(slices.Clone(n), i, i+1)})
			for _, m := range mutations(n[i], path) {
				changed := slices.Clone(n)
				changed[i] = m.document
				list = append(list, mutation{m.at, changed})
			}
		}
	case string:
		list = append(list, mutation{at + " changed", n + "x"})
	case int64:
		list = append(list, mutation{at + " changed", n + 1})
	case bool:
		list = append(list, mutation{at + " changed", !n})
	case toml.LocalDate:
		n.Day++
		list = append(list, mutation{at + " changed", n})
	default:
		panic(fmt.Sprintf("%s: no change for %T", at, node))
	}
	return list
}
