package controllers

import (
	"context"
	"encoding/json"
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

func homeOf(c *kube.Cluster) string { return filepath.Join(c.Dir, "argocd-repo-server") }

// Plugin starts the real server of a plugin, as it stands beside the repo-server. The
// plugin prints manifests: by a shell command in the folder of an Application, with
// the variables NAME=value.
func (a *Argo) Plugin(ctx context.Context, name, command string, env ...string) error {
	folders, err := kube.Components(ctx, "argo-cd")
	if err != nil {
		return err
	}
	home := homeOf(a.cluster)
	config, err := json.Marshal(kube.Object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "ConfigManagementPlugin", "metadata": kube.Object{"name": name},
		"spec": kube.Object{"generate": kube.Object{"command": []string{"sh", "-c", command}}},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, "plugin.yaml"), config, 0o600); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(folders["argo-cd"], "argocd-cmp-server"), "--config-dir-path="+home)
	cmd.Env = append(os.Environ(), append(env, "HOME="+home, "TMPDIR="+home, "ARGOCD_PLUGINSOCKFILEPATH="+home)...)
	if err := a.cluster.Run("argocd-cmp-server", cmd); err != nil {
		return err
	}
	return kube.Eventually(ctx, func(context.Context) error {
		_, err := os.Stat(filepath.Join(home, name+".sock"))
		return errors.Join(err, a.cluster.Ended())
	})
}

func repoServer(c *kube.Cluster, folder string, listen []string) error {
	home := homeOf(c)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(folder, "argocd-repo-server"),
		"--address=127.0.0.1", "--port="+port(listen[1]), "--metrics-address=127.0.0.1", "--metrics-port="+port(listen[3]),
		"--disable-tls", "--redis="+listen[0])
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "ARGOCD_GPG_ENABLED=false",
		"ARGOCD_ASK_PASS_SOCK="+filepath.Join(home, "ask.sock"), "ARGOCD_PLUGINSOCKFILEPATH="+home)
	return c.Run("argocd-repo-server", cmd)
}

// Application is what Argo CD deploys of a repository, by itself.
type Application struct {
	Name, Namespace string
	Files           map[string]string
	Options         []string // of its syncs, as ServerSideApply=true
	Plugin          string   // that renders the files, see Plugin; "" where they are manifests
}

// Deploy commits the files and makes the Application. A second call of the same name
// is a new commit.
func (a *Argo) Deploy(ctx context.Context, app Application) error {
	repository := filepath.Join(a.cluster.Dir, "repositories", app.Name)
	if err := commit(ctx, repository, app.Files); err != nil {
		return err
	}
	source := kube.Object{"repoURL": "file://" + repository, "path": ".", "targetRevision": "HEAD"}
	if app.Plugin != "" {
		source["plugin"] = kube.Object{"name": app.Plugin}
	}
	_, err := a.cluster.Admin().Create(ctx, applications, kube.Object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": kube.Object{"name": app.Name},
		"spec": kube.Object{
			"project":     "default",
			"source":      source,
			"destination": kube.Object{"server": "https://kubernetes.default.svc", "namespace": app.Namespace},
			"syncPolicy":  kube.Object{"automated": kube.Object{}, "syncOptions": app.Options},
		},
	})
	var status *kube.StatusError
	if errors.As(err, &status) && status.Code == 409 {
		// Else it looks for a new commit after three minutes.
		refresh := kube.Object{"argocd.argoproj.io/refresh": "hard"}
		_, err = a.cluster.Admin().Merge(ctx, applications+"/"+app.Name, kube.Object{"metadata": kube.Object{"annotations": refresh}})
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
