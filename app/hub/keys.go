package hub

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// Keys are several private keys of one App, the newest first: while one replaces another,
// GitHub may know either. GitHub takes up to 25 at a time.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/managing-private-keys-for-github-apps
type Keys []Key

// Sign implements [Key] by the newest.
func (k Keys) Sign(ctx context.Context, digest []byte) ([]byte, error) { return k[0].Sign(ctx, digest) }

// ring signs by one of several keys: the first that GitHub did not refuse.
type ring struct {
	keys []Key
	log  *slog.Logger
	now  atomic.Int32 // the key in use
}

func ringOf(key Key, log *slog.Logger) *ring {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if several, is := key.(Keys); is {
		return &ring{keys: several, log: log}
	}
	return &ring{keys: []Key{key}, log: log}
}

// Sign implements [Key].
func (r *ring) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	return r.keys[r.now.Load()].Sign(ctx, digest)
}

// refused goes on to the next key after GitHub refused one, unless another request did so
// already. False means that there is no other.
func (r *ring) refused(key int32, tried int) bool {
	if tried >= len(r.keys) {
		return false
	}
	next := (key + 1) % int32(len(r.keys))
	if r.now.CompareAndSwap(key, next) {
		r.log.Warn("GitHub does not know one of the App's keys: another one is used", "refused", place(key), "used", place(next))
	}
	return true
}

func place(key int32) string { return fmt.Sprintf("key file %d", key+1) }

// rekey asks once more by another key when GitHub refused one.
type rekey struct {
	next http.RoundTripper
	ring *ring
}

func (r rekey) RoundTrip(req *http.Request) (*http.Response, error) {
	for tried := 1; ; tried++ {
		key := r.ring.now.Load()
		again, err := copyOf(req)
		if err != nil {
			return nil, err
		}
		resp, err := r.next.RoundTrip(again)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Body != nil && req.GetBody == nil || !r.ring.refused(key, tried) {
			return resp, err
		}
		resp.Body.Close()
	}
}

// copyOf is a request that may be sent beside the one it was made of.
func copyOf(req *http.Request) (*http.Request, error) {
	out := req.Clone(req.Context())
	if req.GetBody == nil {
		return out, nil
	}
	body, err := req.GetBody()
	out.Body = body
	return out, err
}
