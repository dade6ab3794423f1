package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPatch:
			_, before = run(t.Context(), "audit", "export")
			_, _ = io.WriteString(w, `{}`)
			cancel()
		case strings.Contains(r.URL.Path, "/secrets/"):
			fmt.Fprintf(w, `{"data":{"tls.crt":%q}}`, base64.StdEncoding.EncodeToString(text))
		default:
			_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"1","generation":1},"spec":{"secretName":"web-tls"},"status":{"conditions":[]}}`)
		}
	}))
	defer api.Close()
	config := filepath.Join(dir, "kubeconfig")
	check(t, os.WriteFile(config, fmt.Appendf(nil, "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: %q}}]\nusers: [{name: a, user: {}}]\n", api.URL), 0o600))
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
