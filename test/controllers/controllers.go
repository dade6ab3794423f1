// Package controllers runs the real controllers that write Secrets, before a cluster
// of package kube: sealed-secrets, external-secrets, and Flux's kustomize-controller.
// Each has the ServiceAccount that its own installation gives it, but the role
// cluster-admin: what a webhook sees of a writer does not depend on roles.
package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/leakgate/leakgate/test/kube"
)

// start runs a controller whose kinds are in the folder crds of its component.
func start(ctx context.Context, c *kube.Cluster, namespace, account string, run func(folder string) kube.Controller, component string) (kube.Controller, error) {
	folders, err := kube.Components(ctx, component)
	if err != nil {
		return kube.Controller{}, err
	}
	controller := run(folders[component])
	if err := c.Apply(ctx, filepath.Join(folders[component], "crds")); err != nil {
		return controller, err
	}
	if controller.Account, err = c.Account(ctx, namespace, account); err != nil {
		return controller, err
	}
	if err := c.Grant(ctx, "cluster-admin", controller.Account.User(), ""); err != nil {
		return controller, err
	}
	return controller, c.RunController(ctx, controller)
}

// ports are free addresses on the loopback.
func addresses(n int) ([]string, error) {
	var list []string
	for range n {
		port, err := kube.FreePort()
		if err != nil {
			return nil, err
		}
		list = append(list, "127.0.0.1:"+port)
	}
	return list, nil
}

// Ready is nil when the condition Ready (or another) of the object is True, else it
// says what the object says.
func Ready(object kube.Object, condition string) error {
	var typed struct {
		Status struct {
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &typed); err != nil {
		return err
	}
	for _, c := range typed.Status.Conditions {
		if c.Type == condition && c.Status == "True" {
			return nil
		}
		if c.Type == condition {
			return fmt.Errorf("%s is %s: %s: %s", condition, c.Status, c.Reason, c.Message)
		}
	}
	return fmt.Errorf("no condition %s yet", condition)
}
