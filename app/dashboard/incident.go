package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/store"
)

// incidentPage is what the page of one incident shows.
type incidentPage struct {
	store.Seen
	Stands  []place
	Life    []stage
	Story   []told
	Plans   []plan
	Next    next
	Checked string // live, dead or unknown; "" where nobody asked
	At      time.Time
	Now     time.Time
}

// Authors reports whether any place tells who wrote it.
func (p incidentPage) Authors() bool {
	return slices.ContainsFunc(p.Stands, func(at place) bool { return at.Author != "" })
}

// place is one at which the credential stands.
type place struct {
	Repository, Link string
	Account          int64 // that owns it
	Private          bool
	Path             string
	Line             int
	Commit, Author   string
	Date             time.Time
	AtHead           bool
	Decoded          []string
	Seen             time.Time
}

// stage is one in the life of an incident.
type stage struct {
	Name, Says    string
	Past, Current bool
}

// told is an event of the audit trail, in words.
type told struct {
	At         time.Time
	Kind       string // of the dot beside it
	What, More string
	By         string
}

func (s *server) incident(w http.ResponseWriter, r *http.Request, v viewer) error {
	ctx, id := r.Context(), r.PathValue("id")
	if local(r.URL.Path) != r.URL.Path { // no incident is called like that
		return store.ErrNotFound
	}
	p := incidentPage{Now: s.Now()}
	var places []store.StoredSighting
	var events []store.Event
	var plans []store.PlanSeen
	err := s.Store.View(ctx, func(t *store.Tx) (err error) {
		if p.Seen, places, err = t.SeenBy(ctx, v.access.reader(), id); err != nil {
			return err
		}
		if events, err = t.Story(ctx, v.access.reader(), p.Incident); err != nil {
			return err
		}
		plans, err = t.PlansFor(ctx, p.Credential.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, at := range places {
		p.Stands = append(p.Stands, s.place(at, v.access))
	}
	for _, e := range events {
		p.tell(e, v.access)
	}
	slices.Reverse(p.Story) // the newest first
	for _, known := range plans {
		p.Plans = append(p.Plans, readPlan(known, p.Credential.ID, s.Now()))
	}
	p.Life, p.Next = life(p.State), s.next(p)
	text, err := s.show("incident", p.Credential.Rule+" "+p.ID, "/incidents/"+p.ID, v, p)
	if err == nil {
		write(w, http.StatusOK, text)
	}
	return err
}

// place reads what was recorded of one. What does not parse has a repository and nothing else.
func (s *server) place(at store.StoredSighting, a access) place {
	var body store.Place
	_ = json.Unmarshal(at.Body, &body) // the fields that do parse are there
	var id int64
	_, _ = fmt.Sscan(at.Repository, &id) // the store gave it to this reader as a number
	r, _ := a.repository(id)
	date, _ := time.Parse(time.RFC3339, body.Date) // zero where it is not known
	p := place{Repository: r.Name, Account: r.Account, Private: r.Private, Path: body.Path, Line: body.Line, Commit: body.Commit, Author: body.Author, Date: date,
		AtHead: body.AtHead, Decoded: body.Decoded, Seen: at.Recorded}
	p.Link = s.link(p)
	return p
}

// link is a place at GitHub: the address comes from the configured server, each part of it
// is escaped, and what is no commit has none.
func (s *server) link(p place) string {
	if len(p.Commit) != 40 && len(p.Commit) != 64 || strings.Trim(p.Commit, "0123456789abcdef") != "" || p.Repository == "" {
		return ""
	}
	if p.Path == "" {
		return s.users.Server.Web + p.Repository + "/commit/" + p.Commit
	}
	parts := strings.Split(p.Path, "/")
	for i := range parts {
		if parts[i] == "." || parts[i] == ".." { // a browser would go there
			return s.users.Server.Web + p.Repository + "/commit/" + p.Commit
		}
		parts[i] = url.PathEscape(parts[i])
	}
	link := s.users.Server.Web + p.Repository + "/blob/" + p.Commit + "/" + strings.Join(parts, "/")
	if p.Line > 0 {
		link += fmt.Sprintf("?plain=1#L%d", p.Line)
	}
	return link
}

// life is the way of an incident, with where it is.
func life(at store.State) []stage {
	if at == store.Dismissed {
		return []stage{{Name: "Detected", Past: true}, {Name: "Dismissed", Says: states[6].Says, Current: true}}
	}
	var out []stage
	here := slices.IndexFunc(states, func(s struct {
		State      store.State
		Name, Says string
	}) bool {
		return s.State == at
	})
	for i, s := range states[:6] {
		out = append(out, stage{s.Name, s.Says, i < here, i == here})
	}
	return out
}

// tell says what an event of the trail means, and keeps what was checked last. Of its body
// only what is known is shown.
func (p *incidentPage) tell(e store.Event, a access) {
	var body struct {
		Repository  string    `json:"repository"`
		Fingerprint string    `json:"fingerprint"`
		Why         string    `json:"why"`
		Owner       string    `json:"owner"`
		Expires     time.Time `json:"expires"`
		Status      string    `json:"status"`
		Exposure    string    `json:"exposure"`
		Back        bool      `json:"back"`
	}
	_ = json.Unmarshal(e.Body, &body) // a body of another form says nothing more
	t := told{At: e.At, Kind: e.Action, By: e.Actor, More: body.Why}
	switch e.Action {
	case "detected", "seen":
		if body.Fingerprint == "" { // a way back
			t.What = "Open again"
			break
		}
		var id int64
		_, _ = fmt.Sscan(body.Repository, &id) // the store gave it to this reader as a number
		t.What = "Found in " + a.name(id)
		if e.Action == "seen" {
			t.What = "Found at another place, in " + a.name(id)
		}
	case "checked":
		t.What = "Its issuer was asked: " + status(body.Status)
		t.Kind += "-" + status(body.Status)
		p.Checked, p.At = status(body.Status), e.At
	case "not checked":
		t.What = "Nobody could be asked whether it works"
	case "exposure":
		t.What = "Who could read it: " + body.Exposure
	case "moved":
		t.What = "Its repository went to another account"
	case "returned":
		t.What = "Its repository came back"
	case "unreached":
		t.What = "Its repository is not reached any more"
	case string(store.Dismissed):
		t.What, t.More = "Dismissed", fmt.Sprintf("%s (answered for by %s until %s)", body.Why, body.Owner, body.Expires.UTC().Format("2 January 2006"))
	default:
		t.What = stateName(store.State(e.Action))
		if t.What == e.Action {
			t.What = strings.ToUpper(e.Action[:min(1, len(e.Action))]) + e.Action[min(1, len(e.Action)):]
		}
		if body.Back {
			t.More = "Back from a later state. " + t.More
		}
	}
	if strings.Trim(t.Kind, "abcdefghijklmnopqrstuvwxyz-") != "" { // no class of ours
		t.Kind = ""
	}
	p.Story = append(p.Story, t)
}

// status is what an issuer said.
func status(text string) string {
	if text == "live" || text == "dead" {
		return text
	}
	return "unknown"
}
