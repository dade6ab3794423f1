package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/store"
)

// TestOnlyWhatAnIssuerSaysMovesAnIncident has a real process ask an issuer that lives, is
// in every trouble, says that its token was revoked, and that it lives again.
func TestOnlyWhatAnIssuerSaysMovesAnIncident(t *testing.T) {
	t.Parallel()
	w := newActing(t, "private = [\"ISSUER\"]\n")
	sha := w.local.File("deploy.conf", "token = \""+w.gitLab.token+"\"\n")
	w.local.Git("rm", "-q", "deploy.conf")
	w.local.Commit("gone")
	s := w.serve(ghfake.Weather{}, "--verify", "--reverify-every", "200ms")
	w.local.Git("push", "-q", "origin", "main")
	alert := w.FindSecret(w.repo, "gitlab_personal_access_token", w.gitLab.token, "deploy.conf", sha, 1)
	w.answered(s, store.Live)
	w.eventually("GitHub's alert is known", func() bool {
		return s.Tx(t.Context(), func(tx *store.Tx) error { _, err := tx.Alert(t.Context(), w.repo.ID(), alert); return err }) == nil
	})
	in, _, _ := w.incident(s)
	page := w.browser("ada")
	w.shows(page("/incidents/"+in.ID), "Make it useless", "Its issuer was asked: live")
	if n := w.swept(); n != 1 {
		t.Errorf("code scanning is told of %d places in the history", n)
	}

	for _, mood := range []string{busy, broken, portal, mute, cut, away} {
		w.gitLab.be(mood)
		w.eventually("it is asked while it is "+mood, func() bool { return w.gitLab.counted(mood) > 0 })
		w.answered(s, store.Unknown)
		if in, _, _ := w.incident(s); in.State != store.Detected {
			t.Errorf("an issuer that is %s makes it %s", mood, in.State)
		}
	}
	w.gitLab.be(slow)
	w.eventually("it is asked while it is slow", func() bool { return w.gitLab.counted(slow) > 0 })
	if in, a, _ := w.incident(s); in.State != store.Detected || a != store.Unknown {
		t.Errorf("while an answer is waited for it is %s and %s", in.State, a)
	}
	if said := w.SecretAlert(w.repo, alert); said.State != "open" {
		t.Errorf("GitHub's alert is %+v, and nobody proved anything", said)
	}
	w.gitLab.be(well)
	w.answered(s, store.Live)

	w.gitLab.be(over)
	w.eventually("it is revoked", func() bool { in, a, _ := w.incident(s); return in.State == store.Revoked && a == store.Dead })
	w.eventually("GitHub's alert is resolved", func() bool { return w.SecretAlert(w.repo, alert).Resolution == "revoked" })
	w.shows(page("/incidents/"+in.ID), "Give those who need it a new one", "Its issuer was asked: dead")
	w.again()
	if n := w.swept(); n != 0 {
		t.Errorf("code scanning is told of %d places after it was revoked", n)
	}
	if n := w.Calls("secret-scanning/update-alert"); n != 1 {
		t.Errorf("GitHub was told %d times", n)
	}
	w.story(s, in.ID, "detected", "checked dead", "revoked")

	w.gitLab.be(well)
	w.eventually("it is open again", func() bool { in, a, _ := w.incident(s); return in.State == store.Detected && a == store.Live })
	w.secretive()
}

// answered waits until something was answered about the incident after now.
func (w *acting) answered(s *store.Store, want store.Answer) {
	w.t.Helper()
	begin := time.Now()
	w.eventually("its issuer is taken for "+string(want), func() bool { _, a, at := w.incident(s); return a == want && at.After(begin) })
}

// swept sweeps, and gives how many places code scanning was told of then in the history.
func (w *acting) swept() (places int) {
	w.t.Helper()
	before := len(w.Sarifs(w.repo))
	out, _ := w.servers[0].sweeping(w.t.Context(), argument(w.servers[0].args, "--data"), "")
	w.said.Write(out)
	w.eventually("code scanning is told of the head and of the history", func() bool { return len(w.Sarifs(w.repo)) >= before+2 })
	for _, s := range w.Sarifs(w.repo)[before:] {
		if strings.Contains(string(s.Log), "leakgate/history/") {
			places += strings.Count(string(s.Log), `"partialFingerprints"`)
		}
	}
	return places
}

func (w *acting) shows(page string, wanted ...string) {
	w.t.Helper()
	for _, text := range wanted {
		if !strings.Contains(page, text) {
			w.t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
}

// story holds events of an incident, in their order, against the trail, which is whole.
func (w *acting) story(s *store.Store, id string, wanted ...string) {
	w.t.Helper()
	if _, err := s.VerifyTrail(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	var all []string
	w.must(s.Trail(w.t.Context(), id, func(e store.Event) error {
		text := e.Action
		if text == "checked" && strings.Contains(string(e.Body), `"dead"`) {
			text += " dead"
		}
		all = append(all, text)
		if len(wanted) > 0 && text == wanted[0] {
			wanted = wanted[1:]
		}
		return nil
	}))
	if len(wanted) > 0 {
		w.t.Errorf("the trail has not %q: %q", wanted, all)
	}
}
