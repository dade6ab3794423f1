package admission

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
)

// A Case is a call of the corpus, for the tests of the floor and of a real API server.
type Case struct {
	Name   string
	Review []byte
	Denied bool   // by the webhook, where everything is enforced
	Rule   string // that decides
	Writer Writer
}

// Writer is who sends a call, and how he shows it.
type Writer struct {
	User   string // as the API server calls it
	Groups []string
	Proof  string // "pod", "unbound", "legacy", "x509", or "" for a user info that is made up
}

// Cases are every attack and every twin of the corpus with the answer to it.
func Cases(t *testing.T, policy string) (cases []Case) {
	d := newDoor(t, policy, corpusCluster())
	add := func(name string, c call) {
		response, answer := d.ask(t, c)
		cases = append(cases, Case{name, c.review(t), !response.Allowed, answer.Rule, c.writer()})
	}
	for _, a := range attacks {
		add(a.class+"/"+a.name, a.twin.with(a.forge))
		add(a.class+"/"+a.name+" (twin)", a.twin)
	}
	for _, name := range slices.Sorted(maps.Keys(legitimate)) {
		add(name, legitimate[name])
	}
	return cases
}

// writer tells the tokens that a cluster mints from what only a test can put together.
func (c call) writer() Writer {
	if !strings.Contains(c.user, "/") {
		return Writer{User: c.user, Groups: c.groups, Proof: "x509"}
	}
	w := Writer{User: gate.ServiceAccountUser(c.user), Groups: c.groups}
	switch {
	case c.uid == "live" && slices.Contains([]string{"pod", "unbound", "legacy"}, c.token), c.uid == "" && c.token == "x509":
		w.Proof = c.token
	}
	return w
}

// ClusterObjects are what the calls are written for, in a cluster of theirs.
func ClusterObjects() (all []Object) {
	for _, namespaces := range corpusCluster().objects {
		for _, objects := range namespaces {
			all = append(all, objects...)
		}
	}
	return all
}

// CorpusPolicy is the policy of the corpus, CorpusDay when it happens.
const CorpusPolicy = corpusPolicy

var CorpusDay = today
