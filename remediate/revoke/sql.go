package revoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/remediate/dbrole"
)

// account is what the need is called that says who signs in, by what is spoken:
// who leaked for one kind of server is nobody to another.
var account = map[string]string{dbrole.PostgreSQL: "role", dbrole.MySQL: "user"}

// signIn is the check of a database password: a sign-in that the server accepts
// or refuses. Only the server that leaked with it and is on the operator's list is asked.
func (c *Client) signIn(ctx context.Context, p *Provider, v vars) Report {
	ctx, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	server, err := c.server(p, v)
	if err != nil {
		return Report{Why: err.Error()}
	}
	r, err := row(ctx, server, p, v)
	if err != nil {
		return Report{Why: p.hide(err.Error(), v)}
	}
	switch group, answer := which(r, p.Check.Live, p.Check.Dead); group {
	case 0:
		report := p.tell(r, v)
		report.Status, report.Why = Live, answer.Means
		return report
	case 1:
		if err := c.spoken(ctx, server, p.Check.Dead, r, v); err != nil {
			return Report{Why: p.hide(fmt.Sprintf("%s; but %s", answer.Means, err), v)}
		}
		return Report{Status: Dead, Why: answer.Means}
	}
	return Report{Why: p.hide(fmt.Sprintf("%s answered with code %s, which is no answer that is documented for this", p.ID, r.code), v)}
}

// row signs in and reads what the server tells of who did.
func row(ctx context.Context, server dbrole.Server, p *Provider, v vars) (*reply, error) {
	session, err := server.SignIn(ctx, v[account[p.Speaks]].Reveal(), v["secret"], v["database"].Reveal()) // to their own server
	if code := dbrole.Code(err); err != nil {
		if code == "" {
			return nil, err
		}
		return &reply{code: code, text: dbrole.Text(err)}, nil
	}
	defer session.Close()
	r := &reply{code: "0", header: http.Header{}}
	if len(p.Check.SQL) == 0 {
		return r, nil
	}
	told, err := session.Row(ctx, p.Check.SQL[0], nil)
	if err != nil {
		return nil, fmt.Errorf("signed in, and the server does not say as whom: %w", err)
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, err
	}
	r.text = string(text)
	return r, r.parse("json")
}

// spoken asks the administrator's side whether anything speaks against an answer.
func (c *Client) spoken(ctx context.Context, server dbrole.Server, answers []Answer, r *reply, v vars) error {
	for _, a := range answers {
		if a.Unless == "" || !a.fits(r) {
			continue
		}
		session, err := server.Administer(ctx)
		if err != nil {
			return fmt.Errorf("the administrator cannot look: %w", err)
		}
		defer session.Close()
		told, err := session.Row(ctx, a.Unless, v.texts())
		if err != nil {
			return fmt.Errorf("the administrator cannot look: %w", err)
		}
		for _, count := range told {
			if count != "0" {
				return fmt.Errorf("%s: %s", a.But, count)
			}
		}
	}
	return nil
}

// statements does a deed. A refusal of the first statement that changes something means
// that nothing was done; what breaks off behind it is unclear.
func (c *Client) statements(ctx context.Context, p *Provider, action *Action, v vars) Outcome {
	ctx, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	server, err := c.server(p, v)
	if err != nil {
		return Outcome{Result: Refused, Why: err.Error()}
	}
	if server.Is(v[account[p.Speaks]].Reveal()) {
		return Outcome{Result: Refused, Why: "the role is the administrator of the list itself: put another there, or nobody could undo it"}
	}
	session, err := server.Administer(ctx)
	if err != nil {
		return Outcome{Result: Refused, Why: p.hide("the administrator cannot sign in: "+err.Error(), v)}
	}
	defer session.Close()
	for i, statement := range action.SQL {
		err := session.Run(ctx, []string{statement}, v.texts())
		code := dbrole.Code(err)
		switch {
		case err == nil:
			continue
		case code == "":
			return Outcome{Why: p.hide(err.Error(), v)}
		case slices.ContainsFunc(action.SQL[:i], changes):
			return Outcome{Why: p.hide(fmt.Sprintf("statement %d of %d: code %s: %s", i+1, len(action.SQL), code, dbrole.Text(err)), v)}
		}
		if o := p.judge(action, &reply{code: code, text: dbrole.Text(err)}); o.Result != Unclear {
			return o
		}
		return Outcome{Why: p.hide(fmt.Sprintf("code %s: %s", code, dbrole.Text(err)), v)}
	}
	return p.judge(action, &reply{code: "0"})
}

// changes reports whether a statement does more than to ask for a right.
func changes(statement string) bool { return statement != dbrole.Sees }

// server is the one of the operator's list that leaked.
func (c *Client) server(p *Provider, v vars) (dbrole.Server, error) {
	for _, name := range []string{account[p.Speaks], "host", "admin"} {
		if v[name].IsZero() {
			return dbrole.Server{}, fmt.Errorf("%s is needed: %s", name, p.Need(name).Help)
		}
	}
	dial := c.Dial
	if dial == nil {
		dial = c.dialListed
	}
	return dbrole.Choose(v["admin"], p.Speaks, v["host"].Reveal(), dial) // a host is no secret
}

// texts are the values as statements take them: no value of a credential.
func (v vars) texts() map[string]string {
	texts := map[string]string{}
	for name, value := range v {
		if name != "secret" && name != "admin" {
			texts[name] = value.Reveal() // names of roles and hosts
		}
	}
	return texts
}

// validateSQL holds a step of a database to the one server and to names that are
// no secrets: statements are logged.
func (p *Provider) validateSQL(s step) error {
	if p.Speaks != dbrole.PostgreSQL && p.Speaks != dbrole.MySQL {
		return fmt.Errorf("speaks is %s or %s, not %q", dbrole.PostgreSQL, dbrole.MySQL, p.Speaks)
	}
	method, who := "SQL", "admin"
	if s.name == "check" {
		method, who = "SIGN IN", account[p.Speaks]
	}
	r := s.request
	if want := p.Speaks + "://{{" + who + "}}@{{host}}"; r.Method != method || r.URL != want {
		return fmt.Errorf("method is %q and url %q", method, want)
	}
	if r.Headers != nil || r.Basic != nil || r.Form != nil || r.JSON != nil || r.Sign != nil || s.name != "check" && len(r.SQL) == 0 {
		return errors.New("a database is told statements, and nothing else")
	}
	for _, a := range s.answers {
		if len(a.Code) == 0 || len(a.Status) > 0 || a.Means == "" || (a.Unless == "") != (a.But == "") {
			return errors.New("an answer of a database has a code and what it means, and unless goes with but")
		}
		r.SQL = append(slices.Clone(r.SQL), a.Unless)
	}
	known := slices.Concat([]string{account[p.Speaks], "host", "database"}, s.names)
	for _, statement := range r.SQL {
		if err := checkTemplate(strings.ReplaceAll(statement, "|name}}", "}}"), known); err != nil {
			return err
		}
	}
	for _, name := range []string{account[p.Speaks], "host", "admin"} {
		if p.Need(name) == nil {
			return fmt.Errorf("the need %s is missing", name)
		}
	}
	return nil
}
