package manifest

import (
	"errors"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

// verify checks the MAC over all documents of the file, where there is a key.
func (j *judge) verify(docs []Document, m sops.Metadata) {
	if j.InCluster {
		return // the API server and controllers change what the MAC covers
	}
	if j.Keys.IsZero() {
		if j.Formats.SOPS.VerifyMAC {
			j.at(j.top().get("sops"), RuleSOPSUnverified, unopened("there is no key to verify the MAC with", m), unverifiedFix)
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
		j.at(j.macPlace(), RuleSOPSUnverified, unopened("the MAC could not be verified: "+err.Error(), m), unverifiedFix)
	}
}

const unverifiedFix = "set SOPS_AGE_KEY_FILE to a file with an age identity of the file"

// unopened says that no age identity can help where the document's key is
// encrypted for none.
func unopened(text string, m sops.Metadata) string {
	for _, r := range m.Recipients() {
		if r.Kind == "age" {
			return text
		}
	}
	return text + "; the file is for no age recipient, and leakgate asks neither gpg nor a key service, so it cannot tell"
}

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
