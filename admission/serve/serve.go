// Package serve runs the webhook: certificates, policy, health, metrics and the
// two servers. What it answers is decided in admission.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/leakgate/leakgate/admission"
)

// ReviewPath is where an API server sends AdmissionReviews.
const ReviewPath = "/v1/review"

// Authority is what the servers need of certificates.
type Authority interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Status() CertificateStatus
	// Sync brings certificates up to date; it is called every minute.
	Sync(ctx context.Context) error
}

// Server is the whole webhook. Its fields are set before Run.
type Server struct {
	Address       string // of the webhook, "host:port"
	HealthAddress string // of health, readiness and metrics, in the clear
	Policy        *Policy
	Cluster       admission.Cluster
	Authority     Authority
	Recorder      *Recorder                        // of what was seen; nil records nothing
	Echo          func(admission.Review) string    // see admission.Handler
	Known         func(value string) (rule string) // see admission.Handler
	Log           *slog.Logger
	Now           func() time.Time
	// Listen serves calls at an address until the context ends and everything
	// in flight is answered.
	Listen func(ctx context.Context, host string, port int, path string, handler http.Handler, configure func(*tls.Config)) error
	// Drain is how long requests are served after the end was announced, until
	// every API server has seen that this replica is not ready.
	Drain time.Duration
	// PolicyEvery and SyncEvery are how often file and certificates are looked at.
	PolicyEvery, SyncEvery time.Duration

	draining atomic.Bool
	serving  atomic.Bool
	metrics  *metrics
}

// Run serves until the context ends and everything in flight is answered.
func (s *Server) Run(ctx context.Context) error {
	s.metrics = newMetrics(s.Authority.Status, s.Policy, func() bool { _, ready := s.report(); return ready })
	if err := s.Authority.Sync(ctx); err != nil {
		s.Log.Warn("no certificate yet", "err", err.Error())
	}
	host, port, err := splitAddress(s.Address)
	if err != nil {
		return err
	}
	handler := s.leaving(admission.NewHandler(admission.Handler{Policy: s.Policy.Holds, Cluster: s.Cluster, Known: s.Known, Echo: s.Echo, Now: s.Now, Log: s.Log, Observe: s.observe}))

	// The servers outlive the context by the time of draining.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, failed := errgroup.WithContext(serving)
	group.Go(func() error { return s.health(serving) })
	group.Go(func() error {
		s.serving.Store(true)
		defer s.serving.Store(false)
		return s.Listen(serving, host, port, ReviewPath, handler, s.tls)
	})
	group.Go(func() error { s.keep(failed); return nil })
	group.Go(func() error {
		defer stop()
		select {
		case <-failed.Done():
			return nil
		case <-ctx.Done():
		}
		s.draining.Store(true)
		s.Log.Info("draining", "for", s.Drain)
		sleep(failed, s.Drain)
		s.record(failed)
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func (s *Server) observe(r admission.Review, a admission.Answer, took time.Duration) {
	s.metrics.observe(r, a, took)
	if s.Recorder != nil {
		s.Recorder.Answered(r, a)
	}
}

// recordTime is how long a replica waits for what it has seen to be written down.
const recordTime = 3 * time.Second

func (s *Server) record(ctx context.Context) {
	if s.Recorder == nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, recordTime)
	defer stop()
	if err := s.Recorder.Record(ctx); err != nil {
		s.Log.Warn("promote counts less than was seen", "err", err.Error())
	}
}

// leaving sends callers away while this replica drains. An API server keeps one
// connection for long, and what keeps services' addresses does not move it: only
// a connection that is closed is opened anew, to a replica that is ready.
func (s *Server) leaving(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close") // over HTTP/2 the server says GOAWAY
		}
		handler.ServeHTTP(w, r)
	})
}

func (s *Server) tls(c *tls.Config) {
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = []string{"h2", "http/1.1"}
	c.GetCertificate = s.Authority.GetCertificate
}

// keep looks after policy and certificates until the context ends.
func (s *Server) keep(ctx context.Context) {
	go s.Policy.Watch(ctx, s.PolicyEvery, s.policyChanged)
	tick, record := time.NewTicker(s.SyncEvery), time.NewTimer(s.SyncEvery)
	defer tick.Stop()
	defer record.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-record.C:
			record.Reset(RecordEvery)
			s.record(ctx)
		case <-tick.C:
			if err := s.Authority.Sync(ctx); err != nil && ctx.Err() == nil {
				s.Log.Error("certificates", "err", err.Error())
			}
		}
	}
}

func (s *Server) policyChanged() {
	if since, broken := s.Policy.Broken(); broken != nil {
		s.metrics.reloads.WithLabelValues("broken").Inc()
		s.Log.Error("the policy is broken; the one before it holds", "since", since, "err", broken.Error())
		return
	}
	s.metrics.reloads.WithLabelValues("loaded").Inc()
	s.Log.Info("policy loaded")
}

// health serves /healthz, /readyz and /metrics until the context ends.
func (s *Server) health(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	listener, err := net.Listen("tcp", s.HealthAddress)
	if err != nil {
		return fmt.Errorf("listen for health: %w", err)
	}
	go func() {
		<-ctx.Done()
		// Nobody waits for an answer of these when the webhook is gone.
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	report, ready := s.report()
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, strings.Join(report, "\n"))
}

// report is the truth about this replica: what would make a call fail makes it
// not ready. A broken policy file does not, since the policy before it holds
// and a cluster without replicas refuses everything.
func (s *Server) report() (lines []string, ready bool) {
	ready = true
	say := func(name string, problem error, blocks bool) {
		switch {
		case problem == nil:
			lines = append(lines, name+": ok")
		case blocks:
			ready = false
			lines = append(lines, name+": "+problem.Error())
		default:
			lines = append(lines, name+": warning: "+problem.Error())
		}
	}
	if s.draining.Load() {
		say("server", errors.New("draining"), true)
	} else if !s.serving.Load() {
		say("server", errors.New("not started"), true)
	} else {
		say("server", nil, true)
	}
	status := s.Authority.Status()
	say("certificate", s.certificateProblem(status), true)
	if status.Present {
		say("webhook configuration", nil, false)
	} else {
		say("webhook configuration", errors.New("there is none, so nothing is checked"), false)
	}
	since, broken := s.Policy.Broken()
	if broken != nil {
		broken = fmt.Errorf("the one of %s holds, the file is broken: %s", since.UTC().Format(time.RFC3339), strings.ReplaceAll(broken.Error(), "\n", "; "))
	}
	say("policy", broken, false)
	return lines, ready
}

func (s *Server) certificateProblem(status CertificateStatus) error {
	switch {
	case status.Expires.IsZero() && status.Err != nil:
		return status.Err
	case status.Expires.IsZero():
		return errors.New("there is none yet")
	case !s.Now().Before(status.Expires):
		return errors.New("it has ended")
	case !status.Trusted && status.Err != nil:
		return status.Err
	case !status.Trusted:
		return errors.New("the webhook configuration does not trust it yet")
	}
	return nil
}

func splitAddress(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("the address %q: write host:port, as in :10250", address)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("the address %q has no port", address)
	}
	return host, port, nil
}

// sleep waits, or stops waiting when the context ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
