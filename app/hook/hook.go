// Package hook is the door that GitHub's deliveries come in by. It checks that a
// delivery is GitHub's, hands it to an inbox that keeps it, and only then says so. It
// reads no more of a payload than that.
package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/semaphore"

	"github.com/leakgate/leakgate/internal/secret"
)

// MaxBody is the largest payload that GitHub delivers, in bytes.
// https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
const MaxBody = 25 << 20

// How much of payloads is held in memory at once, in bytes: of the first MiB of each, which
// is all of nearly every payload, and of what is beyond. Who comes then waits.
const (
	maxSmall = MaxBody
	maxLarge = 3 * MaxBody
	small    = 1 << 20
	first    = 64 << 10
)

// deadline is for one delivery: GitHub hangs up after 10 s.
// https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
const deadline = 9 * time.Second

// Delivery is one that GitHub signed.
type Delivery struct {
	GUID  string // the same when GitHub delivers again
	Event string
	Body  []byte // JSON
}

// ErrMalformed is an inbox's word for a payload that is not as GitHub describes it.
var ErrMalformed = errors.New("the payload cannot be read")

// Inbox keeps deliveries. No error means that the delivery is kept, or was before: it may
// be called with the same one again, also at the same time. [ErrMalformed] means that it
// never can be; with any other error GitHub is told to come again.
type Inbox interface {
	Accept(context.Context, Delivery) error
}

// Handler answers GitHub: 202 when a delivery is kept, 401 when it is not signed by any
// of the secrets, 413 when it is too large, 400 when it makes no sense, and 503 when it
// could not be kept.
type Handler struct {
	Secrets []secret.Secret // any of them will do, so that one can replace another
	Inbox   Inbox
	Log     *slog.Logger
	Count   func(status int, took time.Duration) // nil: nobody counts
	Tracer  trace.Tracer                         // nil: nothing is traced

	small, large *semaphore.Weighted
}

// New makes a handler with at least one secret.
func New(h Handler) (*Handler, error) {
	if len(h.Secrets) == 0 {
		return nil, errors.New("without a webhook secret anybody could deliver")
	}
	for _, s := range h.Secrets {
		if s.Len() < minSecret {
			return nil, errors.New("a webhook secret is too short to keep anybody out: make one with `openssl rand -hex 32`")
		}
	}
	if h.Tracer == nil {
		h.Tracer = noop.NewTracerProvider().Tracer("")
	}
	h.small, h.large = semaphore.NewWeighted(maxSmall), semaphore.NewWeighted(maxLarge)
	return &h, nil
}

// minSecret is the shortest secret that is taken, in bytes.
const minSecret = 16

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	status, text := h.serve(ctx, w, r, begin)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // who left is told nothing
	if h.Count != nil {
		h.Count(status, time.Since(begin))
	}
}

func (h *Handler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, begin time.Time) (status int, text string) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "deliveries are posted"
	}
	if r.ContentLength > MaxBody {
		return http.StatusRequestEntityTooLarge, "the payload is larger than GitHub's are"
	}
	_ = http.NewResponseController(w).SetReadDeadline(begin.Add(deadline)) // or the server's own, which is longer
	body, free, err := h.read(ctx, http.MaxBytesReader(w, r.Body, MaxBody))
	defer free()
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, "the payload is larger than GitHub's are"
	}
	if errors.Is(err, errFull) {
		return http.StatusServiceUnavailable, "too many deliveries at once"
	}
	if err != nil {
		return http.StatusBadRequest, "the payload broke off"
	}
	if !h.signed(r.Header.Get("X-Hub-Signature-256"), body) {
		return http.StatusUnauthorized, "the signature is not made with the webhook secret of this App"
	}
	return h.accept(ctx, Delivery{GUID: r.Header.Get("X-GitHub-Delivery"), Event: r.Header.Get("X-GitHub-Event"), Body: body}, begin)
}

var errFull = errors.New("there is no room for more")

// read takes room for what arrives, as it does: who says that much comes and sends little
// holds nobody up. free is called when the payload is not needed any more.
func (h *Handler) read(ctx context.Context, from io.Reader) (body []byte, free func(), err error) {
	var ofSmall, ofLarge int64
	free = func() { h.small.Release(ofSmall); h.large.Release(ofLarge) }
	for {
		if len(body) == cap(body) {
			more := int64(max(first, cap(body)))
			room, held := h.small, &ofSmall
			if cap(body) >= small {
				room, held = h.large, &ofLarge
			}
			if room.Acquire(ctx, more) != nil {
				return nil, free, errFull
			}
			*held += more
			body = append(make([]byte, 0, ofSmall+ofLarge), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, free, nil
		}
		if err != nil {
			return nil, free, err
		}
	}
}

// guid and event are what GitHub writes into its headers.
var (
	guid  = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	event = regexp.MustCompile(`^[a-z_]{1,64}$`)
)

// Named reports whether a delivery is called as GitHub calls them.
func (d Delivery) Named() bool { return guid.MatchString(d.GUID) && event.MatchString(d.Event) }

func (h *Handler) accept(ctx context.Context, d Delivery, begin time.Time) (status int, text string) {
	if !d.Named() {
		return http.StatusBadRequest, "the headers are not those of a delivery"
	}
	// What a request says of a trace is nobody's that we know, so a new one begins.
	ctx, span := h.Tracer.Start(ctx, "hook", trace.WithNewRoot(), trace.WithTimestamp(begin), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("leakgate.delivery", d.GUID), attribute.String("leakgate.event", d.Event)))
	defer func() {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "not kept")
		}
		span.End()
	}()
	log := h.Log.With("delivery", d.GUID, "event", d.Event)
	switch err := h.Inbox.Accept(ctx, d); {
	case errors.Is(err, ErrMalformed):
		log.Warn("a delivery makes no sense", "error", err)
		return http.StatusBadRequest, "the payload is not as GitHub describes it"
	case err != nil:
		log.Error("a delivery could not be kept", "error", err)
		return http.StatusServiceUnavailable, "the delivery could not be kept, deliver it again"
	}
	log.Debug("a delivery is kept")
	return http.StatusAccepted, "accepted"
}

// signed reports whether a signature is that of any secret. All of them are tried, in
// constant time. https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
func (h *Handler) signed(signature string, body []byte) bool {
	text, is := strings.CutPrefix(signature, "sha256=")
	given, err := hex.DecodeString(text)
	if !is || err != nil {
		return false
	}
	good := false
	for _, s := range h.Secrets {
		mac := hmac.New(sha256.New, []byte(s.Reveal())) // our own secret, to check with
		mac.Write(body)
		good = hmac.Equal(mac.Sum(nil), given) || good
	}
	return good
}
