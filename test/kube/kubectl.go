package kube

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Kubectl runs the real kubectl as the administrator and gives its standard output.
// Another --kubeconfig or --as among the arguments wins.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.kubectl, args...)
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+c.Kubeconfig, "HOME="+c.Dir)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// Apply applies manifests from files or folders, on the server's side, as some are
// too large for an annotation, and waits until the kinds that they define are served.
func (c *Cluster) Apply(ctx context.Context, paths ...string) error {
	args := []string{"apply", "--server-side", "--force-conflicts"}
	for _, path := range paths {
		args = append(args, "-f", path)
	}
	applied, err := c.Kubectl(ctx, "", append(args, "-o", "name")...)
	if err != nil {
		return err
	}
	var kinds []string
	for _, name := range strings.Fields(applied) {
		if strings.HasPrefix(name, "customresourcedefinition.") {
			kinds = append(kinds, name)
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	// kubectl wait fails at once on a kind that has no conditions yet.
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return Eventually(ctx, func(ctx context.Context) error {
		_, err := c.Kubectl(ctx, "", append([]string{"wait", "--for=condition=Established"}, kinds...)...)
		return err
	})
}
