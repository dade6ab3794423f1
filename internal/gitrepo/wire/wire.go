// Package wire speaks git's pack protocol with a repository at another place: it
// lists the refs, mirrors everything behind them, and moves refs in one atomic
// push in which every ref is leased: the id that it must still have is part of
// the command, so a ref that somebody moved meanwhile is never overwritten.
// See https://git-scm.com/docs/gitprotocol-pack.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-git/go-git/v6/plumbing/protocol/capability"
	"github.com/go-git/go-git/v6/plumbing/protocol/packp"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Services of a remote, see https://git-scm.com/docs/gitprotocol-pack.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// Remote is a repository at another place.
type Remote struct {
	// Address is where it is, without a user's password.
	Address string
	// Client sends the requests over https; http.DefaultClient when nil.
	// Redirects are not followed whatever it says.
	Client *http.Client
	// Authorize adds to a request what proves who asks; nil for nobody.
	Authorize func(*http.Request) error
	// SSH is the command that stands in for ssh, as GIT_SSH_COMMAND does for
	// git; "" for none.
	SSH string
	// Limits bound what the remote may send.
	Limits Limits
	// Wanted chooses the refs that a mirror has; nil: every one.
	Wanted func(ref string) bool
	// Wants are further objects that a mirror is to have, which no ref needs to name.
	Wants []gitrepo.ID

	reach func(ctx context.Context, service string) (line, error)
}

// line is a connection to one service: the list of refs comes first, then one
// request may be sent, and its answer read.
type line interface {
	advert() io.Reader
	ask(request []byte, pack io.ReadSeeker) (io.Reader, error)
	// Close ends it, whatever is still to come.
	io.Closer
}

// Ref is a name and what it points at.
type Ref struct {
	Name string
	ID   gitrepo.ID
}

// Advert is what a remote says of itself.
type Advert struct {
	// Refs in the order in which they were sent, without HEAD and peeled tags.
	Refs []Ref
	// Head is the ref that HEAD stands for; "" when it is not told.
	Head string
	// HashSize is the length of an id in bytes, 20 or 32.
	HashSize int
	// Atomic reports whether a push of several refs can be all or nothing.
	Atomic bool
	// Pack is the file of all its objects, once it is mirrored.
	Pack string

	caps  capability.List
	wants []gitrepo.ID
}

// Open understands the address of a remote: https, ssh (also as user@host:path),
// file, or a path. Plain http is for loopback only. It connects to nothing yet.
func Open(address string) (*Remote, error) {
	r := &Remote{Address: address}
	u, err := url.Parse(address)
	switch {
	case strings.HasPrefix(address, "-"):
		return nil, fmt.Errorf("%q is not the address of a repository", address)
	case err == nil && (u.Scheme == "https" || u.Scheme == "http"):
		return r, r.overHTTP(u)
	case err == nil && u.Scheme == "ssh":
		return r, r.overSSH(u.User.Username(), u.Hostname(), u.Port(), u.Path)
	case err == nil && u.Scheme == "file":
		return r, r.fromPath(u.Path)
	case strings.Contains(address, "://") && err != nil: // the error could quote a password
		return nil, fmt.Errorf("the address %q cannot be read: write what is special in a user's name or password as %%XX, or leave them out", withoutUser(address))
	case strings.Contains(address, "://") || strings.Contains(address, "::"):
		return nil, fmt.Errorf("the address %q is of a kind that is not supported; give https, ssh, file or a path", withoutUser(address))
	}
	if user, host, path, ok := scpLike(address); ok {
		return r, r.overSSH(user, host, "", path)
	}
	return r, r.fromPath(address)
}

// withoutUser cuts what may be a password out of an address, for messages.
func withoutUser(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	rest = rest[strings.LastIndex(rest, "@")+1:] // a password may have a slash
	if query := strings.IndexAny(rest, "?#"); query >= 0 {
		rest = rest[:query] // may hold a token
	}
	return scheme + "://" + rest
}

// scpLike splits user@host:path. See https://git-scm.com/docs/git-clone#_git_urls.
func scpLike(address string) (user, host, path string, ok bool) {
	before, path, found := strings.Cut(address, ":")
	if !found || strings.Contains(before, "/") || len(before) < 2 || path == "" {
		return "", "", "", false
	}
	user, host, named := strings.Cut(before, "@")
	if !named {
		user, host = "", before
	}
	return user, host, path, true
}

