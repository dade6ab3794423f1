package scanner

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// searchPeople searches the names and addresses of those who made a commit or
// tag: a wrongly set user.name is shown by every log. The places have no line.
func (r *run) searchPeople(sc *scratch, by Commit, id gitrepo.ID, raw []byte, people ...gitrepo.Person) error {
	for _, p := range people {
		text := p.Name + " <" + p.Email + ">"
		found, err := r.named(sc, text)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			r.tells(id)
		}
		spans := make([]sighting, len(found))
		for i, m := range found {
			spans[i].Match = m
		}
		masked := maskLines([]byte(text), 0, maskedSpans(spans))
		shift := max(0, bytes.Index(raw, []byte(text)))
		for i, m := range found {
			if !r.s.detector.Accept(&found[i], r.at(""), by.ID) {
				continue
			}
			key := sha256.Sum256(fmt.Appendf(nil, "person\x00%s\x00%s", m.Rule.ID, masked[:]))
			r.found([]Finding{{
				Rule: m.Rule, Secret: m.Secret, Confidence: m.Confidence, Severity: m.Rule.Severity, Commit: by, Context: m.Context,
				Fingerprint: fingerprint(key, i+1),
				At: Place{Kind: InMessage, Origin: FromCommit, Blob: id.String(), DecodedFrom: m.DecodedFrom,
					Span: [2]int{m.Span[0] + shift, m.Span[1] + shift}},
			}})
		}
	}
	return nil
}
