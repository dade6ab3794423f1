package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Account is a ServiceAccount with what its workload needs: a Pod on a node that
// tokens can be bound to. Nothing runs the Pod.
type Account struct {
	Namespace, Name string
	UID             string
	Pod, PodUID     string // the Pod is named as the account, with -0
}

// User is the name that the API server knows the account by.
func (a *Account) User() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

const node = "node-1"

// Namespace makes a namespace; one that exists is fine.
func (c *Cluster) Namespace(ctx context.Context, name string, labels map[string]string) error {
	meta := Object{"name": name, "labels": labels}
	_, err := c.Admin().Create(ctx, "/api/v1/namespaces", Object{"metadata": meta})
	return unlessExists(err)
}

// Account makes the namespace, the ServiceAccount and its Pod.
func (c *Cluster) Account(ctx context.Context, namespace, name string) (*Account, error) {
	admin, in := c.Admin(), "/api/v1/namespaces/"+namespace
	if err := c.Namespace(ctx, namespace, nil); err != nil {
		return nil, err
	}
	_, err := admin.Create(ctx, "/api/v1/nodes", Object{"metadata": Object{"name": node}})
	if err = unlessExists(err); err != nil {
		return nil, err
	}
	account, err := admin.Create(ctx, in+"/serviceaccounts", Object{"metadata": Object{"name": name}})
	if err != nil {
		return nil, fmt.Errorf("account %s/%s: %w", namespace, name, err)
	}
	pod, err := admin.Create(ctx, in+"/pods", Object{
		"metadata": Object{"name": name + "-0"},
		"spec": Object{"serviceAccountName": name, "nodeName": node, "containers": []Object{
			{"name": "main", "image": "registry.example/" + name},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("pod of %s/%s: %w", namespace, name, err)
	}
	return &Account{Namespace: namespace, Name: name, UID: UID(account), Pod: name + "-0", PodUID: UID(pod)}, nil
}

// PodToken mints a token that is bound to the account's Pod, as the kubelet does.
func (c *Cluster) PodToken(ctx context.Context, a *Account) (string, error) {
	return c.mint(ctx, a, Object{"kind": "Pod", "apiVersion": "v1", "name": a.Pod, "uid": a.PodUID})
}

// FreeToken mints a token that is bound to nothing, as kubectl create token does.
func (c *Cluster) FreeToken(ctx context.Context, a *Account) (string, error) {
	return c.mint(ctx, a, nil)
}

func (c *Cluster) mint(ctx context.Context, a *Account, bound Object) (string, error) {
	spec := Object{"expirationSeconds": 6 * 3600}
	if bound != nil {
		spec["boundObjectRef"] = bound
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", a.Namespace, a.Name)
	answer, err := c.Admin().Create(ctx, path, Object{"spec": spec})
	if err != nil {
		return "", fmt.Errorf("token of %s: %w", a.User(), err)
	}
	status, _ := answer["status"].(Object)
	token, ok := status["token"].(string)
	if !ok {
		return "", fmt.Errorf("token of %s: the server gave none", a.User())
	}
	return token, nil
}

// Grant binds a cluster role to a user or, as system:serviceaccounts:NAMESPACE and
// the like, to a group: everywhere, or in one namespace.
func (c *Cluster) Grant(ctx context.Context, role, user, namespace string) error {
	path, kind := "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "User"
	if namespace != "" {
		path = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace + "/rolebindings"
	}
	if strings.HasPrefix(user, "system:serviceaccounts") {
		kind = "Group"
	}
	_, err := c.Admin().Create(ctx, path, Object{
		"metadata": Object{"name": role + ":" + user},
		"roleRef":  Object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
		"subjects": []Object{{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user}},
	})
	return unlessExists(err)
}

// WriteKubeconfig writes the file that clients read, for whoever has the token.
func (c *Cluster) WriteKubeconfig(file, token string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %s, certificate-authority: %s}}]
users: [{name: test, user: {token: %s}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
`, strconv.Quote(c.URL), strconv.Quote(c.path("ca.crt")), strconv.Quote(token))
	return os.WriteFile(file, []byte(text), 0o600)
}

// UID of an object, as the server gave it.
func UID(object Object) string {
	meta, _ := object["metadata"].(Object)
	uid, _ := meta["uid"].(string)
	return uid
}

func unlessExists(err error) error {
	var status *StatusError
	if errors.As(err, &status) && status.Code == http.StatusConflict {
		return nil
	}
	return err
}
