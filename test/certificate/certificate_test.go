// Package certificate sees a certificate dead whose key leaked: revoked at the real
// Vault that issued it, issued anew by the real cert-manager, and no longer served.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

const (
	shop         = "/api/v1/namespaces/shop/secrets"
	certificates = "/apis/cert-manager.io/v1/namespaces/shop/certificates"
)

// world is a cluster with cert-manager, a Vault that issues, a server, and a repository
// into which the server's key leaked.
type world struct {
	context.Context
	*kube.Cluster
	vault   *controllers.Vault
	door    *httptest.Server // of Vault, with TLS
	server  net.Listener
	program string
	folder  string
	ca      *x509.Certificate
}

func TestCertificate(t *testing.T) {
	ctx, cluster := kube.Test(t, kube.Options{})
	w := &world{Context: ctx, Cluster: cluster, folder: t.TempDir()}
	w.issue(t)
	w.serve(t)
	leaked, bystander := w.leak(t), w.held(t, "other-tls")

	out, code := w.run(t, w.renewal(leaked)...)
	if code != 1 || !strings.Contains(out, "it holds the leaked certificate") {
		t.Fatalf("before all, %d: %s", code, out)
	}
	digest := w.plan(t)
	if status := w.status(t, leaked); status != ocsp.Good {
		t.Fatalf("a plan changed it: OCSP says %d", status)
	}

	t.Run("it is issued anew, and served", func(t *testing.T) {
		out, code := w.run(t, append(w.renewal(leaked), "--execute")...)
		next := w.held(t, "web-tls")
		want := fmt.Sprintf("it serves the serial %X, and no longer %X", next.SerialNumber, leaked.SerialNumber)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("%d: %s, want %q", code, out, want)
		}
		if shown := w.shown(t); shown.SerialNumber.Cmp(next.SerialNumber) != 0 {
			t.Errorf("it serves %X", shown.SerialNumber)
		}
	})
	t.Run("until Vault revokes it, the list lacks it", func(t *testing.T) {
		out, code := w.run(t, w.listed(leaked)...)
		if code != 1 || !strings.Contains(out, "it does not have the serial") {
			t.Errorf("%d: %s", code, out)
		}
	})
	t.Run("Vault revokes it", func(t *testing.T) {
		if out, code := w.run(t, "apply", digest, w.folder+"/app"); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		out, code := w.run(t, w.listed(leaked)...)
		if code != 0 || !strings.Contains(out, fmt.Sprintf("it has the serial %X since", leaked.SerialNumber)) {
			t.Errorf("%d: %s", code, out)
		}
		if status := w.status(t, leaked); status != ocsp.Revoked {
			t.Errorf("OCSP says %d of the leaked one", status)
		}
		for name, c := range map[string]*x509.Certificate{"a bystander": bystander, "the new one": w.held(t, "web-tls")} {
			if status := w.status(t, c); status != ocsp.Good {
				t.Errorf("OCSP says %d of %s", status, name)
			}
		}
	})
	t.Run("a second time there is nothing to do", func(t *testing.T) {
		out, code := w.run(t, "plan", w.folder+"/app")
		if code != 0 || !strings.Contains(out, "dead already") {
			t.Errorf("%d: %s", code, out)
		}
		if out, code := w.run(t, append(w.listed(leaked), "--execute")...); code != 0 {
			t.Errorf("%d: %s", code, out)
		}
	})
	t.Run("a policy that keeps the key is refused", w.keepsKey)
}

// keepsKey: cert-manager would issue another certificate with the leaked key.
func (w *world) keepsKey(t *testing.T) {
	w.certificate(t, "kept", "Never")
	c := w.held(t, "kept-tls")
	file := filepath.Join(w.folder, "kept.pem")
	must(t, os.WriteFile(file, inPEM(c), 0o600))
	args := []string{"renew", file, "--namespace", "shop", "--certificate", "kept", "--served", w.server.Addr().String(), "--kubeconfig", w.Kubeconfig, "--execute"}
	out, code := w.run(t, args...)
	if code != 1 || !strings.Contains(out, "rotationPolicy is Never") {
		t.Errorf("%d: %s", code, out)
	}
	if now := w.held(t, "kept-tls"); !now.Equal(c) {
		t.Error("it was issued anew")
	}
	// What it would have come to, by cert-manager's own word:
	object, err := w.Admin().Get(w, certificates+"/kept")
	must(t, err)
	status, _ := object["status"].(kube.Object)
	conditions, _ := status["conditions"].([]any)
	status["conditions"] = append(conditions, kube.Object{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "-"})
	_, err = w.Admin().Merge(w, certificates+"/kept/status", kube.Object{"status": status})
	must(t, err)
	w.eventually(t, func(context.Context) error {
		if w.held(t, "kept-tls").Equal(c) {
			return errors.New("it is not issued yet")
		}
		return nil
	})
	out, code = w.run(t, args[:len(args)-1]...)
	if code != 1 || !strings.Contains(out, "another certificate with the leaked key") {
		t.Errorf("%d: %s", code, out)
	}
}

