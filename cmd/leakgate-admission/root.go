package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/admission/serve/ctrl"
)

const helpText = `leakgate-admission admits values of Secrets into a cluster only from writers that a policy trusts.

Exit codes: 0 fine · 1 something is refused or wrong · 2 wrong flags, or a file that does not parse · 3 could not tell`

// errRefused ends a command that answered no; what is wrong was printed.
var errRefused = errors.New("refused")

// flagError is a wrong flag, or a file given by a flag that does not parse.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

// run is the whole program but for the process around it.
func (w *world) run(ctx context.Context, args []string) int {
	root := w.root()
	root.SetArgs(args)
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	err := root.ExecuteContext(ctx)
	var wrong flagError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRefused):
		return 1
	}
	fmt.Fprintln(w.stderr, "leakgate-admission:", err)
	if errors.As(err, &wrong) {
		return 2
	}
	return 3
}

func (w *world) root() *cobra.Command {
	root := &cobra.Command{Use: "leakgate-admission", Short: "Admit Secrets only from trusted writers", Long: helpText, Version: toolVersion(),
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError{err} })
	root.AddCommand(w.serveCommand(), w.manifestsCommand(), w.installCommand(), w.uninstallCommand(), w.doctorCommand(), w.discoverCommand(),
		w.auditCommand(), w.simulateCommand(), w.promoteCommand())
	for _, c := range append(root.Commands(), root) {
		check := c.Args
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return flagError{err}
			}
			return nil
		}
	}
	return root
}

// connection is how a command reaches a cluster.
type connection struct{ kubeconfig, context string }

func (c *connection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, ~/.kube/config, or the pod's own account")
	cmd.Flags().StringVar(&c.context, "context", "", "context of the kubeconfig")
}

// maxQPS is what an API server may be asked in a second; the library's own five
// are too few for a webhook.
const maxQPS = 200

func (c *connection) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context}).ClientConfig()
	if err != nil {
		return nil, flagError{fmt.Errorf("find the cluster: %w", err)}
	}
	config.QPS, config.Burst, config.UserAgent = maxQPS, 2*maxQPS, "leakgate-admission/"+toolVersion()
	return config, nil
}

// cluster connects for installation and looking around.
func (c *connection) cluster() (install.Cluster, error) {
	config, err := c.config()
	if err != nil {
		return install.Cluster{}, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return install.Cluster{}, fmt.Errorf("connect: %w", err)
	}
	mapper, err := ctrl.Mapper(config)
	if err != nil {
		return install.Cluster{}, fmt.Errorf("connect: %w", err)
	}
	return install.Cluster{Client: client, Mapper: mapper}, nil
}

// readPolicy reads the file of a flag, "-" from standard input.
func (w *world) readPolicy(path string) (string, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(io.LimitReader(w.stdin, 2<<20))
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", flagError{fmt.Errorf("read the policy: %w", err)}
	}
	return string(text), nil
}
