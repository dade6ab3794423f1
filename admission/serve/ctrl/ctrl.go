// Package ctrl is the home of controller-runtime: its webhook server, its watcher
// of certificate files and its mapper of kinds to resources.
package ctrl

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
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

// bodyTime is how long a caller may take to send its body. An API server sends
// it at once.
const bodyTime = 10 * time.Second

// leaveTime is how long the end waits for what is still open. With the time of
// draining it stays below the 30 s after which a kubelet kills. net/http counts a
// connection over HTTP/2 as active as long as it is open, and tells to go away
// only those that it knows at the moment of the end: one whose handshake ends in
// that moment, and that nobody uses, would be waited for.
// https://go.dev/issue/39776
var leaveTime = 20 * time.Second

// Listen is controller-runtime's webhook server with one path. It returns when
// everything in flight is answered, and after leaveTime in any case.
func Listen(ctx context.Context, host string, port int, path string, handler http.Handler, configure func(*tls.Config)) error {
	server := webhook.NewServer(webhook.Options{Host: host, Port: port, TLSOpts: []func(*tls.Config){configure}})
	server.Register(path, outliving(handler))
	ended := make(chan error, 1)
	go func() { ended <- server.Start(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(leaveTime):
		return fmt.Errorf("somebody still held a connection %s after the end", leaveTime)
	}
}

// outliving decides what is in flight at the end as before: controller-runtime
// makes the context of every request from that of the server, so the end would
// cut off what is asked of the cluster, and a trusted writer would be refused.
func outliving(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
			http.Error(w, "the body cannot be waited for", http.StatusInternalServerError)
			return
		}
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
