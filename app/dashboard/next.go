package dashboard

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// plan is one that is about the credential of a page.
type plan struct {
	Digest, Requester string
	Made, Expires     time.Time
	Deed, Provider    string
	Approvals         []store.ApprovalSeen
	Done              string
	Ended             bool // it may not be applied any more
}

func readPlan(p store.PlanSeen, credential string, now time.Time) plan {
	var body struct {
		Expires time.Time `json:"expires"`
		Steps   []struct {
			Credential string `json:"credential"`
			Deed       string `json:"deed"`
			Provider   string `json:"provider"`
		} `json:"steps"`
	}
	_ = json.Unmarshal(p.Body, &body) // a plan of another form has a digest and no step
	out := plan{Digest: p.Digest, Requester: p.Requester, Made: p.Made, Expires: body.Expires, Approvals: p.Approvals, Done: p.Done,
		Ended: !body.Expires.IsZero() && now.After(body.Expires)}
	for _, step := range body.Steps {
		if step.Credential == credential {
			out.Deed, out.Provider = step.Deed, step.Provider
		}
	}
	return out
}

// next is what to do about an incident now.
type next struct {
	What, Why string
	Commands  []string
	More      string
}

// next follows from the state, and from the newest plan that may still be applied.
func (s *server) next(p incidentPage) next {
	at := p.Stands[0]
	folder := path.Base(at.Repository)
	clone := "git clone " + shell(s.users.Server.Web+at.Repository+".git")
	host := strings.TrimSuffix(s.users.Server.Web, "/")
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	ours := fmt.Sprintf(" --account %d --database DATABASE", at.Account) // by whose key it is known, and where
	const database = " DATABASE is that of the App, with its key in LEAKGATE_KEY."
	switch p.State {
	case store.Detected, store.Triaged:
		for _, known := range p.Plans {
			if !known.Ended && known.Done == "" && known.Deed != "" {
				return next{"Approve the plan, then apply it", "A plan is there. Others than whoever made it approve it; then it is done, and its issuer is asked until the credential is dead.",
					[]string{"leakgate remediate approve " + shell(known.Digest) + ours, "leakgate remediate apply " + shell(known.Digest) + ours + " " + shell(folder)},
					"Do not take the line out first: that does not make a credential useless." + database}
			}
		}
		return next{"Make it useless", "Everybody who could read the repository may have a copy. Have its issuer asked whether it works, and plan its end; nothing is changed by that.",
			[]string{clone, "leakgate remediate plan --repository " + shell(host+"/"+at.Repository) + ours + " " + shell(folder)},
			"At a pull request that brings it, a comment does the same: /leakgate fix " + p.Credential.ID + "." + database}
	case store.Revoked:
		return next{"Give those who need it a new one", "The credential is dead. Whatever used it fails until it is given another.",
			[]string{"leakgate remediate rotate plan STORE"}, "STORE is where consumers read it; leakgate remediate rotate stores lists the kinds."}
	case store.Rotated:
		return next{"Take it out of the history", "It opens nothing any more, so this is for tidiness: scanners stop finding it.",
			[]string{clone, "leakgate rewrite plan " + shell(folder)}, "Where nobody minds a dead value in the history, leave it."}
	case store.Purged:
		return next{"Look whether it is really gone", "Clones and caches keep what a history forgot.", []string{"leakgate rewrite verify " + shell(folder)}, ""}
	case store.Dismissed:
		return next{"Nothing until then", "Somebody answers for it. When the day is over, or it is found anew, the incident opens again.", nil, ""}
	}
	return next{"Nothing", "The incident is over. It opens again when its credential is seen alive.", []string{"leakgate remediate report " + shell(p.ID) + ours}, "That writes its document, from the audit trail alone." + database}
}

// shell is a word for a shell, whatever it holds.
func shell(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
