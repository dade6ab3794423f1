package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/follow"
)

// A renewal that is cut off behind the change has it in the trail, before and behind.
func TestARenewalIsWrittenDownBeforeAndBehind(t *testing.T) {
	dir, text := t.TempDir(), []byte(testCertificate(t))
	leaked := filepath.Join(dir, "leaked.pem")
	check(t, os.WriteFile(leaked, text, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	env := map[string]string{keyVariable: strings.Repeat("0123456789abcdef", 4), "XDG_STATE_HOME": dir, "XDG_CONFIG_HOME": dir}
	run := func(ctx context.Context, args ...string) (int, string) {
		var out bytes.Buffer
		w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now, env: func(name string) string { return env[name] }}
		return w.run(ctx, args), out.String()
	}
	var before string // of the trail when the cluster was changed
	config := certManager(t, text, func() {
		_, before = run(t.Context(), "audit", "export")
		cancel()
	})
	code, said := run(ctx, "remediate", "renew", leaked, "--actor", "ann", "--namespace", "shop", "--certificate", "web", "--served", "127.0.0.1:9", "--execute", "--kubeconfig", config)
	if code != exitUndecided {
		t.Errorf("exit %d: %s", code, said)
	}
	if !strings.Contains(before, `"action":"renewing"`) || strings.Contains(before, `"action":"renewed"`) {
		t.Errorf("at the change the trail was %s", before)
	}
	if code, trail := run(t.Context(), "audit", "export"); code != exitClean || strings.Count(trail, `"subject":"certificate/shop/web"`) != 2 || !strings.Contains(trail, `"action":"renewed"`) {
		t.Errorf("exit %d: %s", code, trail)
	}
}

// certManager serves a Certificate that holds what leaked, tells when it is to be issued
// anew, and gives the file by which it is reached.
func certManager(t *testing.T, leaked []byte, told func()) (kubeconfig string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPatch:
			told()
			_, _ = io.WriteString(w, `{}`)
		case strings.Contains(r.URL.Path, "/secrets/"):
			fmt.Fprintf(w, `{"data":{"tls.crt":%q}}`, base64.StdEncoding.EncodeToString(leaked))
		default:
			_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"1","generation":1},"spec":{"secretName":"web-tls"},"status":{"conditions":[]}}`)
		}
	}))
	t.Cleanup(api.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	check(t, os.WriteFile(kubeconfig, fmt.Appendf(nil, "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: %q}}]\nusers: [{name: a, user: {}}]\n", api.URL), 0o600))
	return kubeconfig
}

// renewOne has a certificate issued anew, and does not wait for it.
func renewOne(t *testing.T, e *remediate.Engine, done *int) error {
	t.Helper()
	text := []byte(testCertificate(t))
	w := &world{stdout: &bytes.Buffer{}}
	o := renewal{kubeconfig: certManager(t, text, func() { *done++ }), execute: true, limit: time.Nanosecond}
	o.Namespace, o.Certificate, o.Served, o.Leaked = "shop", "web", []string{"127.0.0.1:9"}, follow.ParseCertificates(text)[0]
	err := w.proveRenewal(t.Context(), e, o)
	if code, ok := errors.AsType[outcome](err); ok && int(code) == exitBlocked { // the cluster only says that it will
		return nil
	}
	return err
}
