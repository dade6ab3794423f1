package wire

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the checksum of git's pack format
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v6/plumbing"
	"github.com/go-git/go-git/v6/plumbing/protocol/capability"
	"github.com/go-git/go-git/v6/plumbing/protocol/packp"
	"github.com/go-git/go-git/v6/plumbing/protocol/packp/sideband"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

var (
	// ErrDenied says that who asks may not do so.
	ErrDenied = errors.New("the remote refuses access")
	// ErrNotAtomic says that a remote cannot move all refs or none.
	ErrNotAtomic = errors.New("the remote does not offer atomic pushes: some refs could move and others not")
	// ErrMoved says that a ref is no longer where it was leased.
	ErrMoved = errors.New("the remote has moved meanwhile")
	// ErrRefused says that the remote took nothing.
	ErrRefused = errors.New("the remote refused the push, and nothing has changed there")
	// ErrUnclear says that the connection was lost after the push had begun:
	// look at the refs before anything else.
	ErrUnclear = errors.New("it is not known whether the remote took the push")
)

// Update moves one ref from where it must be (the zero ID: it must not exist)
// to New (the zero ID: it is deleted).
type Update struct {
	Name     string
	Old, New gitrepo.ID
}

// Push moves all the refs or none. The pack holds the objects that the remote
// lacks; nil sends none. Its errors are ErrDenied, ErrNotAtomic, ErrMoved,
// ErrRefused and ErrUnclear; after any other one nothing was sent.
func (r *Remote) Push(ctx context.Context, updates []Update, pack io.ReadSeeker) error {
	if len(updates) == 0 {
		return nil
	}
	a, l, err := r.open(ctx, receivePack)
	if err != nil {
		return err
	}
	err = a.allows(updates)
	if err == nil {
		err = a.push(l, updates, pack)
	}
	if errors.Is(err, ErrRefused) || err == nil { // what the server's process says then adds nothing
		_ = l.Close()
		return err
	}
	return a.close(l, err)
}

// allows checks what the remote offers and where its refs are now. The server
// checks every lease again, under its lock.
func (a *Advert) allows(updates []Update) error {
	for _, need := range []string{capability.Atomic, capability.ReportStatus} {
		if !a.caps.Supports(need) {
			return ErrNotAtomic
		}
	}
	now := map[string]gitrepo.ID{}
	for _, ref := range a.Refs {
		now[ref.Name] = ref.ID
	}
	var moved []string
	for _, u := range updates {
		if size := max(len(u.Old.Bytes()), len(u.New.Bytes())); size != a.HashSize {
			return fmt.Errorf("%s: the ids have %d bytes, the remote's %d", u.Name, size, a.HashSize)
		}
		if u.New.IsZero() && !a.caps.Supports(capability.DeleteRefs) {
			return fmt.Errorf("the remote does not let %s be deleted", u.Name)
		}
		if id := now[u.Name]; id != u.Old && !(id.IsZero() && u.Old.IsZero()) {
			moved = append(moved, u.Name)
		}
	}
	if len(moved) > 0 {
		return fmt.Errorf("%w: %s", ErrMoved, few(moved))
	}
	return nil
}

func few(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

func (a *Advert) push(l line, updates []Update, pack io.ReadSeeker) error {
	request, needsPack, err := a.request(updates)
	if err != nil {
		return err
	}
	switch {
	case !needsPack:
		pack = nil
	case pack == nil:
		pack = strings.NewReader(noObjects(a.HashSize))
	}
	var head bytes.Buffer
	if err := request.Encode(&head); err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	w, watched := l.(*watchedLine)
	if watched && pack != nil {
		pack = struct {
			io.Reader
			io.Seeker
		}{w.w.count(pack), pack}
	}
	answer, err := l.ask(head.Bytes(), pack)
	if errors.Is(err, ErrDenied) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnclear, err)
	}
	answer = atMost(answer, maxReport, "the answer")
	if watched { // hooks take their time: any word will do
		answer = &patient{answer, w.w}
	}
	if request.Capabilities.Supports(capability.Sideband64k) {
		answer = sideband.NewDemuxer(sideband.Sideband64k, answer)
	}
	var report packp.ReportStatus
	if err := report.Decode(answer); err != nil {
		return fmt.Errorf("%w: %s", ErrUnclear, plain(err.Error()))
	}
	return outcome(&report, updates)
}

// patient takes any word for one of use.
type patient struct {
	from io.Reader
	w    *watch
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	if n > 0 {
		p.w.got.Store(1 << 62) // and what is counted besides does not overflow it
	}
	return n, err
}

func (a *Advert) request(updates []Update) (request *packp.UpdateRequests, needsPack bool, err error) {
	request = &packp.UpdateRequests{}
	for _, c := range []string{capability.ReportStatus, capability.Atomic, capability.Sideband64k, capability.Quiet} {
		if a.caps.Supports(c) {
			request.Capabilities.Set(c)
		}
	}
	if a.caps.Supports(capability.ObjectFormat) {
		request.Capabilities.Set(capability.ObjectFormat, a.caps.Get(capability.ObjectFormat)...)
	}
	for _, u := range updates {
		needsPack = needsPack || !u.New.IsZero()
		from, okFrom := plumbing.FromHex(a.hex(u.Old))
		to, okTo := plumbing.FromHex(a.hex(u.New))
		if !okFrom || !okTo || strings.ContainsAny(u.Name, " \x00\n") {
			return nil, false, fmt.Errorf("%q is not the name of a ref", u.Name)
		}
		request.Commands = append(request.Commands, &packp.Command{Name: plumbing.ReferenceName(u.Name), Old: from, New: to})
	}
	return request, needsPack, nil
}

func (a *Advert) hex(id gitrepo.ID) string {
	if id.IsZero() {
		return strings.Repeat("0", 2*a.HashSize)
	}
	return id.String()
}

// noObjects is a pack of nothing, for refs that move to what the remote has.
func noObjects(hashSize int) string {
	const header = "PACK\x00\x00\x00\x02\x00\x00\x00\x00"
	if hashSize == 32 {
		sum := sha256.Sum256([]byte(header))
		return header + string(sum[:])
	}
	sum := sha1.Sum([]byte(header)) //nolint:gosec // as above
	return header + string(sum[:])
}

// outcome takes every word of the report into account: a remote that says
// nothing of a ref has not said that it moved.
func outcome(report *packp.ReportStatus, asked []Update) error {
	var refused []string
	taken := map[string]bool{}
	for _, s := range report.CommandStatuses {
		if s.Status != "ok" {
			refused = append(refused, fmt.Sprintf("%s (%s)", plain(s.ReferenceName.String()), plain(s.Status)))
			continue
		}
		taken[s.ReferenceName.String()] = true
	}
	told := 0
	for _, u := range asked {
		if taken[u.Name] {
			told++
		}
	}
	switch {
	case report.UnpackStatus != "ok":
		return fmt.Errorf("%w: it could not read the objects: %s", ErrRefused, plain(report.UnpackStatus))
	case len(refused) == len(report.CommandStatuses) && len(refused) > 0:
		return fmt.Errorf("%w: %s", ErrRefused, few(refused))
	case len(refused) > 0 || told != len(asked):
		return fmt.Errorf("%w: it says of %d of %d refs that they moved, and refuses %d: %s", ErrUnclear, told, len(asked), len(refused), few(refused))
	}
	return nil
}

// plain is what a server says as one short line without control characters.
func plain(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd {
			return ' '
		}
		return r
	}, text)), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
