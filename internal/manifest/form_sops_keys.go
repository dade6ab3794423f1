package manifest

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

// recipients holds the keys of a document against the policy, against what
// .sops.yaml prescribes, and against themselves.
func (j *judge) recipients(meta view, m sops.Metadata) {
	for _, r := range m.Recipients() {
		at := j.recipientAt(meta, r)
		name := short(r.Name)
		switch allowed := j.Formats.SOPS.Recipients; {
		case !allowed.empty() && !allowed.has(r):
			j.at(at, RuleSOPSRecipient, "the policy does not name "+name, recipientFix).About = r.Name
		case allowed.empty() && j.Prescribed != nil && !j.Prescribed.has(r):
			j.at(at, RuleSOPSRecipient, ".sops.yaml does not name "+name+" for this file", recipientFix).About = r.Name
		}
		if why := r.Mismatch(); why != "" {
			j.at(at, RuleSOPSMismatch, name+": "+why, "sops rotate -i FILE").About = r.Name
		}
	}
	j.missing(meta, m)
	j.threshold(meta, m)
}

const recipientFix = "sops updatekeys FILE && sops rotate -i FILE"

// short is as much of a recipient's name as identifies it; it is public.
func short(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, name)
	if len(name) > 120 {
		return name[:120] + "…"
	}
	return name
}

// recipientAt is the leaf that names a recipient.
func (j *judge) recipientAt(meta view, r sops.Recipient) view {
	lists := []view{meta.get(r.Kind)}
	for g := range meta.get("key_groups").items() {
		lists = append(lists, g.get(r.Kind))
	}
	for _, list := range lists {
		for entry := range list.items() {
			for _, v := range entry.pairs() {
				if strings.TrimSpace(v.text()) == r.Name {
					return v
				}
			}
		}
	}
	if len(lists) > 0 && lists[0].exists() {
		return lists[0]
	}
	return meta
}

func (j *judge) missing(meta view, m sops.Metadata) {
	if j.Prescribed == nil {
		return
	}
	for _, kind := range j.Prescribed.lists() {
		for _, want := range kind.patterns {
			one := Recipients{}
			*one.list(kind.name) = []string{want}
			present := false
			for _, r := range m.Recipients() {
				present = present || r.Kind == kind.name && one.has(r)
			}
			if !present {
				j.at(meta, RuleSOPSDrift, ".sops.yaml names "+short(want)+" and the file is not encrypted for it", "sops updatekeys FILE").About = want
			}
		}
	}
}

func (j *judge) threshold(meta view, m sops.Metadata) {
	at := meta.get("shamir_threshold")
	if !at.exists() {
		at = meta
	}
	need := m.Threshold
	if need == 0 {
		need = len(m.Groups)
	}
	switch least := j.Formats.SOPS.MinThreshold; {
	case m.Threshold > len(m.Groups) && len(m.Groups) > 0:
		j.at(at, RuleSOPSThreshold, fmt.Sprintf("%d key groups are needed and there are %d, so nobody can decrypt", m.Threshold, len(m.Groups)), recipientFix)
	case need < least:
		j.at(at, RuleSOPSThreshold, fmt.Sprintf("%d key groups open the document; the policy asks for %d", need, least), recipientFix)
	}
}

// kindList is one of the lists of Recipients, by the name that sops has for it.
type kindList struct {
	name     string
	patterns []string
}

func (r *Recipients) list(kind string) *[]string {
	switch kind {
	case "age":
		return &r.Age
	case "pgp":
		return &r.PGP
	case "kms":
		return &r.AWSKMS
	case "gcp_kms":
		return &r.GCPKMS
	case "azure_kv":
		return &r.Azure
	case "hc_vault":
		return &r.Vault
	}
	return &r.Huawei
}

var recipientKinds = []string{"age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"}

func (r Recipients) lists() (out []kindList) {
	for _, kind := range recipientKinds {
		out = append(out, kindList{kind, *r.list(kind)})
	}
	return out
}

func (r Recipients) empty() bool {
	for _, l := range r.lists() {
		if len(l.patterns) > 0 {
			return false
		}
	}
	return true
}

func (r Recipients) has(one sops.Recipient) bool {
	for _, pattern := range *r.list(one.Kind) {
		if one.Kind == "pgp" && samePGP(pattern, one.Name) || wildcard(strings.TrimSpace(pattern), one.Name) {
			return true
		}
	}
	return false
}

// samePGP compares fingerprints, of which the last 16 digits may stand for all.
func samePGP(pattern, name string) bool {
	pattern, name = fingerprint(pattern), fingerprint(name)
	if len(pattern) < 16 || len(name) < 16 {
		return false
	}
	return strings.HasSuffix(name, pattern) || strings.HasSuffix(pattern, name)
}

func fingerprint(text string) string {
	return strings.ToUpper(strings.TrimPrefix(strings.ReplaceAll(strings.TrimSpace(text), " ", ""), "0x"))
}

// wildcard reports whether name has the form of a pattern, in which "*" stands
// for any characters.
func wildcard(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// RecipientsOf gives the recipients that a configuration of sops prescribes for
// a path, relative to the configuration; nil where it says nothing.
func RecipientsOf(rules *sops.CreationRules, path string) *Recipients {
	keys, ok := rules.For(path)
	if !ok {
		return nil
	}
	var r Recipients
	for kind, names := range keys {
		*r.list(kind) = names
	}
	return &r
}
