package work

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-github/v89/github"
	"go.opentelemetry.io/otel/attribute"

	"github.com/leakgate/leakgate/app/command"
	"github.com/leakgate/leakgate/app/hook"
	"github.com/leakgate/leakgate/internal/change"
	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/store"
)

// facts are what a job needs to know of a delivery. They hold ids and the names of
// branches and repositories, and no text that people wrote: that may hold a value.
type facts struct {
	Action       string `json:"action,omitempty"`
	Installation int64  `json:"installation"`
	Repository   int64  `json:"repository"`
	Name         string `json:"name"`                 // OWNER/NAME
	Number       int    `json:"number,omitempty"`     // of a pull request
	SHA          string `json:"sha,omitempty"`        // the commit to tell people about
	Subject      string `json:"subject,omitempty"`    // of the question, except for pull requests
	ExternalID   string `json:"externalId,omitempty"` // of a check run
	Button       string `json:"button,omitempty"`
	By           string `json:"by,omitempty"` // who pressed it: GitHub is asked what he may
	Comment      int64  `json:"comment,omitempty"`
	Alert        int64  `json:"alert,omitempty"` // of GitHub's own secret scanning
	Since        int64  `json:"since,omitempty"` // an installation is suspended, in seconds since 1970

	Event *change.Event `json:"event,omitempty"` // what to judge, except for pull requests
	Trace string        `json:"trace,omitempty"` // traceparent of the request that brought it

	kept time.Time // when the delivery was
}

// attributes are what a trace tells of a delivery.
func (f facts) attributes(d store.Delivery) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("leakgate.delivery", d.GUID), attribute.String("leakgate.event", d.Event),
		attribute.Int64("leakgate.installation", f.Installation), attribute.Int64("leakgate.repository", f.Repository)}
}

// payload is what is read of a delivery:
// https://docs.github.com/webhooks/webhook-events-and-payloads
type payload struct {
	Action       string `json:"action"`
	Installation struct {
		ID        int64           `json:"id"`
		Suspended json.RawMessage `json:"suspended_at"`
	} `json:"installation"`
	Repository struct {
		ID            int64  `json:"id"`
		FullName      string `json:"full_name"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`

	Ref        string            `json:"ref"`
	Before     string            `json:"before"`
	After      string            `json:"after"`
	Deleted    bool              `json:"deleted"`
	Commits    []json.RawMessage `json:"commits"`
	HeadCommit struct {
		ID string `json:"id"`
	} `json:"head_commit"`

	PullRequest struct {
		Number int `json:"number"`
		Head   end `json:"head"`
	} `json:"pull_request"`
	MergeGroup struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
	} `json:"merge_group"`
	CheckRun struct {
		HeadSHA    string `json:"head_sha"`
		ExternalID string `json:"external_id"`
	} `json:"check_run"`
	CheckSuite struct {
		HeadSHA string `json:"head_sha"`
	} `json:"check_suite"`
	RequestedAction struct {
		Identifier string `json:"identifier"`
	} `json:"requested_action"`
	Sender struct {
		Login string `json:"login"`
	} `json:"sender"`
	Alert struct {
		Number int64 `json:"number"`
	} `json:"alert"`
	Issue struct {
		Number int       `json:"number"`
		Pull   *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
	} `json:"comment"`
}

type end struct {
	SHA string `json:"sha"`
}

// readers are the events that make somebody work: a new one is one line here, one
// function, and one case in [Engine.ingest]. A function says whether there is work to do.
var readers = map[string]func(*facts, payload) bool{
	"pull_request": pullFacts,
	"push":         pushFacts,
	"merge_group":  groupFacts,
	"check_run":    runFacts,
	"check_suite":  suiteFacts,

	"issue_comment":   commentFacts,
	repositoryEvent:   repositoryFacts,
	installationEvent: installationFacts,
	reachEvent:        reachFacts,
	alertEvent:        alertFacts,
}

// maxSubject is longer than any name of a branch that a server keeps in a file, in bytes.
const maxSubject = 8 << 10

// read takes the facts out of a delivery. Without any work there are none.
func read(d hook.Delivery) (f facts, work bool, err error) {
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return facts{}, false, fmt.Errorf("%w: %s is not JSON of its kind", hook.ErrMalformed, d.Event)
	}
	f = facts{Action: p.Action, Installation: p.Installation.ID, Repository: p.Repository.ID, Name: p.Repository.FullName}
	reader := readers[d.Event]
	if reader == nil || !reader(&f, p) {
		return f, false, nil
	}
	if (d.Event == installationEvent || d.Event == reachEvent) && f.Installation > 0 { // it is of no repository
		return f, true, nil
	}
	if _, err := gitrepo.ParseID(f.SHA); err != nil && f.Comment == 0 && f.Alert == 0 && d.Event != repositoryEvent || f.Installation <= 0 || f.Repository <= 0 {
		return facts{}, false, fmt.Errorf("%w: %s does not say of which installation, repository or commit it is", hook.ErrMalformed, d.Event)
	}
	if strings.ContainsFunc(f.Name+f.Subject, unicode.IsControl) || len(f.Subject) > maxSubject {
		return facts{}, false, fmt.Errorf("%w: %s names what git takes for no name", hook.ErrMalformed, d.Event)
	}
	return f, true, nil
}

