package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/admission/install"
)

// installFlags are what installations differ in.
type installFlags struct {
	connection
	policy, namespace, image, certificates, caFile string
	replicas                                       int
	others                                         []string
	monitor, network                               bool
}

func (f *installFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.policy, "policy", "", "file with the policy, - for standard input; default: audit everywhere")
	flags.StringVar(&f.namespace, "namespace", "leakgate", "namespace to run in")
	flags.StringVar(&f.image, "image", "", "image; default: the released one of this version")
	flags.StringVar(&f.certificates, "certificates", install.SelfManaged, "self, cert-manager or files")
	flags.StringVar(&f.caFile, "ca-bundle", "", "file with the certificates that API servers trust, for --certificates files")
	flags.IntVar(&f.replicas, "replicas", 2, "replicas")
	flags.StringSliceVar(&f.others, "other-kinds", nil, "judge other kinds too: `=LIST` of resources such as configmaps,deployments.apps,widgets.example.com; workloads (the default of the flag) are ConfigMaps and what runs containers, * is everything but what controllers write all day")
	flags.Lookup("other-kinds").NoOptDefVal = install.Workloads
	flags.BoolVar(&f.monitor, "monitor", false, "add a ServiceMonitor of the Prometheus operator")
	flags.BoolVar(&f.network, "network-policy", true, "add a NetworkPolicy")
}

func (w *world) options(f installFlags) (install.Options, error) {
	o, err := install.Defaults(toolVersion())
	if err != nil {
		return o, err
	}
	if ways := []string{install.SelfManaged, install.CertManager, install.Mounted}; !slices.Contains(ways, f.certificates) {
		return o, flagError{fmt.Errorf("--certificates: self, cert-manager or files")}
	}
	if f.policy != "" {
		text, err := w.readPolicy(f.policy)
		if err != nil {
			return o, err
		}
		if o, err = o.WithPolicy(text); err != nil {
			return o, flagError{err}
		}
	}
	if f.caFile != "" {
		bundle, err := os.ReadFile(f.caFile)
		if err != nil {
			return o, flagError{fmt.Errorf("read the bundle: %w", err)}
		}
		o.CABundle = base64.StdEncoding.EncodeToString(bundle)
	}
	if f.certificates == install.Mounted && o.CABundle == "" {
		return o, flagError{fmt.Errorf("--certificates files needs --ca-bundle FILE")}
	}
	if f.image != "" {
		o.Image = f.image
	}
	o.Namespace, o.Certificates, o.Replicas, o.Monitor, o.Network = f.namespace, f.certificates, f.replicas, f.monitor, f.network
	if o.OtherKinds = len(f.others) > 0; o.OtherKinds {
		if o.OtherRules, err = install.Others(f.others); err != nil {
			return o, flagError{fmt.Errorf("--other-kinds: %w", err)}
		}
	}
	return o, nil
}

func (w *world) manifestsCommand() *cobra.Command {
	var f installFlags
	var values bool
	c := &cobra.Command{Use: "manifests", Short: "Print what an installation is made of", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		o, err := w.options(f)
		if err != nil {
			return err
		}
		write := install.Manifests
		if values {
			write = install.Values
		}
		text, err := write(o)
		if err != nil {
			return err
		}
		_, err = w.stdout.Write(text)
		return err
	}}
	f.add(c)
	c.Flags().BoolVar(&values, "values", false, "print the values of the Helm chart instead")
	return c
}

func (w *world) installCommand() *cobra.Command {
	var f installFlags
	var yes bool
	c := &cobra.Command{Use: "install", Short: "Install or update the webhook; without --yes only show what would be done", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := w.options(f)
			if err != nil {
				return err
			}
			cluster, err := f.cluster()
			if err != nil {
				return err
			}
			if err := cluster.Apply(c.Context(), o, !yes, w.tell); err != nil {
				return err
			}
			if !yes {
				fmt.Fprintln(w.stdout, "nothing was changed; --yes does it")
			}
			return nil
		}}
	f.add(c)
	f.connection.flags(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (w *world) tell(text string) { fmt.Fprintln(w.stdout, text) }

func (w *world) uninstallCommand() *cobra.Command {
	var conn connection
	var namespace string
	var emergency, yes bool
	c := &cobra.Command{Use: "uninstall", Short: "Remove the webhook; with --emergency only what refuses requests, at once", Args: cobra.NoArgs,
		Long: "Remove the webhook.\n\n--emergency deletes the webhook configuration and the floor at once and leaves the\nrest as it is. The same without this program:\n  kubectl delete validatingwebhookconfiguration " + install.Name + "\n  kubectl delete validatingadmissionpolicybinding " + install.FloorName,
		RunE: func(c *cobra.Command, _ []string) error {
			if !emergency && !yes {
				return flagError{fmt.Errorf("this deletes the namespace %s and all in it: add --yes, or --emergency to delete only what refuses requests", namespace)}
			}
			cluster, err := conn.cluster()
			if err != nil {
				return err
			}
			return cluster.Remove(c.Context(), install.Options{Namespace: namespace, Certificates: install.SelfManaged, Network: true}, emergency, w.tell)
		}}
	conn.flags(c)
	c.Flags().StringVar(&namespace, "namespace", "leakgate", "namespace that the webhook runs in")
	c.Flags().BoolVar(&emergency, "emergency", false, "delete only what refuses requests, and do not ask")
	c.Flags().BoolVar(&yes, "yes", false, "delete everything")
	return c
}
