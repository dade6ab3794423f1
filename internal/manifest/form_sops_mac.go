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
	if j.Keys.IsZero() && j.OpenKey == nil {
		if j.Formats.SOPS.VerifyMAC {
			j.at(j.top().get("sops"), RuleSOPSUnverified, unopened("there is no key to verify the MAC with", m), unverifiedFix)
		}
		return
	}
	ids, err := sops.Identities(j.Keys)
	if err == nil {
		err = sops.VerifyMAC(texts(docs), m, ids, j.openers()...)
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

const unverifiedFix = "set SOPS_AGE_KEY_FILE to a file with an age identity of the file, GNUPGHOME for a key of PGP, or leakgate check --vault-transit"

// openers ask the caller about recipients of other kinds than age.
func (j *judge) openers() []sops.Opener {
	if j.OpenKey == nil {
		return nil
	}
	return []sops.Opener{func(r sops.Recipient) ([]byte, bool) {
		key, ok := j.OpenKey(r.Kind, r.Name, r.Enc)
		return []byte(key.Reveal()), ok // it opens this document here and nowhere else
	}}
}

// unopened says that nothing can help where the document's key is encrypted for
// recipients of cloud services alone.
func unopened(text string, m sops.Metadata) string {
	for _, r := range m.Recipients() {
		if r.Kind == "age" || r.Kind == "pgp" || r.Kind == "hc_vault" {
			return text
		}
	}
	return text + "; the file is for no recipient of age, PGP or Vault, and leakgate asks no other key service, so it cannot tell"
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
