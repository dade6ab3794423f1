package purge

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
)

// Who names a dead credential and takes out another value would hide one that works.
func TestAPlanReplacesWhatItNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other := "password = " + value
	for name, c := range map[string]struct {
		values, credentials []string
		override, words     string
	}{
		"a credential whose value is not given": {[]string{value}, []string{s.credential, s.id(other)}, "a reason", "no value of " + s.id(other)},
		"a value that nobody names":             {[]string{value, other}, []string{s.credential}, "", s.id(other) + " is replaced and not named"},
		"a value that nobody names, on purpose": {[]string{value, other}, []string{s.credential}, "a reason", ""},
	} {
		s.values = c.values
		_, err := s.Plan(t.Context(), c.credentials, c.override)
		if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// A search for something else finds nothing, and proves nothing.
func TestVerifySearchesForWhatWasReplaced(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied()
	s.values = []string{"something else"}
	if _, err := s.Verify(t.Context(), digest); err == nil || !strings.Contains(err.Error(), "replaces something else") {
		t.Errorf("the error is %v", err)
	}
	s.state(store.Revoked)
}

// That a bundle is gone says nothing of where the refs are.
func TestARefusedRewriteWhoseBundleIsGoneIsNotApplied(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.approve(digest)
	hook := s.remote + "/hooks/pre-receive"
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil { //nolint:gosec // a hook is run
		t.Fatal(err)
	}
	s.refusedWith(digest, "refused the push")
	if err := s.Destroy(t.Context(), digest, true); err != nil {
		t.Fatal(err)
	}
	s.refusedWith(digest, "refused the push")
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if err := s.Destroy(t.Context(), digest, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accept(digest); err != nil {
		t.Errorf("a rewrite cannot be verified once its bundle is gone: %v", err)
	}
}

// A proposal is a push, too.
func TestNothingIsProposedWhereNothingMayBeDone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	before := s.refs()
	for words, change := range map[string]func(*remediate.Policy){
		"not on the operator's list": func(p *remediate.Policy) { p.Owned = nil },
		"kill switch":                func(p *remediate.Policy) { p.KillSwitch = s.remote },
	} {
		policy := s.Policy
		change(&s.Policy)
		if _, err := s.Propose(t.Context(), digest); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("the error is %v, without %q", err, words)
		}
		s.Policy = policy
	}
	if s.refs() != before {
		t.Error("the remote changed")
	}
}

// Destroying while a push is under way would leave nobody a way back.
func TestOneStepAtATime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, digest := s.plan()
	s.approve(digest)
	release, err := s.Store.Exclusive(t.Context(), "rewrite")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	s.clock = s.clock.Add(time.Minute)
	if err := s.Destroy(t.Context(), digest, true); err == nil {
		t.Error("a bundle was destroyed while a step was under way")
	}
	if _, err := s.Verify(t.Context(), digest); err == nil || strings.Contains(err.Error(), "not applied") {
		t.Errorf("verify while a step is under way: %v", err)
	}
}

// The push of a run that was cut off may end while the next run is at it.
func TestAPushThatEndsLateCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	before := s.refs()
	m, digest := s.plan()
	s.approve(digest)
	s.crash = func(point string) {
		if point != pushing {
			return
		}
		mirrors, err := filepath.Glob(filepath.Join(s.Dir, "work-*", "mirror.git"))
		if err != nil || len(mirrors) != 1 {
			t.Errorf("mirrors: %v, %v", mirrors, err)
			return
		}
		for _, c := range m.Changes {
			git(t, mirrors[0], "push", "-q", "--force", s.remote, c.New+":"+c.Name)
		}
	}
	if moved, err := s.Apply(t.Context(), digest); err != nil || len(moved) != 3 {
		t.Fatalf("%v, %v", moved, err)
	}
	s.crash = nil
	if _, err := s.accept(digest); err != nil {
		t.Error(err)
	}
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil || s.refs() != before {
		t.Errorf("the way back: %v", err)
	}
}

// A run that is cut off right behind its word in the journal still has to move the incidents on.
func TestAVerifyThatWasCutOffIsTakenUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	digest := s.applied()
	s.crash = func(point string) {
		if point == verified {
			panic("cut off")
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.accept(digest)
		t.Error("the run was not cut off")
	}()
	s.crash = nil
	s.state(store.Revoked)
	if _, err := s.Verify(t.Context(), digest); err != nil { // what was accepted is known
		t.Fatal(err)
	}
	s.state(store.Purged)
}

// A name is no proof: who made a plan signs it, and who may not make one cannot.
func TestWhoMakesAPlanProvesIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.Policy.Requesters = []remediate.Approver{{Name: "requester", Keys: []string{string(ssh.MarshalAuthorizedKey(own.PublicKey()))}}}
	_, digest := s.plan()
	s.approve(digest)
	s.refusedWith(digest, "nobody proved to be requester")
	q := remediate.Request{Plan: digest, Requester: "requester"}
	if err := errors.Join(q.Sign(s.approver), s.Request(t.Context(), q)); err == nil {
		t.Error("another's key proves it")
	}
	if err := errors.Join(q.Sign(own), s.Request(t.Context(), q)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	s.Actor = "mallory"
	if _, err := s.Plan(t.Context(), nil, "a reason"); err == nil || !strings.Contains(err.Error(), "not on the list of requesters") {
		t.Errorf("planned: %v", err)
	}
}
