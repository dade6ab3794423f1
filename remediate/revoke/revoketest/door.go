package revoketest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// Door gives a client for which one handler answers as every host, over TLS. End
// it when done.
func Door(h http.Handler) (client *revoke.Client, end func(), err error) {
	authority, certificate, err := newAuthority()
	if err != nil {
		return nil, nil, err
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = silent
	server.TLS = &tls.Config{GetCertificate: certificate}
	server.StartTLS()
	client = &revoke.Client{Roots: authority, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	return client, func() {
		client.CloseIdleConnections()
		server.Close()
	}, nil
}
