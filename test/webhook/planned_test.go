package webhook_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// rights: doctor finds those of the installation right, and a binding that somebody
// adds.
func (w *world) rights(t *testing.T) {
	healthy := func(want bool) {
		t.Helper()
		out, _ := w.try("doctor") // there is no pod, which is wrong in any case
		for _, subject := range []string{"ClusterRole leakgate-admission", "Role leakgate-admission", "role bindings", "what the account may do"} {
			expected := want || strings.Contains(subject, "Role leakgate")
			if ok := hasLine(out, "ok", subject); ok != expected {
				t.Errorf("%s is right: %v\n%s", subject, ok, out)
			}
		}
		if named := strings.Contains(out, "kubectl delete clusterrolebinding cluster-admin:system:serviceaccount:leakgate:leakgate-admission"); named == want {
			t.Errorf("doctor says\n%s", out)
		}
	}
	healthy(true)
	must(t, w.Grant(w, "cluster-admin", "system:serviceaccount:leakgate:leakgate-admission", ""))
	healthy(false)
	must(t, w.Admin().Delete(w, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin:system:serviceaccount:leakgate:leakgate-admission"))
	healthy(true)
}

// hasLine finds a line of a table by its first word and its subject.
func hasLine(text, first, subject string) bool {
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(line, " ")
		if rest = strings.TrimSpace(rest); word == first && rest == subject {
			return true
		}
	}
	return false
}

// planned: a Kustomization that was never applied is built from the artifact of its
// source, from an address that a flag allows, and by way of the API server from one
// that is a service.
func (w *world) planned(t *testing.T) {
	account, err := w.Account(w, "flux-system", "kustomize-controller")
	must(t, err)
	must(t, w.Namespace(w, "new", nil))
	artifact := archive(t, map[string]string{
		"app/secret.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: new}\nstringData: {password: " + value + "}\n",
		"app/neighbour.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n, namespace: new}\n",
	})
	folders, err := kube.Components(w, "kubectl")
	must(t, err)
	builder := "--kustomize=" + filepath.Join(folders["kubectl"], "kubectl")
	host := w.serveArtifact(t, artifact)
	address, outside := "http://"+host+"/app.tar.gz", outsideAddress()
	if outside == "" {
		t.Log("the host has no address but the loopback, to which an API server is no proxy")
	}
	publish := func(url string) {
		t.Helper()
		_, err := w.Admin().Create(w, "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories", kube.Object{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
			"metadata": kube.Object{"name": "app"}, "spec": kube.Object{}, "status": kube.Object{"artifact": kube.Object{"url": url, "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(artifact))}}})
		must(t, err)
	}
	simulate := func(want string, code int, more ...string) {
		t.Helper()
		out, err := w.try(append([]string{"simulate", "new", builder}, more...)...)
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.Contains(out, want) || strings.Contains(out, value) {
			t.Errorf("simulate %v: %v, want %d and %q in\n%s", more, err, code, want, out)
		}
	}
	_, err = w.Admin().Create(w, "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations", kube.Object{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": kube.Object{"name": "app"}, "spec": kube.Object{"path": "./app", "sourceRef": kube.Object{"kind": "GitRepository", "name": "app"}}})
	must(t, err)
	simulate("cannot tell: Kustomization flux-system/app: its source, the GitRepository flux-system/app, is not there", 3)
	publish(address)
	simulate("--artifact-host "+host+" allows it", 3)
	stops := `Kustomization flux-system/app: new/db: writer-claim`
	simulate(stops, 1, "--artifact-host", host)
	simulate("1 other objects stop with it", 1, "--artifact-host", host)
	if out, err := w.try("promote", "new", builder); err == nil || !strings.Contains(out, `--accept "Kustomization flux-system/app"`) {
		t.Errorf("promote: %v\n%s", err, out)
	}
	if out, err := w.try("promote", "new", builder, "--accept", "Kustomization flux-system/app"); err == nil || !strings.Contains(out, "0 days of audit were seen") {
		t.Errorf("promote: %v\n%s", err, out)
	}
	if outside != "" {
		w.service(t, account, outside, host)
		must(t, w.Admin().Delete(w, "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/app"))
		publish("http://source-controller.flux-system.svc.cluster.local./app.tar.gz")
		simulate(stops, 1)
	}
	must(t, w.Admin().Delete(w, "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/app"))
}

// serveArtifact serves on all addresses of the host, and gives that of the loopback.
func (w *world) serveArtifact(t *testing.T, artifact []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/app.tar.gz" {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write(artifact)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { must(t, server.Close()) })
	return fmt.Sprint("127.0.0.1:", listener.Addr().(*net.TCPAddr).Port)
}

// outsideAddress is one of the host that is not the loopback, or "".
func outsideAddress() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range all {
		if ip, is := a.(*net.IPNet); is && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return ""
}

// service is a source-controller behind which the host's own server is.
func (w *world) service(t *testing.T, account *kube.Account, address, host string) {
	t.Helper()
	_, text, _ := strings.Cut(host, ":")
	port := 0
	_, err := fmt.Sscan(text, &port)
	must(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/flux-system/services", kube.Object{"metadata": kube.Object{"name": "source-controller"},
		"spec": kube.Object{"clusterIP": "None", "ports": []kube.Object{{"name": "http", "port": 80, "targetPort": port}}}})
	must(t, err)
	// An API server is a proxy only to addresses that are those of pods.
	_, err = w.Admin().Merge(w, "/api/v1/namespaces/flux-system/pods/"+account.Pod+"/status", kube.Object{"status": kube.Object{"podIP": address, "podIPs": []kube.Object{{"ip": address}}, "phase": "Running"}})
	must(t, err)
	_, err = w.Admin().Create(w, "/apis/discovery.k8s.io/v1/namespaces/flux-system/endpointslices", kube.Object{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata": kube.Object{"name": "source-controller-1", "labels": kube.Object{"kubernetes.io/service-name": "source-controller"}}, "addressType": "IPv4",
		"ports": []kube.Object{{"name": "http", "port": port, "protocol": "TCP"}}, "endpoints": []kube.Object{{"addresses": []string{address}, "conditions": kube.Object{"ready": true},
			"targetRef": kube.Object{"kind": "Pod", "namespace": account.Namespace, "name": account.Pod, "uid": account.PodUID}}}})
	must(t, err)
	// Kubernetes 1.34 looks for them in the older kind.
	_, err = w.Admin().Create(w, "/api/v1/namespaces/flux-system/endpoints", kube.Object{"metadata": kube.Object{"name": "source-controller"},
		"subsets": []kube.Object{{"ports": []kube.Object{{"name": "http", "port": port}}, "addresses": []kube.Object{{"ip": address,
			"targetRef": kube.Object{"kind": "Pod", "namespace": account.Namespace, "name": account.Pod, "uid": account.PodUID}}}}}})
	must(t, err)
	ctx, cancel := context.WithTimeout(w, time.Minute)
	defer cancel()
	must(t, kube.Eventually(ctx, func(ctx context.Context) error {
		_, err := w.Admin().Do(ctx, kube.Request{Method: "GET", Path: "/api/v1/namespaces/flux-system/services/source-controller:80/proxy/app.tar.gz"})
		return err
	}))
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	all := tar.NewWriter(zip)
	for name, text := range files {
		must(t, all.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}))
		_, err := io.WriteString(all, text)
		must(t, err)
	}
	must(t, errors.Join(all.Close(), zip.Close()))
	return out.Bytes()
}
