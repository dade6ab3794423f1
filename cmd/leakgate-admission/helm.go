package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/leakgate/leakgate/admission/survey"
)

// Bounds on helm.
const (
	helmTime = time.Minute
	helmSize = 64 << 20 // bytes of its output
)

// helmName is what a release or a namespace may be called: what looks like a flag
// may not, as it stands in the cluster as somebody wrote it.
var helmName = regexp.MustCompile(`^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$`)

// helm renders charts by a program of the user's, which reads nothing of the
// cluster. Without a name it looks for helm, and gives nil where it is not there.
func helm(program string, config *rest.Config) (func(context.Context, survey.Chart) ([]byte, error), error) {
	name := program
	if name == "" {
		name = "helm"
	}
	path, err := exec.LookPath(name)
	switch {
	case err != nil && program == "":
		return nil, nil
	case err != nil:
		return nil, flagError{fmt.Errorf("--helm %s: there is no such program", program)}
	}
	var known []string
	return func(ctx context.Context, c survey.Chart) ([]byte, error) {
		if known == nil {
			if known, err = capabilities(config); err != nil {
				return nil, err
			}
		}
		return runHelm(ctx, path, c, known)
	}, nil
}

// capabilities are what charts may ask of the cluster: its version and its kinds.
func capabilities(config *rest.Config) ([]string, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, errors.New("the API server does not say what it knows")
	}
	version, err := client.ServerVersion()
	if err != nil {
		return nil, errors.New("the API server does not say its version")
	}
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, errors.New("the API server does not say what it knows")
	}
	args := []string{"--kube-version=" + version.GitVersion}
	for _, list := range lists {
		args = append(args, "--api-versions="+list.GroupVersion)
		for _, r := range list.APIResources {
			args = append(args, "--api-versions="+list.GroupVersion+"/"+r.Kind)
		}
	}
	return args, nil
}

// runHelm hands the values over by standard input, so that they stand in no file
// and no list of processes, and passes on nothing that helm says, as it may quote
// values. A schema of values is not looked at, as it may name addresses to fetch.
func runHelm(ctx context.Context, program string, c survey.Chart, known []string) ([]byte, error) {
	if !helmName.MatchString(c.Name) || !helmName.MatchString(c.Namespace) {
		return nil, fmt.Errorf("the release has no name, or no namespace, that Helm takes")
	}
	ctx, stop := context.WithTimeout(ctx, helmTime)
	defer stop()
	args := append([]string{"template", "--namespace=" + c.Namespace, "--values=-", "--skip-schema-validation", "--skip-tests"}, known...)
	if c.Upgrade {
		args = append(args, "--is-upgrade")
	}
	out := &capped{left: helmSize}
	cmd := exec.CommandContext(ctx, program, append(args, "--", c.Name, c.Folder)...)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(c.Values), out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the chart cannot be rendered (%w): %s template says why, from 3.16 on", err, filepath.Base(program))
	}
	return out.Bytes(), nil
}
