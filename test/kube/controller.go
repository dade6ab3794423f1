package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Controller is a real controller that is to believe it runs in its Pod.
type Controller struct {
	Account *Account // whose Pod it is
	Path    string   // of the binary
	Args    []string
	Env     []string // NAME=value
}

// inPod puts what a Pod finds at /var/run/secrets there, for this process only, and
// becomes the controller. $0 is the folder with it.
const inPod = `set -e
mount -t tmpfs none /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$0" /var/run/secrets/kubernetes.io/serviceaccount
exec "$@"`

// RunController starts a controller with a token that is bound to its Pod, in a
// mount namespace of its own. Its log is NAME.log, of its account's name. It needs
// root, or user namespaces.
func (c *Cluster) RunController(ctx context.Context, controller Controller) error {
	account := controller.Account
	folder := c.path("pod-" + account.Namespace + "-" + account.Name)
	if err := c.podFiles(ctx, account, folder); err != nil {
		return err
	}
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", inPod, folder, controller.Path)
	cmd := exec.Command("unshare", append(args, controller.Args...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(),
		"KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT="+c.ports.api, "KUBECONFIG=",
		"HOME="+folder, "POD_NAMESPACE="+account.Namespace, "RUNTIME_NAMESPACE="+account.Namespace, "POD_NAME="+account.Pod)
	cmd.Env = append(cmd.Env, controller.Env...)
	return c.Run(account.Name, cmd)
}

// StopController ends a controller, by its account's name, or what Run started, by the
// name it was given, as the end of its Pod does. It may be started again.
func (c *Cluster) StopController(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.processes {
		if p.name == name {
			p.stop()
			c.processes = append(c.processes[:i], c.processes[i+1:]...)
			return nil
		}
	}
	return fmt.Errorf("%s does not run", name)
}

// Ended is nil while all that the cluster started runs.
func (c *Cluster) Ended() error {
	var errs []error
	for _, p := range c.running() {
		errs = append(errs, p.ended())
	}
	return errors.Join(errs...)
}

func (c *Cluster) podFiles(ctx context.Context, a *Account, folder string) error {
	token, err := c.PodToken(ctx, a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "token"), []byte(token), 0o600),
		os.WriteFile(filepath.Join(folder, "namespace"), []byte(a.Namespace), 0o600),
		os.WriteFile(filepath.Join(folder, "ca.crt"), c.authority.pem, 0o600))
}