// issue starts Vault and cert-manager and has two certificates issued.
func (w *world) issue(t *testing.T) {
	var err error
	must(t, w.Namespace(w, "shop", nil))
	w.vault, err = controllers.StartVault(w, w.Cluster)
	must(t, err)
	_, err = controllers.StartCertManager(w, w.Cluster)
	must(t, err)
	_, err = w.vault.Write(w, "sys/mounts/pki/int", kube.Object{"type": "pki"})
	must(t, err)
	root, err := w.vault.Write(w, "pki/int/root/generate/internal", kube.Object{"common_name": "shop", "key_type": "ec", "ttl": "24h"})
	must(t, err)
	_, err = w.vault.Write(w, "pki/int/roles/web", kube.Object{"allow_any_name": true, "key_type": "any", "require_cn": false, "max_ttl": "12h"})
	must(t, err)
	pemCA, _ := root["data"].(kube.Object)["certificate"].(string)
	w.ca = parse(t, []byte(pemCA))

	w.create(t, shop, kube.Object{"metadata": kube.Object{"name": "vault"}, "stringData": kube.Object{"token": w.vault.Token}})
	w.create(t, "/apis/cert-manager.io/v1/namespaces/shop/issuers", kube.Object{
		"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": kube.Object{"name": "vault"},
		"spec": kube.Object{"vault": kube.Object{
			"server": w.vault.URL, "path": "pki/int/sign/web",
			"auth": kube.Object{"tokenSecretRef": kube.Object{"name": "vault", "key": "token"}},
		}},
	})
	w.certificate(t, "web", "Always")
	w.certificate(t, "other", "Always")
}

func (w *world) certificate(t *testing.T, name, policy string) {
	w.create(t, certificates, kube.Object{
		"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": kube.Object{"name": name},
		"spec": kube.Object{
			"secretName": name + "-tls", "dnsNames": []string{name + ".shop"}, "duration": "6h", "renewBefore": "1h",
			"privateKey": kube.Object{"algorithm": "ECDSA", "size": 256, "rotationPolicy": policy},
			"issuerRef":  kube.Object{"name": "vault", "kind": "Issuer"},
		},
	})
	w.eventually(t, func(ctx context.Context) error {
		object, err := w.Admin().Get(ctx, certificates+"/"+name)
		if err != nil {
			return err
		}
		return errors.Join(controllers.Ready(object, "Ready"), w.Ended())
	})
}

// serve is a server that reads its key at every handshake, as one that reloads does.
func (w *world) serve(t *testing.T) {
	var err error
	w.server, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, key, err := w.pair("web-tls")
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(certificate, key)
		return &pair, err
	}})
	must(t, err)
	t.Cleanup(func() { _ = w.server.Close() })
	go func() {
		for {
			conn, err := w.server.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() }()
		}
	}()
	w.door = httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: strings.TrimPrefix(w.vault.URL, "http://")}))
	t.Cleanup(w.door.Close)
}

