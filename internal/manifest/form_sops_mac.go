package manifest

import (
	"errors"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

// verify checks the MAC over all documents of the file, where there is a key.
func (j *judge) verify(docs []Document, m sops.Metadata) {
	if j.Keys.IsZero() {
		if j.Formats.SOPS.VerifyMAC {
			j.at(j.top().get("sops"), RuleSOPSUnverified, "there is no key to verify the MAC with", unverifiedFix)
		}
		return
	}
	ids, err := sops.Identities(j.Keys)
	if err == nil {
		err = sops.VerifyMAC(texts(docs), m, ids)
	}
	unsure := err != nil && (!errors.Is(err, sops.ErrMAC) || m.Rule.ByComments())
	switch {
	case err == nil:
	case !unsure:
		j.at(j.macPlace(), RuleSOPSMAC, "the document is not what was encrypted: a value was changed, moved, added or taken away without sops", "git log -p FILE, then restore what sops wrote")
	case j.Formats.SOPS.VerifyMAC:
		j.at(j.macPlace(), RuleSOPSUnverified, "the MAC could not be verified: "+err.Error(), unverifiedFix)
	}
}

const unverifiedFix = "set SOPS_AGE_KEY_FILE to a file with an age identity of the file"

func (j *judge) macPlace() view {
	if v := j.top().get("sops", "mac"); v.exists() {
		return v
	}
	return j.top().get("sops")
}

// texts are the YAML documents that docs come from, each once.
func texts(docs []Document) (out [][]byte) {
	var before *source
	for _, d := range docs {
		if d.source != before {
			before = d.source
			out = append(out, before.tree.text)
		}
	}
	return out
}
