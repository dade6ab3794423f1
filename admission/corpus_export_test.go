package admission

import "testing"

// A Case is a call of the corpus, for the tests of the floor.
type Case struct {
	Name   string
	Review []byte
	Denied bool // by the webhook, where everything is enforced
}

// Cases are every attack and every twin of the corpus with the answer to it.
func Cases(t *testing.T, policy string) (cases []Case) {
	d := newDoor(t, policy, corpusCluster())
	add := func(name string, c call) {
		response, _ := d.ask(t, c)
		cases = append(cases, Case{name, c.review(t), !response.Allowed})
	}
	for _, a := range attacks {
		add(a.class+"/"+a.name, a.twin.with(a.forge))
		add(a.class+"/"+a.name+" (twin)", a.twin)
	}
	for name, c := range legitimate {
		add(name, c)
	}
	return cases
}

// CorpusPolicy is the policy of the corpus.
const CorpusPolicy = corpusPolicy
