// Package ctrl is the home of controller-runtime: its webhook server, its watcher
// of certificate files and its mapper of kinds to resources.
package ctrl

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"

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

// Listen is controller-runtime's webhook server with one path.
func Listen(ctx context.Context, host string, port int, path string, handler http.Handler, configure func(*tls.Config)) error {
	server := webhook.NewServer(webhook.Options{Host: host, Port: port, TLSOpts: []func(*tls.Config){configure}})
	server.Register(path, handler)
	return server.Start(ctx)
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