// pullFacts: what a pull request would bring is asked of GitHub when it is judged, as
// deliveries come late and in any order.
func pullFacts(f *facts, p payload) bool {
	f.Number, f.SHA = p.PullRequest.Number, p.PullRequest.Head.SHA
	switch p.Action {
	case "opened", "synchronize", "reopened", "ready_for_review", "edited":
		return true
	}
	return false
}

// pushFacts: every push is judged by itself. That of an annotated tag judges the tag, and
// tells about its commit.
func pushFacts(f *facts, p payload) bool {
	if p.Deleted || p.After != "" && change.IsZero(p.After) {
		return false
	}
	f.SHA, f.Subject = p.After, "push/"+p.Ref+"/"+p.Before
	e := change.Event{Name: "GitHub push", Kind: change.Push, Head: p.After, Base: p.Before, Target: p.Repository.DefaultBranch,
		Branch: change.BranchOf(p.Ref), Commits: len(p.Commits)}
	if strings.HasPrefix(p.Ref, "refs/tags/") {
		e.Kind, e.Base = change.Tag, ""
		if p.HeadCommit.ID != "" {
			f.SHA = p.HeadCommit.ID
		}
	}
	f.Event = &e
	return true
}

func groupFacts(f *facts, p payload) bool {
	f.SHA, f.Subject = p.MergeGroup.HeadSHA, "group/"+p.MergeGroup.HeadRef
	target := change.BranchOf(p.MergeGroup.BaseRef)
	f.Event = &change.Event{Name: "GitHub merge_group", Kind: change.Proposal, Head: p.MergeGroup.HeadSHA, Base: p.MergeGroup.BaseSHA,
		Target: target, Branch: target}
	return p.Action == "checks_requested"
}

// runFacts: only runs of our own are told to us.
func runFacts(f *facts, p payload) bool {
	f.SHA, f.ExternalID, f.Button, f.By = p.CheckRun.HeadSHA, p.CheckRun.ExternalID, p.RequestedAction.Identifier, p.Sender.Login
	return p.Action == "rerequested" || p.Action == "requested_action" && buttons[f.Button] != ""
}

func suiteFacts(f *facts, p payload) bool {
	f.SHA = p.CheckSuite.HeadSHA
	return p.Action == "rerequested"
}

// commentFacts: what a comment says is read again when it is answered.
func commentFacts(f *facts, p payload) bool {
	f.Number, f.Comment = p.Issue.Number, p.Comment.ID
	return p.Action == "created" && p.Issue.Pull != nil && command.Asks(p.Comment.Body)
}

// repositoryEvent tells that a repository is called otherwise, is elsewhere, or is seen by
// others.
const repositoryEvent = "repository"

// repositoryFacts: what is so now is asked of GitHub, as with pull requests.
func repositoryFacts(_ *facts, p payload) bool {
	switch p.Action {
	case "created", "renamed", "transferred", "publicized", "privatized", "edited":
		return true
	}
	return false
}

// installationEvent tells that the App was installed, removed or suspended.
const installationEvent = "installation"

// installationFacts: how it stands now is asked of GitHub, which does not tell any more
// since when it was suspended once that is over.
func installationFacts(f *facts, p payload) bool {
	var at *github.Timestamp // a text, a number, or null
	if json.Unmarshal(p.Installation.Suspended, &at) == nil && at != nil {
		f.Since = at.Unix()
	}
	switch p.Action {
	case "deleted", "suspend", "unsuspend":
		return true
	}
	return false
}

// reachEvent tells that an installation reaches more repositories, or fewer.
const reachEvent = "installation_repositories"

// reachFacts: which ones it reaches now is asked of GitHub.
func reachFacts(_ *facts, p payload) bool { return p.Action == "added" || p.Action == "removed" }

// alertEvent tells of GitHub's own secret scanning.
const alertEvent = "secret_scanning_alert"

// alertFacts: what became of an alert is asked of GitHub, too.
func alertFacts(f *facts, p payload) bool {
	f.Alert = p.Alert.Number
	switch p.Action {
	case "created", "reopened", "resolved", "validated", "publicly_leaked":
		return f.Alert > 0
	}
	return false
}
