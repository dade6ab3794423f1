package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// Door is leakgate-admission, installed by itself, as two replicas behind a proxy.
// They run outside of the cluster with the account that the installation made.
type Door struct {
	Policy string // file

	cluster  *kube.Cluster
	program  string
	token    string // of its own account
	proxy    *Proxy
	replicas []replica
}

type replica struct{ name, address, health string }

const configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/leakgate-admission"

// Build makes the program.
func Build(ctx context.Context, c *kube.Cluster) (*Door, error) {
	d := &Door{
		cluster: c, program: filepath.Join(c.Dir, "leakgate-admission"), Policy: filepath.Join(c.Dir, "policy.yaml"),
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", d.program, "github.com/leakgate/leakgate/cmd/leakgate-admission")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build leakgate-admission: %w\n%s", err, out)
	}
	return d, nil
}

// Run is the program as the administrator runs it; the answer is what it prints.
func (d *Door) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, d.program, append(args, "--kubeconfig", d.cluster.Kubeconfig)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("leakgate-admission %v: %w\n%s%s", args, err, out, exit.Stderr)
	}
	return string(out), err
}

// Open installs it with the policy, starts the replicas, and returns when the API
// server asks them.
func (d *Door) Open(ctx context.Context, policy string) error {
	if err := os.WriteFile(d.Policy, []byte(policy), 0o600); err != nil {
		return err
	}
	if _, err := d.Run(ctx, "install", "--policy", d.Policy, "--yes"); err != nil {
		return err
	}
	var err error
	if d.token, err = d.cluster.FreeToken(ctx, &kube.Account{Namespace: "leakgate", Name: "leakgate-admission"}); err != nil {
		return err
	}
	if err := d.cluster.WriteKubeconfig(d.kubeconfig(), d.token); err != nil {
		return err
	}
	if err := d.behindProxy(ctx); err != nil {
		return err
	}
	for _, r := range d.replicas {
		if err := d.start(ctx, r); err != nil {
			return err
		}
	}
	return d.asked(ctx)
}

func (d *Door) kubeconfig() string { return filepath.Join(d.cluster.Dir, "webhook.kubeconfig") }

// behindProxy gives the replicas addresses, and puts that of the proxy in the place
// of the service, which nothing routes to.
func (d *Door) behindProxy(ctx context.Context) error {
	health := map[string]string{}
	for _, name := range []string{"webhook-1", "webhook-2"} {
		ports := [2]string{}
		for i := range ports {
			port, err := kube.FreePort()
			if err != nil {
				return err
			}
			ports[i] = "127.0.0.1:" + port
		}
		d.replicas = append(d.replicas, replica{name, ports[0], ports[1]})
		health[ports[0]] = ports[1]
	}
	var err error
	if d.proxy, err = NewProxy(ctx, health); err != nil {
		return err
	}
	live, err := d.cluster.Admin().Get(ctx, configurations)
	if err != nil {
		return err
	}
	entries, _ := live["webhooks"].([]any)
	for _, entry := range entries {
		client := entry.(kube.Object)["clientConfig"].(kube.Object)
		delete(client, "service")
		client["url"] = "https://" + d.proxy.Address + "/v1/review"
	}
	_, err = d.cluster.Admin().Do(ctx, kube.Request{Method: "PUT", Path: configurations, Body: live})
	return err
}

// start returns when the proxy sends calls to the replica.
func (d *Door) start(ctx context.Context, r replica) error {
	err := d.cluster.Run(r.name, exec.Command(d.program, "serve", "--policy", d.Policy, "--kubeconfig", d.kubeconfig(),
		"--address", r.address, "--health-address", r.health, "--server-name", "127.0.0.1", "--log-level", "debug"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return kube.Eventually(ctx, func(context.Context) error {
		if !d.proxy.Knows(r.address) {
			return errors.Join(fmt.Errorf("%s is not ready", r.name), d.cluster.Ended())
		}
		return nil
	})
}

// asked waits until a plain Secret is refused: a new configuration takes a moment.
func (d *Door) asked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return kube.Eventually(ctx, func(ctx context.Context) error {
		_, err := d.cluster.Admin().Create(ctx, secretsIn("default")+"?dryRun=All", secret("probe", "password"))
		if err == nil {
			return errors.New("a plain Secret is admitted")
		}
		return nil
	})
}

// Close ends both replicas.
func (d *Door) Close() error {
	var errs []error
	for _, r := range d.replicas {
		errs = append(errs, d.cluster.StopController(r.name))
	}
	return errors.Join(errs...)
}

// Restart replaces one replica after the other, as a rolling update does.
func (d *Door) Restart(ctx context.Context) error {
	for _, r := range d.replicas {
		if err := d.cluster.StopController(r.name); err != nil {
			return err
		}
		if err := d.start(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