// leak commits the key and its certificate, and gives the certificate.
func (w *world) leak(t *testing.T) *x509.Certificate {
	certificate, key, err := w.pair("web-tls")
	must(t, err)
	app, file := filepath.Join(w.folder, "app"), filepath.Join(w.folder, "leaked.pem")
	must(t, os.Mkdir(app, 0o700))
	must(t, os.WriteFile(filepath.Join(app, "server.pem"), append(certificate, key...), 0o600))
	must(t, os.WriteFile(file, certificate, 0o600))
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://github.com/acme/app"}, {"add", "."},
		{"-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "begin"},
	} {
		cmd := exec.CommandContext(w, "git", args...)
		cmd.Dir = app
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	w.program = filepath.Join(w.folder, "program")
	out, err := exec.CommandContext(w, "go", "build", "-o", w.program, "../../cmd/leakgate").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	host := w.door.Listener.Addr().String()
	must(t, os.WriteFile(filepath.Join(w.folder, "token"), []byte(w.vault.Token), 0o600))
	must(t, os.WriteFile(filepath.Join(w.folder, "door.pem"), inPEM(w.door.Certificate()), 0o600))
	must(t, os.WriteFile(filepath.Join(w.folder, "remediate.toml"), []byte(fmt.Sprintf(
		"owned = [\"github.com/acme/*\"]\nbudget = 5\nprivate = [%q]\n[settings.vault-certificate]\nhost = %q\nmount = \"pki/int\"\nca = '''\n%s'''\n[credentials.vault-certificate]\nadmin_token = %q\n",
		host, host, inPEM(w.ca), filepath.Join(w.folder, "token"))), 0o600))
	return parse(t, certificate)
}

func (w *world) renewal(*x509.Certificate) []string {
	return []string{"renew", w.folder + "/leaked.pem", "--namespace", "shop", "--certificate", "web", "--served", w.server.Addr().String(), "--kubeconfig", w.Kubeconfig}
}

// listed asks for Vault's list of revoked certificates too.
func (w *world) listed(c *x509.Certificate) []string {
	return append(w.renewal(c), "--list", w.vault.URL+"/v1/pki/int/crl")
}

// plan gives the digest of a plan with one step, for Vault.
func (w *world) plan(t *testing.T) string {
	out, code := w.run(t, "plan", w.folder+"/app")
	m := regexp.MustCompile(`remediate apply ([0-9a-f]{64})`).FindStringSubmatch(out)
	if m == nil || !strings.Contains(out, "Vault has the certificate, and it is not revoked") {
		t.Fatalf("%d: %s", code, out)
	}
	return m[1]
}

// run is the program as its user runs it. Nothing that it prints may hold the key.
func (w *world) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(w, w.program, append([]string{"remediate"}, append(args, "--operator", w.folder+"/remediate.toml", "--database", w.folder+"/leakgate.db")...)...)
	cmd.Env = append(os.Environ(), "HOME="+w.folder, "XDG_CONFIG_HOME="+w.folder+"/config", "XDG_STATE_HOME="+w.folder+"/state", "USER=ann", "SSL_CERT_FILE="+w.folder+"/door.pem", "KUBECONFIG=")
	out, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.folder + "/app/server.pem")
	must(t, err)
	for line := range strings.Lines(string(text[bytes.LastIndex(text, []byte("-----BEGIN")):])) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && bytes.Contains(out, []byte(line)) {
			t.Errorf("%s prints the key", args[0])
		}
	}
	if bytes.Contains(out, []byte(w.vault.Token)) {
		t.Errorf("%s prints Vault's token", args[0])
	}
	if failed {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

// status is what Vault's OCSP responder says, signed by the authority.
func (w *world) status(t *testing.T, c *x509.Certificate) int {
	t.Helper()
	question, err := ocsp.CreateRequest(c, w.ca, nil)
	must(t, err)
	res, err := http.Post(w.vault.URL+"/v1/pki/int/ocsp", "application/ocsp-request", bytes.NewReader(question)) //nolint:noctx // on the loopback
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	answer, err := ocsp.ParseResponseForCert(text, c, w.ca)
	must(t, err)
	return answer.Status
}

func (w *world) shown(t *testing.T) *x509.Certificate {
	conn, err := tls.Dial("tcp", w.server.Addr().String(), &tls.Config{ServerName: "web.shop", RootCAs: pool(w.ca)})
	must(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func pool(c *x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}

// held is the certificate of a Secret.
func (w *world) held(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	text, _, err := w.pair(name)
	must(t, err)
	return parse(t, text)
}

func (w *world) pair(name string) (certificate, key []byte, err error) {
	object, err := w.Admin().Get(w, shop+"/"+name)
	if err != nil {
		return nil, nil, err
	}
	data, _ := object["data"].(kube.Object)
	for field, into := range map[string]*[]byte{"tls.crt": &certificate, "tls.key": &key} {
		text, _ := data[field].(string)
		if *into, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, nil, err
		}
	}
	return certificate, key, nil
}

func (w *world) create(t *testing.T, collection string, object kube.Object) {
	t.Helper()
	_, err := w.Admin().Create(w, collection, object)
	must(t, err)
}

func (w *world) eventually(t *testing.T, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w, 3*time.Minute)
	defer cancel()
	must(t, kube.Eventually(ctx, try))
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	if c.SerialNumber.Cmp(big.NewInt(0)) <= 0 {
		t.Fatal("no serial")
	}
	return c
}

func inPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
