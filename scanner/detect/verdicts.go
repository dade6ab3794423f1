package detect

import (
	"hash/maphash"
	"sync"
)

// verdicts remembers what rules make of the texts of matches, which are seldom
// new. A text is known again by two 64-bit hashes under random seeds. It is safe
// for concurrent use.
type verdicts struct {
	seeds  [2]maphash.Seed
	shards [verdictShards]struct {
		sync.Mutex
		known map[verdictKey]verdict
	}
}

const (
	verdictShards = 16
	maxVerdicts   = 2048 // of a shard; a full one is emptied
)

// verdictKey stands for the text of a match under a rule.
type verdictKey struct {
	rule int32
	size int
	hash [2]uint64
}

func (v *verdicts) init() {
	for i := range v.seeds {
		v.seeds[i] = maphash.MakeSeed()
	}
	for i := range v.shards {
		v.shards[i].known = map[verdictKey]verdict{}
	}
}

// of gives the verdict on a text, by judge when it is new.
func (v *verdicts) of(rule int32, text []byte, judge func() verdict) verdict {
	key := verdictKey{rule, len(text), [2]uint64{maphash.Bytes(v.seeds[0], text), maphash.Bytes(v.seeds[1], text)}}
	sh := &v.shards[key.hash[0]%verdictShards]
	sh.Lock()
	known, ok := sh.known[key]
	sh.Unlock()
	if ok {
		return known
	}
	fresh := judge()
	sh.Lock()
	if len(sh.known) >= maxVerdicts {
		clear(sh.known)
	}
	sh.known[key] = fresh
	sh.Unlock()
	return fresh
}
