// Package ctrl is the home of controller-runtime: its webhook server, its watcher
// of certificate files and its mapper of kinds to resources.
package ctrl

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// SetLogger sends what controller-runtime logs to ours.
func SetLogger(log *slog.Logger) {
	ctrllog.SetLogger(logr.FromSlogHandler(log.With("component", "controller-runtime").Handler()))
}

// leaveTime is how long the end waits for what is still open. With the time of
// draining it stays below the 30 s after which a kubelet kills. net/http counts a
// connection over HTTP/2 as active as long as it is open, and tells to go away
// only those that it knows at the moment of the end: one whose handshake ends in
// that moment, and that nobody uses, would be waited for.
// https://go.dev/issue/39776
var leaveTime = 20 * time.Second

// Bounds on callers, of whom API servers are few. What one sends that is not read yet
// is held by net/http: of a connection as much as it takes, so that hardly a stream
// waits because another is not read. A stream may send 64 KiB before it is told
// otherwise, and a client of Go opens 100.
const (
	streams    = 100
	unread     = 64 << 10 // bytes of a stream
	unreadAll  = 4<<20 - 1
	headerTime = 5 * time.Second
	headerSize = 64 << 10
	idleTime   = 90 * time.Second
)

// Listen serves the mux of controller-runtime's webhook server, with one path. It
// listens itself, as that server has no bounds on connections and what they send. It
// returns when everything in flight is answered, and after leaveTime in any case.
func Listen(ctx context.Context, host string, port int, path string, handler http.Handler, configure func(*tls.Config)) error {
	hooks := webhook.NewServer(webhook.Options{Host: host, Port: port})
	hooks.Register(path, outliving(handler))
	config := &tls.Config{}
	configure(config)
	server := &http.Server{
		Handler: hooks.WebhookMux(), TLSConfig: config, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(logr.ToSlogHandler(ctrllog.Log), slog.LevelDebug), // a handshake that fails is the caller's
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: streams, MaxReceiveBufferPerStream: unread, MaxReceiveBufferPerConnection: unreadAll},
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(bounded(listener), "", "") }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	leaving, stop := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer stop()
	if err := server.Shutdown(leaving); err != nil {
		_ = server.Close() // that it was in use is told
		return fmt.Errorf("somebody still held a connection %s after the end", leaveTime)
	}
	return nil
}

// outliving decides what is in flight as before when its caller or the server goes:
// the answer is counted, and a decision that is cut off would be a refusal.
func outliving(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	})
}

// Mapper asks the API server which resource a kind is, one group at a time, and
// keeps the answers.
func Mapper(config *rest.Config) (meta.RESTMapper, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return apiutil.NewDynamicRESTMapper(config, client)
}
