package controllers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/test/kube"
)

// Argo is Argo CD's real application-controller, running, with its real repo-server.
type Argo struct {
	kube.Controller
	cluster *kube.Cluster
}

const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"

// StartArgo starts both and a Redis, and makes the settings and the project default.
func StartArgo(ctx context.Context, c *kube.Cluster) (*Argo, error) {
	listen, err := addresses(5)
	if err != nil {
		return nil, err
	}
	if err := c.Namespace(ctx, "argocd", nil); err != nil {
		return nil, err
	}
	if err := settings(ctx, c); err != nil {
		return nil, err
	}
	folders, err := kube.Components(ctx, "argo-cd")
	if err != nil {
		return nil, err
	}
	if err := c.Run("argocd-redis", exec.Command(filepath.Join(folders["argo-cd"], "redis"), listen[0])); err != nil {
		return nil, err
	}
	if err := repoServer(c, folders["argo-cd"], listen); err != nil {
		return nil, err
	}
	a := &Argo{cluster: c}
	a.Controller, err = start(ctx, c, "argocd", "argocd-application-controller", func(folder string) kube.Controller {
		return kube.Controller{
			Path: filepath.Join(folder, "argocd-application-controller"),
			Args: []string{
				"--redis=" + listen[0], "--repo-server=" + listen[1], "--repo-server-plaintext",
				"--metrics-port=" + port(listen[2]), "--namespace=argocd", "--app-resync=5",
			},
		}
	}, "argo-cd")
	if err != nil {
		return nil, err
	}
	_, err = c.Admin().Create(ctx, "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects", kube.Object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": kube.Object{"name": "default"},
		"spec": kube.Object{
			"sourceRepos":  []string{"*"},
			"destinations": []kube.Object{{"namespace": "*", "server": "*"}},
		},
	})
	return a, err
}

// settings that Argo CD does not start without.
func settings(ctx context.Context, c *kube.Cluster) error {
	of := func(name string) kube.Object {
		return kube.Object{"name": name, "labels": kube.Object{"app.kubernetes.io/part-of": "argocd"}}
	}
	_, err := c.Admin().Create(ctx, "/api/v1/namespaces/argocd/configmaps", kube.Object{"metadata": of("argocd-cm")})
	if err != nil {
		return err
	}
	_, err = c.Admin().Create(ctx, "/api/v1/namespaces/argocd/secrets", kube.Object{
		"metadata": of("argocd-secret"), "stringData": kube.Object{"server.secretkey": "of a test"},
	})
	return err
}

func repoServer(c *kube.Cluster, folder string, listen []string) error {
	home := filepath.Join(c.Dir, "argocd-repo-server")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(folder, "argocd-repo-server"),
		"--address=127.0.0.1", "--port="+port(listen[1]), "--metrics-address=127.0.0.1", "--metrics-port="+port(listen[3]),
		"--disable-tls", "--redis="+listen[0])
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "ARGOCD_GPG_ENABLED=false", "ARGOCD_ASK_PASS_SOCK="+filepath.Join(home, "ask.sock"))
	return c.Run("argocd-repo-server", cmd)
}

// Deploy commits the files to a repository and makes an Application of it that
// syncs by itself, with the options, as ServerSideApply=true. A second call of the
// same name is a new commit.
func (a *Argo) Deploy(ctx context.Context, name, namespace string, files map[string]string, options ...string) error {
	repository := filepath.Join(a.cluster.Dir, "repositories", name)
	if err := commit(ctx, repository, files); err != nil {
		return err
	}
	_, err := a.cluster.Admin().Create(ctx, applications, kube.Object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": kube.Object{"name": name},
		"spec": kube.Object{
			"project":     "default",
			"source":      kube.Object{"repoURL": "file://" + repository, "path": ".", "targetRevision": "HEAD"},
			"destination": kube.Object{"server": "https://kubernetes.default.svc", "namespace": namespace},
			"syncPolicy":  kube.Object{"automated": kube.Object{}, "syncOptions": options},
		},
	})
	var status *kube.StatusError
	if errors.As(err, &status) && status.Code == 409 {
		// Else it looks for a new commit after three minutes.
		refresh := kube.Object{"argocd.argoproj.io/refresh": "hard"}
		_, err = a.cluster.Admin().Merge(ctx, applications+"/"+name, kube.Object{"metadata": kube.Object{"annotations": refresh}})
	}
	return err
}

func commit(ctx context.Context, repository string, files map[string]string) error {
	if err := os.MkdirAll(repository, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(repository, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, args := range []string{"init -q -b main", "add -A", "-c user.name=Ada -c user.email=ada@example.com commit -q -m Change"} {
		cmd := exec.CommandContext(ctx, "git", strings.Fields(args)...)
		cmd.Dir = repository
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args, err, out)
		}
	}
	return nil
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }
