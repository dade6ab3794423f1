package stores

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// TestStoresDoAsTheirMakersDocument holds every store that is asked over the
// network to its transcript.
func TestStoresDoAsTheirMakersDocument(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scripts(t) {
		seen[s.kind] = true
		t.Run(s.kind, func(t *testing.T) {
			b := newBench(t, s)
			b.reads()
			b.strange()
			b.writes()
			b.ends()
			b.refuses()
			b.fails()
			b.hangs()
		})
	}
	for _, k := range Kinds() {
		if !seen[k.ID] && !isFile(k.ID) {
			t.Errorf("%s has no transcript", k.ID)
		}
	}
}

func isFile(kind string) bool { return kind == "sops" || kind == "sealed-secret" }

func (b *bench) reads() {
	b.t.Helper()
	for _, one := range []struct {
		flow             []string
		ask, id, holding string
	}{{b.Flow.Read, "", b.Before, "old"}, {b.Flow.After, "", b.After, "new"}, {b.Flow.Old, b.Before, b.Before, "old"}} {
		if one.flow == nil {
			continue
		}
		b.expect(one.flow)
		v, err := b.store.Read(b.t.Context(), one.ask)
		b.came(one.flow, err)
		if err != nil || v.ID != one.id || v.Values[b.place().Key].Reveal() != b.values[one.holding] {
			b.t.Errorf("%s: version %q, %v", named(one.flow), v.ID, err)
		}
	}
	if (b.Flow.Old != nil) != b.kind.History {
		b.t.Errorf("the kind says history %v, the transcript otherwise", b.kind.History)
	}
	for _, flow := range b.Flow.Gone {
		b.expect(flow)
		ask := ""
		if flow[0][:7] == "version" {
			ask = b.Before
		}
		_, err := b.store.Read(b.t.Context(), ask)
		b.came(flow, err)
		if !errors.Is(err, rotate.ErrGone) {
			b.t.Errorf("%s: %v", named(flow), err)
		}
	}
	for _, flow := range b.Flow.Unreadable {
		b.expect(flow)
		_, err := b.store.Read(b.t.Context(), "")
		b.came(flow, err)
		if err == nil {
			b.t.Errorf("%s: it was read", named(flow))
		}
	}
}

// strange has a version that is none asked of the store, which must ask nobody
// at another address.
func (b *bench) strange() {
	b.t.Helper()
	if !b.kind.History {
		return
	}
	for _, version := range []string{"..", "3:destroy", "3/../4", "3?x=y"} {
		b.fake.Expect(b.play)
		_, err := b.store.Read(b.t.Context(), version)
		asked := b.fake.Fault() // a request that nobody expected
		if inAddress := b.kind.ID == "vault" || b.kind.ID == "gcp-secret-manager" || version == ".." && b.kind.ID == "azure-key-vault"; err == nil || inAddress && asked != nil {
			b.t.Errorf("%q was read: %v, %v", version, err, asked)
		}
	}
}

func (b *bench) writes() {
	b.t.Helper()
	for _, flow := range append(b.Flow.Again, b.Flow.Write) {
		b.expect(flow)
		version, err := b.write(b.t.Context())
		b.came(flow, err)
		if err != nil || version != b.After {
			b.t.Errorf("%s: version %q, %v", named(flow), version, err)
		}
	}
	a, ok := b.store.(rotate.Annotator)
	if ok != (b.Flow.Annotate != nil) {
		b.t.Errorf("annotates: %v, the transcript says otherwise", ok)
	}
	if ok {
		b.expect(b.Flow.Annotate)
		err := a.Annotate(b.t.Context(), b.After, rotate.Note{Reason: "it leaked", Plan: b.values["plan"], At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		b.came(b.Flow.Annotate, err)
		if err != nil {
			b.t.Error(err)
		}
	}
}

func (b *bench) ends() {
	b.t.Helper()
	if (b.Flow.Destroy == nil) != (b.kind.Fate == rotate.Kept) || b.kind.Fate != rotate.Destroyed && b.kind.Kept == "" {
		b.t.Errorf("the kind says %s, the transcript otherwise", b.kind.Fate)
	}
	if b.Flow.Destroy == nil {
		if err := b.store.Destroy(b.t.Context(), b.Before); !errors.Is(err, rotate.ErrDenied) {
			b.t.Errorf("ends what it cannot end: %v", err)
		}
		return
	}
	for _, flow := range append(b.Flow.Destroyed, b.Flow.Destroy) {
		b.expect(flow)
		err := b.store.Destroy(b.t.Context(), b.Before)
		b.came(flow, err)
		if err != nil {
			b.t.Errorf("%s: %v", named(flow), err)
		}
	}
	for _, flow := range b.Flow.Stays {
		b.expect(flow)
		err := b.store.Destroy(b.t.Context(), b.Before)
		b.came(flow, err)
		if err == nil {
			b.t.Errorf("%s: it ended", named(flow))
		}
	}
}

func (b *bench) refuses() {
	b.t.Helper()
	for _, group := range []struct {
		flows [][]string
		want  error
	}{{b.Flow.Conflict, rotate.ErrConflict}, {b.Flow.Denied, rotate.ErrDenied}, {b.Flow.Unclear, nil}} {
		for _, flow := range group.flows {
			b.expect(flow)
			_, err := b.write(b.t.Context())
			b.came(flow, err)
			if group.want != nil && !errors.Is(err, group.want) || group.want == nil && !unclear(err) {
				b.t.Errorf("%s: %v", named(flow), err)
			}
		}
	}
	if len(b.Flow.Conflict) == 0 || len(b.Flow.Denied) == 0 {
		b.t.Error("a transcript tells of conflicts and of refusals")
	}
}

// unclear reports whether an error leaves open what was done.
func unclear(err error) bool {
	return err != nil && !errors.Is(err, rotate.ErrConflict) && !errors.Is(err, rotate.ErrDenied)
}

// fails has each call of each flow fail in each way in which whoever is asked
// fails. From the call on that has an effect nobody may say that nothing happened.
func (b *bench) fails() {
	b.t.Helper()
	b.behind()
	for name, serve := range revoketest.Failures() {
		for i := range b.Flow.Write {
			err := b.failing(name, b.Flow.Write, i, serve, func(ctx context.Context) error { _, err := b.write(ctx); return err })
			if err == nil || i >= b.effective(b.Flow.Write) && !unclear(err) {
				b.t.Errorf("write: %s at %q: %v", name, b.Flow.Write[i], err)
			}
		}
		for i := range b.Flow.Read {
			if err := b.failing(name, b.Flow.Read, i, serve, func(ctx context.Context) error { _, err := b.store.Read(ctx, ""); return err }); !unclear(err) || errors.Is(err, rotate.ErrGone) {
				b.t.Errorf("read: %s at %q: %v", name, b.Flow.Read[i], err)
			}
		}
		for i := range b.Flow.Destroy {
			if err := b.failing(name, b.Flow.Destroy, i, serve, func(ctx context.Context) error { return b.store.Destroy(ctx, b.Before) }); err == nil {
				b.t.Errorf("destroy: %s at %q: it ended", name, b.Flow.Destroy[i])
			}
		}
	}
	for _, host := range b.fake.Dialled() {
		if host == "elsewhere.example" {
			b.t.Error("followed a redirect")
		}
	}
}

// behind has each call behind one with an effect answered in every documented way: a
// refusal then says nothing of what was done before.
func (b *bench) behind() {
	b.t.Helper()
	for i := b.effective(b.Flow.Write) + 1; i < len(b.Flow.Write); i++ {
		name, _, _ := strings.Cut(b.Flow.Write[i], " ")
		for _, a := range b.call(name).Answers {
			flow := append(slices.Clone(b.Flow.Write[:i]), name+" "+a.Name)
			b.expect(flow)
			_, err := b.write(b.t.Context())
			b.came(flow, err)
			if err != nil && !unclear(err) {
				b.t.Errorf("%s: %v", named(flow), err)
			}
		}
	}
}

func (b *bench) failing(name string, flow []string, at int, serve http.HandlerFunc, do func(context.Context) error) error {
	b.t.Helper()
	queue := b.queue(b.t, flow[:at+1])
	queue[at].Serve = serve
	b.fake.Expect(b.play, queue...)
	err := do(b.t.Context())
	b.came(name, err)
	return err
}

// hangs has the store give up when whoever asked does.
func (b *bench) hangs() {
	b.t.Helper()
	for i := range b.Flow.Write {
		ctx, cancel := context.WithCancel(b.t.Context())
		queue := b.queue(b.t, b.Flow.Write[:i+1])
		queue[i].Serve = hangs(cancel)
		b.fake.Expect(b.play, queue...)
		_, err := b.write(ctx)
		cancel()
		b.came("hangs", err)
		if err == nil || i >= b.effective(b.Flow.Write) && !unclear(err) {
			b.t.Errorf("hangs at %q: %v", b.Flow.Write[i], err)
		}
	}
}
