package controllers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// Flux is the real kustomize-controller, running, and what stands for the
// source-controller: a server of artifacts.
type Flux struct {
	kube.Controller
	cluster *kube.Cluster
	url     string

	mu        sync.Mutex
	artifacts map[string][]byte // by their path
}

const sources = "/apis/source.toolkit.fluxcd.io/v1/namespaces/"

// StartFlux starts it as flux install does, but for leader election. The server of
// artifacts ends with the context.
func StartFlux(ctx context.Context, c *kube.Cluster) (*Flux, error) {
	listen, err := addresses(2)
	if err != nil {
		return nil, err
	}
	f := &Flux{cluster: c, artifacts: map[string][]byte{}}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	f.Controller, err = start(ctx, c, "flux-system", "kustomize-controller", func(folder string) kube.Controller {
		return kube.Controller{
			Path: filepath.Join(folder, "kustomize-controller"),
			Args: []string{
				"--metrics-addr=" + listen[0], "--health-addr=" + listen[1],
				"--watch-all-namespaces=true", "--log-level=info", "--enable-leader-election=false",
				"--requeue-dependency=1s",
			},
		}
	}, "kustomize-controller")
	return f, err
}

// Publish makes a GitRepository whose artifact holds the files, or gives the one of
// that name a new revision.
func (f *Flux) Publish(ctx context.Context, namespace, name string, files map[string]string) error {
	artifact, err := archive(files)
	if err != nil {
		return err
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(artifact))
	path := "/" + namespace + "/" + name + "/" + digest + ".tar.gz"
	f.mu.Lock()
	f.artifacts[path] = artifact
	f.mu.Unlock()

	object := sources + namespace + "/gitrepositories/" + name
	admin := f.cluster.Admin()
	_, err = admin.Create(ctx, sources+namespace+"/gitrepositories", kube.Object{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": kube.Object{"name": name},
		"spec":     kube.Object{"url": "https://git.example/" + name, "interval": "1h"},
	})
	var status *kube.StatusError
	if err != nil && (!errors.As(err, &status) || status.Code != http.StatusConflict) {
		return err
	}
	now := time.Now().UTC().Format(time.RFC3339)
	_, err = admin.Merge(ctx, object+"/status", kube.Object{"status": kube.Object{
		"artifact": kube.Object{
			"url": f.url + path, "path": path[1:], "digest": "sha256:" + digest,
			"revision": "main@sha1:" + digest[:40], "lastUpdateTime": now,
		},
		"conditions": []kube.Object{{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored artifact", "lastTransitionTime": now}},
	}})
	return err
}

// Reconcile makes a Kustomization of the source of the same name; more is added to
// its spec, as decryption or serviceAccountName.
func (f *Flux) Reconcile(ctx context.Context, namespace, name string, more kube.Object) error {
	spec := kube.Object{
		"interval": "1h", "retryInterval": "2s", "path": "./", "prune": true,
		"sourceRef": kube.Object{"kind": "GitRepository", "name": name},
	}
	for key, value := range more {
		spec[key] = value
	}
	_, err := f.cluster.Admin().Create(ctx, kustomizations(namespace), kube.Object{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": kube.Object{"name": name},
		"spec":     spec,
	})
	return err
}

// Status is nil when the Kustomization is ready, else it says why not.
func (f *Flux) Status(ctx context.Context, namespace, name string) error {
	object, err := f.cluster.Admin().Get(ctx, kustomizations(namespace)+"/"+name)
	if err != nil {
		return err
	}
	return Ready(object, "Ready")
}

func kustomizations(namespace string) string {
	return "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/" + namespace + "/kustomizations"
}

func (f *Flux) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.url = "http://" + listener.Addr().String()
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

// ServeHTTP gives an artifact.
func (f *Flux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	artifact, ok := f.artifacts[r.URL.Path]
	f.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(artifact)
}

func archive(files map[string]string) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	all := tar.NewWriter(zip)
	for name, text := range files {
		err := all.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		if err != nil {
			return nil, err
		}
		if _, err := all.Write([]byte(text)); err != nil {
			return nil, err
		}
	}
	err := errors.Join(all.Close(), zip.Close())
	return out.Bytes(), err
}
