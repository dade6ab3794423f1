package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/leakgate/leakgate/internal/gate"
)

// Handler answers the calls of an API server. Its fields are set before the
// first call and not changed.
type Handler struct {
	Policy  func() gate.Kubernetes // the one that holds now
	Cluster Cluster
	// Known says by which rule a value is a known credential, or "". It looks at
	// every leaf of what is no Secret; nil looks at none.
	Known func(value string) (rule string)
	Now   func() time.Time
	Log   *slog.Logger
	// Echo is a warning that is added to the answer to a review, "" for none. It may
	// be nil.
	Echo func(Review) string
	// Observe is told of every answer, with how long it took. It may be nil.
	Observe func(Review, Answer, time.Duration)

	bodies  *bodies
	judging *semaphore.Weighted
}

// NewHandler is a handler with its limits set.
func NewHandler(h Handler) *Handler {
	h.bodies, h.judging = newBodies(), semaphore.NewWeighted(judgedAtOnce)
	return &h
}

// ServeHTTP answers one AdmissionReview. What is no review gets an HTTP error,
// which an API server takes for a failed call, never for a yes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, stop := h.deadline(r)
	defer stop()
	body, release, status, err := h.body(ctx, w, r)
	defer release()
	if err == nil {
		var q *request
		if q, err = decodeReview(body); err == nil {
			h.write(w, q.UID, h.answer(ctx, q))
			return
		}
		status = http.StatusBadRequest
	}
	h.Log.Warn("call refused", "status", status, "err", err.Error())
	http.Error(w, "leakgate "+ruleBadReview+": "+err.Error(), status)
}

// deadline leaves a tenth of the API server's patience for the way back. The
// server adds its timeout to the address.
func (h *Handler) deadline(r *http.Request) (context.Context, context.CancelFunc) {
	patience, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || patience <= 0 || patience > 30*time.Second {
		patience = 10 * time.Second
	}
	return context.WithTimeout(r.Context(), patience*9/10)
}

// body reads what was sent; release gives back the room that it takes.
func (h *Handler) body(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, release func(), status int, err error) {
	release = func() {}
	if r.Method != http.MethodPost {
		return nil, release, http.StatusMethodNotAllowed, errors.New("only POST is answered")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, release, http.StatusUnsupportedMediaType, errors.New("the content type has to be application/json")
	}
	if r.ContentLength > MaxBody {
		return nil, release, http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", MaxBody)
	}
	if body, release, err = h.bodies.read(ctx, w, r); err != nil {
		status, err = statusOf(err)
	}
	return body, release, status, err
}

// answer decides one request; a panic becomes an error, never a yes.
func (h *Handler) answer(ctx context.Context, q *request) (a Answer) {
	start := h.Now()
	r, err := readRequest(q)
	defer func() {
		if v := recover(); v != nil {
			// The value of a panic may hold part of an object: only its place is told.
			h.Log.Error("panic", "uid", r.UID, "at", panicPlace())
			a = (decider{review: r}).conclude([]finding{{rule: ruleBadReview, refused: true, reason: "an error of leakgate's own", fix: "report it", code: 500}})
		}
		h.told(r, a, h.Now().Sub(start))
	}()
	p := h.Policy()
	switch {
	case err != nil:
		f := refuse(ruleBadReview, err.Error(), "send the object as the API server does")
		f.code = http.StatusBadRequest
		return (decider{review: r, policy: p, now: start}).conclude([]finding{f})
	case !r.carriesObject():
		return (decider{review: r, policy: p, now: start}).conclude([]finding{allowed(ruleUnchanged)})
	}
	a = decider{review: r, policy: p, cluster: h.Cluster, now: start, known: h.Known, judging: h.judging}.decide(ctx)
	if h.Echo != nil {
		if echo := h.Echo(r); echo != "" {
			a.Warnings = append(a.Warnings, echo)
		}
	}
	return a
}

// panicPlace is the function that panicked.
func panicPlace() string {
	var callers [16]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(4, callers[:])])
	for {
		f, more := frames.Next()
		if f.Function != "" && f.Function != "runtime.gopanic" && f.Function != "runtime.panicmem" && f.Function != "runtime.sigpanic" && f.Function != "runtime.goPanicIndex" || !more {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
	}
}

// told logs and counts an answer.
func (h *Handler) told(r Review, a Answer, took time.Duration) {
	level := slog.LevelDebug
	if a.Refused || a.Rule == ruleBreakGlass || a.Rule == ruleException {
		level = slog.LevelInfo
	}
	h.Log.Log(context.Background(), level, "review", "uid", clip(r.UID, 64), "kind", clip(r.Kind.String(), 128), "namespace", clip(r.Namespace, 64),
		"name", clip(r.Name, 253), "user", clip(r.User.Name, 128), "operation", clip(r.Operation, 16), "rule", a.Rule, "decision", a.Word(), "mode", a.ModeWord(),
		"writer", a.Writer, "claim", a.Claim, "dry_run", r.DryRun, "took", took)
	if h.Observe != nil {
		h.Observe(r, a, took)
	}
}

// write sends the answer in the version that was asked in.
func (h *Handler) write(w http.ResponseWriter, uid types.UID, a Answer) {
	response := &admissionv1.AdmissionResponse{
		UID: uid, Allowed: a.Decision == gate.Allow || a.Decision == gate.Warn, Warnings: a.Warnings, AuditAnnotations: a.Audit,
	}
	if !response.Allowed {
		response.Result = &metav1.Status{Status: metav1.StatusFailure, Code: a.Code, Reason: reasons[a.Code], Message: a.Message}
	}
	w.Header().Set("Content-Type", "application/json")
	err := json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Response: response,
	})
	if err != nil {
		h.Log.Warn("answer not sent", "err", err.Error())
	}
}

var reasons = map[int32]metav1.StatusReason{
	400: metav1.StatusReasonBadRequest, 403: metav1.StatusReasonForbidden, 500: metav1.StatusReasonInternalError,
}