// Refs are those that can be read, hidden ones that the remote shows included
// (as refs/pull of GitHub).
func (r *Remote) Refs(ctx context.Context) (*Advert, error) {
	a, l, err := r.open(ctx, uploadPack)
	if err != nil {
		return nil, err
	}
	return a, l.Close()
}

// Writable are the refs as the side that accepts pushes shows them.
func (r *Remote) Writable(ctx context.Context) (*Advert, error) {
	a, l, err := r.open(ctx, receivePack)
	if err != nil {
		return nil, err
	}
	return a, l.Close()
}

func (r *Remote) open(ctx context.Context, service string) (*Advert, line, error) {
	ctx, w := r.Limits.watched(ctx)
	l, err := r.reach(ctx, service)
	if err != nil {
		w.stop(nil)
		return nil, nil, fmt.Errorf("%s: %w", r.Address, reason(ctx, err))
	}
	l = &watchedLine{l, ctx, w}
	a, err := readAdvert(atMost(l.advert(), r.Limits.advert(), "the list of refs"))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: read the refs: %w", r.Address, errors.Join(reason(ctx, err), l.Close()))
	}
	return a, l, nil
}

// reason is why a context ended, where it did.
func reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case err == nil || !errors.Is(cause, ErrSlow):
		return err
	case errors.Is(err, ErrUnclear):
		return fmt.Errorf("%w: %w", ErrUnclear, cause)
	}
	return cause
}

// watchedLine is a line that ends when nothing of use comes.
type watchedLine struct {
	line
	ctx context.Context //nolint:containedctx // of one exchange, which ends before the call that made it does
	w   *watch
}

func (l *watchedLine) advert() io.Reader { return l.w.count(l.line.advert()) }

// Close ends the exchange. Of one that was ended because it got nowhere the reason
// is said, and not what became of it then.
func (l *watchedLine) Close() error {
	err := reason(l.ctx, l.line.Close())
	l.w.stop(nil)
	return err
}

func readAdvert(from io.Reader) (*Advert, error) {
	var sent packp.AdvRefs
	if err := sent.Decode(from); err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs) {
		return nil, err
	}
	if len(sent.Shallows) > 0 {
		return nil, errors.New("the remote is a shallow repository: its history is not whole")
	}
	a := &Advert{HashSize: 20, Atomic: sent.Capabilities.Supports(capability.Atomic), caps: sent.Capabilities}
	if slices.Contains(sent.Capabilities.Get(capability.ObjectFormat), "sha256") {
		a.HashSize = 32
	}
	for _, symref := range sent.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(symref, "HEAD:"); ok && wellNamed(target) {
			a.Head = target
		}
	}
	for _, ref := range sent.References {
		name := ref.Name().String()
		if !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, "^{}") {
			continue
		}
		if !wellNamed(name) {
			return nil, fmt.Errorf("the remote has a ref that git gives no such name: %q", plain(name))
		}
		id, err := gitrepo.ParseID(ref.Hash().String())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		a.Refs = append(a.Refs, Ref{name, id})
	}
	return a, a.attached(&sent)
}

// attached refuses a HEAD that stands for a commit that no ref names: every clone
// fetches it, and no push can move it.
func (a *Advert) attached(sent *packp.AdvRefs) error {
	head, err := sent.Head()
	if err != nil {
		return nil // none is told
	}
	for _, ref := range a.Refs {
		if ref.ID.String() == head.Hash().String() {
			return nil
		}
	}
	return errors.New("the HEAD of the remote is detached, at a commit that no ref names and no push can move: have it set to a branch there (git symbolic-ref HEAD refs/heads/NAME)")
}

// wellNamed is what git lets a ref be called, as far as names go into files and
// lines here. See https://git-scm.com/docs/git-check-ref-format.
func wellNamed(name string) bool {
	odd := func(r rune) bool { return r < ' ' || r == 0x7f }
	return strings.HasPrefix(name, "refs/") && !strings.ContainsAny(name, " ~^:?*[\\") && !strings.ContainsFunc(name, odd) &&
		!strings.Contains(name, "..") && !strings.Contains(name, "//") && !strings.Contains(name, "/.") && !strings.HasSuffix(name, "/")
}
