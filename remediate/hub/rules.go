package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-github/v89/github"
)

// Rulesets let the account of the token through the rulesets of the repository, for
// as long as one push takes. Only the list of who may bypass is changed, and put back;
// the rules stay on for everybody else. Rulesets of an organization are left alone.
// https://docs.github.com/rest/repos/rules
type Rulesets struct{ *Hub }

// actor is one that may bypass. What we do not know of it is kept as it is.
type actor = json.RawMessage

// ruleset is what of one is read. GitHub shows the actors only to who may change them.
type ruleset struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Source      string  `json:"source_type"`
	Enforcement string  `json:"enforcement"`
	Bypass      string  `json:"current_user_can_bypass"`
	Actors      []actor `json:"bypass_actors"`
}

// opening is what one ruleset was, and who is let through.
type opening struct {
	ID     int64   `json:"id"`
	Name   string  `json:"name"`
	Before []actor `json:"before"`
	Us     actor   `json:"us"`
}

// Look lists the rulesets that do not let us through, with their actors.
func (h Rulesets) Look(ctx context.Context) (json.RawMessage, error) {
	list, err := all(func(page github.ListOptions) ([]ruleset, *github.Response, error) {
		var part []ruleset
		res, err := h.call(ctx, http.MethodGet, fmt.Sprintf("rulesets?includes_parents=false&per_page=%d&page=%d", page.PerPage, max(1, page.Page)), nil, &part)
		return part, res, err
	})
	if err != nil {
		return nil, failed("read the rulesets", err)
	}
	var open []opening
	for _, item := range list {
		if item.Enforcement != "active" || item.Source != "" && item.Source != "Repository" {
			continue
		}
		s, err := h.read(ctx, item.ID)
		if err != nil {
			return nil, err
		}
		if s.Bypass == "always" || s.Bypass == "exempt" {
			continue // a standing bypass
		}
		if s.Actors == nil {
			return nil, fmt.Errorf("the token may not see who bypasses the ruleset %q, so it cannot open it: it takes administration", s.Name)
		}
		us, err := h.us(ctx)
		if err != nil {
			return nil, err
		}
		open = append(open, opening{ID: s.ID, Name: s.Name, Before: s.Actors, Us: us})
	}
	return json.Marshal(open)
}

// us is the token's account as an actor. A GitHub Enterprise Server may know no users as actors.
func (h Rulesets) us(ctx context.Context) (actor, error) {
	if h.app != 0 {
		return json.Marshal(map[string]any{"actor_type": "Integration", "actor_id": h.app, "bypass_mode": "always"})
	}
	me, _, err := h.client.Users.Get(ctx, "")
	if err != nil {
		return nil, failed("ask whose token it is (for that of an App, give its number)", err)
	}
	return json.Marshal(map[string]any{"actor_type": "User", "actor_id": me.GetID(), "bypass_mode": "always"})
}

// Turn adds us to the actors of each ruleset, or puts them back. What somebody else
// changed meanwhile stays; a ruleset that is gone needs nothing.
func (h Rulesets) Turn(ctx context.Context, before json.RawMessage, open bool) error {
	var list []opening
	if err := json.Unmarshal(before, &list); err != nil {
		return fmt.Errorf("the journal does not parse: %w", err)
	}
	var faults []error
	for _, o := range list {
		err := h.turn(ctx, o, open)
		if err != nil && open {
			return err
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (h Rulesets) turn(ctx context.Context, o opening, open bool) error {
	now, err := h.read(ctx, o.ID)
	if status(err) == http.StatusNotFound && !open {
		return nil
	}
	if err != nil {
		return err
	}
	if now.Actors == nil {
		return fmt.Errorf("the token may not see who bypasses the ruleset %q", o.Name)
	}
	want, err := o.want(now.Actors, open)
	if err != nil {
		return err
	}
	if same(want, now.Actors) {
		return nil
	}
	var after ruleset
	body := map[string][]actor{"bypass_actors": want} // what is not named stays as it is
	if _, err := h.call(ctx, http.MethodPut, fmt.Sprintf("rulesets/%d", o.ID), body, &after); err != nil {
		return failed(fmt.Sprintf("change who bypasses the ruleset %q", o.Name), err)
	}
	if after, err = h.read(ctx, o.ID); err != nil {
		return err
	}
	if !same(want, after.Actors) {
		return fmt.Errorf("the ruleset %q lets others through than it was told: look at it", o.Name)
	}
	return nil
}

// want is the list of actors: with us, or as it was. Others who came or went meanwhile
// are kept so.
func (o opening) want(now []actor, open bool) ([]actor, error) {
	opened, err := o.without(o.Before)
	if err != nil {
		return nil, err
	}
	opened = append(opened, o.Us)
	if open && same(now, o.Before) || !open && same(now, o.Before) {
		if open {
			return opened, nil
		}
		return o.Before, nil
	}
	if !open && same(now, opened) {
		return o.Before, nil
	}
	others, err := o.without(now)
	if err != nil {
		return nil, err
	}
	if open {
		return append(others, o.Us), nil
	}
	for _, a := range o.Before {
		if is, err := sameActor(a, o.Us); err != nil || is {
			others = append(others, a)
		}
	}
	return others, nil
}

// without leaves us out.
func (o opening) without(list []actor) ([]actor, error) {
	out := []actor{}
	for _, a := range list {
		is, err := sameActor(a, o.Us)
		if err != nil {
			return nil, err
		}
		if !is {
			out = append(out, a)
		}
	}
	return out, nil
}

func sameActor(a, b actor) (bool, error) {
	type who struct {
		Type string `json:"actor_type"`
		ID   int64  `json:"actor_id"`
	}
	var x, y who
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		return false, fmt.Errorf("who bypasses a ruleset does not parse: %w", err)
	}
	return x == y, nil
}

// same compares lists of actors as sets of what each says.
func same(a, b []actor) bool { return slices.Equal(canonical(a), canonical(b)) }

func canonical(list []actor) (out []string) {
	for _, a := range list {
		var any map[string]any
		text := []byte(a)
		if d := json.NewDecoder(bytes.NewReader(a)); d.Decode(&any) == nil {
			text, _ = json.Marshal(any) // what was decoded encodes
		}
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

func (h Rulesets) read(ctx context.Context, id int64) (s ruleset, err error) {
	_, err = h.call(ctx, http.MethodGet, fmt.Sprintf("rulesets/%d", id), nil, &s)
	return s, failed("read a ruleset", err)
}

// Closed opens nothing, and puts back what was opened before.
type Closed struct{ Rulesets }

// Look finds nothing to open.
func (Closed) Look(context.Context) (json.RawMessage, error) { return json.RawMessage("null"), nil }
