package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/vaultdb"
)

// What is in no plan and cannot be taken back: the rest of the law holds for it.
func TestNothingUnplannedIsDoneBeyondThePolicy(t *testing.T) {
	for name, do := range map[string]func(*testing.T, *remediate.Engine, *int) error{"vault-db": endOne, "renew": renewOne} {
		t.Run(name, func(t *testing.T) { refusesUnplanned(t, do) })
	}
}

func refusesUnplanned(t *testing.T, do func(*testing.T, *remediate.Engine, *int) error) {
	key, err := secret.ParseKey(strings.Repeat("5a", 32))
	check(t, err)
	_, public, err := sshKey()
	check(t, err)
	bob := remediate.Approver{Name: "bob", Keys: []string{public}}
	var dir string // of a case
	for name, c := range map[string]struct {
		prepare func(*testing.T, *remediate.Engine)
		want    string // "" when it is done
	}{
		"no more is asked": {func(*testing.T, *remediate.Engine) {}, ""},
		"approvals": {func(_ *testing.T, e *remediate.Engine) {
			e.Policy.Approvers, e.Policy.Approvals = []remediate.Approver{bob}, []remediate.Quorum{{Need: 1, Irreversible: true, Severity: []string{"critical"}}}
		}, "which only a plan can have"},
		"requesters": {func(_ *testing.T, e *remediate.Engine) { e.Policy.Requesters = []remediate.Approver{bob} }, "which only a plan can have"},
		"the kill switch": {func(t *testing.T, e *remediate.Engine) {
			e.Policy.KillSwitch = filepath.Join(t.TempDir(), "stop")
			check(t, os.WriteFile(e.Policy.KillSwitch, nil, 0o600))
		}, "kill switch"},
		"somebody applies": {func(t *testing.T, e *remediate.Engine) {
			release, err := e.Store.Exclusive(t.Context(), "apply")
			check(t, err)
			t.Cleanup(release)
		}, "somebody else is at it"},
		"the day's budget": {func(t *testing.T, e *remediate.Engine) {
			e.Policy.Daily = 1
			check(t, do(t, e, new(int)))
		}, "which is what daily allows"},
		"a forged trail": {func(t *testing.T, e *remediate.Engine) {
			check(t, e.Store.Tx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE audit_head SET mac = 'x'`)
				return err
			}))
		}, "broken audit trail"},
		"an older state": {func(t *testing.T, e *remediate.Engine) { // of a run that was killed: nobody closes its store
			before := filepath.Join(dir, "before")
			_, err := e.Store.DB().ExecContext(t.Context(), `VACUUM INTO ?`, before)
			check(t, err)
			check(t, do(t, e, new(int)))
			check(t, os.Chmod(before, 0o600))
			e.Store = openNoted(t, before, dir, key)
		}, "older than it was here"},
	} {
		t.Run(name, func(t *testing.T) {
			dir = t.TempDir()
			e := &remediate.Engine{Store: openNoted(t, filepath.Join(dir, "state", "leakgate.db"), dir, key), Key: key, Clock: remediate.WallClock{Time: time.Now}, Actor: "ann"}
			c.prepare(t, e)
			done := 0
			err = do(t, e, &done)
			if c.want == "" && (err != nil || done != 1) || c.want != "" && (done != 0 || err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("done %d times: %v", done, err)
			}
		})
	}
}

// openNoted opens a state whose head is noted in a folder.
func openNoted(t *testing.T, place, folder string, key secret.Key) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), place, store.Options{Key: key, Noted: filepath.Join(folder, "noted")})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// endOne has something ended that nobody proves.
func endOne(t *testing.T, e *remediate.Engine, done *int) error {
	t.Helper()
	w := &world{stdout: &bytes.Buffer{}}
	end := vaultdb.Ending{What: vaultdb.RotateRoot, Name: "app", Do: func(context.Context) error { *done++; return nil }, After: func(context.Context) error { return nil }}
	err := w.endByVault(t.Context(), e, vaultEnding{}, end, secret.Secret{})
	if code, ok := errors.AsType[outcome](err); ok && int(code) == exitUndecided {
		return nil
	}
	return err
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
