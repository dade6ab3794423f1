// Package kube runs a real Kubernetes API server for tests: kube-apiserver and etcd
// on free ports of the loopback, with certificates, users and a state folder of their
// own that are gone at the end. It mints the identities that a cluster has (users by
// certificate, ServiceAccounts with and without a Pod), runs real controllers as if
// they were in a Pod, and records what the API server sends to a webhook.
// The binaries come from test/components/get. It is for tests only, on Linux.
package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Options of a cluster; the zero value is one without controllers.
type Options struct {
	// Controllers also starts kube-controller-manager: default ServiceAccounts,
	// garbage collection, the end of namespaces, aggregated roles, legacy tokens.
	Controllers bool
	// Flags are added to those of kube-apiserver.
	Flags []string
}

// Cluster is a running API server. All its methods may be called concurrently.
type Cluster struct {
	URL        string // https://127.0.0.1:PORT
	Dir        string // state and logs; removed by Stop
	Kubeconfig string // file: the administrator

	kubectl   string
	authority *authority
	admin     string // token
	ports     ports

	mu        sync.Mutex
	processes []*process
}

type ports struct{ api, etcd, peer, controllers string }

// Start returns when the API server answers that it is ready. The cluster stops when
// the context ends or Stop is called. An error names the component and the end of
// its log; a component that was not built yet is a *MissingError.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(ctx, o); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	context.AfterFunc(ctx, func() { _ = c.Stop() })
	return c, nil
}

func (c *Cluster) start(ctx context.Context, o Options) error {
	names := []string{"etcd", "kube-apiserver", "kubectl"}
	if o.Controllers {
		names = append(names, "kube-controller-manager")
	}
	folders, err := Components(ctx, names...)
	if err != nil {
		return err
	}
	c.kubectl = filepath.Join(folders["kubectl"], "kubectl")
	if err := c.prepare(); err != nil {
		return err
	}
	if err := c.run("etcd", filepath.Join(folders["etcd"], "etcd"), c.etcdFlags()...); err != nil {
		return err
	}
	if err := c.run("kube-apiserver", filepath.Join(folders["kube-apiserver"], "kube-apiserver"), append(c.apiFlags(), o.Flags...)...); err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil || !o.Controllers {
		return err
	}
	return c.run("kube-controller-manager", filepath.Join(folders["kube-controller-manager"], "kube-controller-manager"), c.controllerFlags()...)
}

// prepare makes the state folder: certificates, keys, tokens, the kubeconfig.
func (c *Cluster) prepare() (err error) {
	if c.Dir, err = os.MkdirTemp("", "leakgate-kube-"); err != nil {
		return err
	}
	for _, port := range []*string{&c.ports.api, &c.ports.etcd, &c.ports.peer, &c.ports.controllers} {
		if *port, err = FreePort(); err != nil {
			return err
		}
	}
	c.URL = "https://127.0.0.1:" + c.ports.api
	if c.authority, err = newAuthority(c.Dir); err != nil {
		return err
	}
	if c.admin, err = randomToken(); err != nil {
		return err
	}
	c.Kubeconfig = c.path("admin.kubeconfig")
	return errors.Join(
		os.WriteFile(c.path("tokens.csv"), []byte(c.admin+",admin,admin,system:masters\n"), 0o600),
		c.WriteKubeconfig(c.Kubeconfig, c.admin))
}

func (c *Cluster) etcdFlags() []string {
	client, peer := "http://127.0.0.1:"+c.ports.etcd, "http://127.0.0.1:"+c.ports.peer
	return []string{
		"--name=one", "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=one=" + peer,
	}
}

// apiFlags: no ServiceAccount plugin, as it refuses Pods until a controller has made
// the default ServiceAccount; no endpoint of its own, as nothing routes to it; time
// for large kinds on a slow machine.
func (c *Cluster) apiFlags() []string {
	return []string{
		"--etcd-servers=http://127.0.0.1:" + c.ports.etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + c.ports.api,
		"--tls-cert-file=" + c.path("server.crt"), "--tls-private-key-file=" + c.path("server.key"),
		"--client-ca-file=" + c.path("ca.crt"), "--token-auth-file=" + c.path("tokens.csv"),
		"--service-account-issuer=" + c.URL,
		"--service-account-key-file=" + c.path("accounts.key"), "--service-account-signing-key-file=" + c.path("accounts.key"),
		"--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none", "--request-timeout=5m",
	}
}

func (c *Cluster) controllerFlags() []string {
	return []string{
		"--kubeconfig=" + c.Kubeconfig, "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port=" + c.ports.controllers,
		"--tls-cert-file=" + c.path("server.crt"), "--tls-private-key-file=" + c.path("server.key"),
		"--service-account-private-key-file=" + c.path("accounts.key"), "--root-ca-file=" + c.path("ca.crt"),
		"--use-service-account-credentials=true",
		"--controllers=namespace-controller,serviceaccount-controller,serviceaccount-token-controller," +
			"garbage-collector-controller,clusterrole-aggregation-controller,root-ca-certificate-publisher-controller",
	}
}

// ready waits until the API server says so, dies, or five minutes have passed.
func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	admin := c.Admin()
	return Eventually(ctx, func(ctx context.Context) error {
		for _, p := range c.running() {
			if err := p.ended(); err != nil {
				return &finalError{err}
			}
		}
		_, err := admin.Do(ctx, Request{Method: "GET", Path: "/readyz"})
		return err
	})
}

// Stop ends what the cluster started, the last first, and removes its folder. It may
// be called more than once.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.processes) > 0 {
		last := len(c.processes) - 1
		c.processes[last].stop()
		c.processes = c.processes[:last]
	}
	if c.Dir == "" {
		return nil
	}
	return os.RemoveAll(c.Dir)
}

// Log is the file that a component writes to, by its name.
func (c *Cluster) Log(name string) string { return c.path(name + ".log") }

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) running() []*process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*process(nil), c.processes...)
}

// FreePort asks the kernel for a port that nobody has. Another program may take it
// before the component does; then that one fails and says so.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
